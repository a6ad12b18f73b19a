"""The Compose stack of a replicated system whose clients write histories of one key or another."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stack import BUILD_TIMEOUT_S, HERE, Stack, wait_for

COURSE = HERE.parent.parent / "distributed-systems-course"
Line = dict[str, Any]

STATUS = """
import json, urllib.request
found = {{}}
for node in {nodes!r}:
    try:
        with urllib.request.urlopen(f"http://{{node}}:9000/status", timeout=2) as reply:
            found[node] = json.load(reply)
    except OSError:
        pass
print(json.dumps(found))
"""
HISTORY = """
import glob, json
lines = [line for name in glob.glob("/results/*.jsonl") for line in open(name)]
lines = [line for line in lines if line.endswith("\\n")]
print("".join(sorted(lines, key=lambda line: json.loads(line)["time"])), end="")
"""


class Replicated(Stack):
    example: Path  # the folder of its compose.yaml
    override: str  # a file beside this one

    def compose(self, *arguments: str, timeout_s: float = 180) -> str:
        files = ("-f", str(self.example / "compose.yaml"), "-f", str(HERE / self.override))
        return self.run(
            *("docker", "compose", "-p", self.project, *files, *arguments), timeout_s=timeout_s
        )

    def shop(self, *words: str) -> str:
        """As the reader does it; returns what it printed."""
        return self.run(str(self.example / "shop"), *words)

    def break_(self, how: str, service: str) -> str:
        return self.shop(how, service)

    def up(self) -> None:
        self.compose("build", timeout_s=BUILD_TIMEOUT_S)
        self.compose("up", "--detach")
        self.wait_healthy(*self.implementation.nodes)

    def status(self) -> dict[str, Any]:
        """What each node believes that answers."""
        program = STATUS.format(nodes=self.implementation.nodes)
        found: dict[str, Any] = json.loads(self.python(program))
        return found

    def leader(self, *apart: str) -> str:
        """The node that leads, as all say who are not set apart."""

        def look() -> str:
            believed = self.status()
            said = {believed[node]["leader"] for node in believed if node not in apart}
            if len(said) != 1 or said == {0}:
                return ""
            return next(n for n in self.implementation.nodes if n.endswith(f"-{list(said)[0]}"))

        return str(wait_for("a leader that all nodes agree on", look))

    def history(self) -> list[Line]:
        return [json.loads(line) for line in self.python(HISTORY).splitlines()]

    def stood(self) -> list[str]:
        """What was acknowledged, as `... WHO-NUMBER`."""
        lines = self.history()
        return [line["value"][1] for line in lines if (line["type"], line["f"]) == ("ok", "cas")]

    def stood_since(self, start: int, each: int, clients: tuple[str, ...]) -> bool:
        """Whether that many of each client's were, since there were so many in all."""
        names = [text.split()[-1].rsplit("-", 1)[0] for text in self.stood()[start:]]
        return all(names.count(client) >= each for client in clients)

    def go_on(self, clients: tuple[str, ...], each: int = 3) -> None:
        start = len(self.stood())
        wait_for(
            f"{each} more of each of {clients}", lambda: self.stood_since(start, each, clients)
        )

    def stop(self, *services: str) -> None:
        """As SIGTERM asks for it."""
        self.compose("stop", *services)
        for service in services:
            code = self.exit_code(service)
            assert code == 0, f"{service} ended with {code}"


def judge(history: list[Line]) -> None:
    """By our checker where it is built, and by the course's own in both languages."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "history.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in history))
        judges = [[sys.executable, COURSE / "exercises/judge.py", path]]
        if os.environ.get("QUARTET"):
            judges.append([os.environ["QUARTET"], "check", "kv", path])
            judges.append(["node", COURSE / "exercises/judge.ts", path])
        for one in judges:
            done = subprocess.run(one, capture_output=True, text=True, timeout=300)
            said = done.stdout + done.stderr
            named = re.search(r'key ("[^"]*")', said)
            key = json.loads(named[1]) if named else ""
            about = "\n".join(json.dumps(line) for line in history if line["key"] == key)
            assert done.returncode == 0, f"{said}{about}"
