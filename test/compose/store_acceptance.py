"""AC3: the replicated store under Compose, while its nodes are killed and cut off under load.

    python3 store_acceptance.py [python|typescript|mine]

Two box offices sell through all of it, one in each language; the steps go in their order, and the
last one judges what they heard: as if there were one copy, and no sale that was acknowledged lost.
Standard library alone, so that learners can judge a store of their own with it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from stack import BUILD_TIMEOUT_S, HERE, Implementation, Stack, engine_missing, wait_for

COURSE = HERE.parent.parent / "distributed-systems-course"
EXAMPLE = COURSE / "examples/02-store"
NODES = ("store-1", "store-2", "store-3")
OFFICES = ("office-python", "office-typescript")
IMPLEMENTATIONS = {
    name: Implementation(name, NODES, owner)
    for name, owner in (
        ("python", "The Python"),
        ("typescript", "The TypeScript"),
        ("mine", "Your"),
    )
}

SAY = """
import socket, sys
words = {words!r}
with socket.create_connection(({node!r}, 6379), timeout=20) as connection:
    parts = [word.encode() for word in words]
    text = b"".join(b"$%d\\r\\n%s\\r\\n" % (len(part), part) for part in parts)
    connection.sendall(b"*%d\\r\\n%s" % (len(parts), text))
    print(connection.recv(65536).decode())
"""
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


class Store(Stack):
    def compose(self, *arguments: str, timeout_s: float = 180) -> str:
        files = ("-f", str(EXAMPLE / "compose.yaml"), "-f", str(HERE / "store_override.yaml"))
        return self.run(
            *("docker", "compose", "-p", self.project, *files, *arguments), timeout_s=timeout_s
        )

    def break_(self, how: str, service: str) -> str:
        return self.run(str(EXAMPLE / "shop"), how, service)

    def up(self) -> None:
        self.compose("build", timeout_s=BUILD_TIMEOUT_S)
        self.compose("up", "--detach")
        self.wait_healthy(*NODES)

    def say(self, node: str, *words: str) -> str:
        """What a node answers, as it comes."""
        return self.python(SAY.format(node=node, words=words)).strip()

    def status(self) -> dict[str, Any]:
        """What each node believes that answers."""
        found: dict[str, Any] = json.loads(self.python(STATUS.format(nodes=NODES)))
        return found

    def leader(self) -> str:
        def look() -> str:
            said = {node["leader"] for node in self.status().values()}
            return f"store-{said.pop()}" if len(said) == 1 and said != {0} else ""

        return str(wait_for("a leader that all nodes agree on", look))

    def history(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.python(HISTORY).splitlines()]

    def sales(self) -> list[str]:
        lines = self.history()
        return [line["value"][1] for line in lines if (line["type"], line["f"]) == ("ok", "cas")]


@dataclass
class Story:
    stack: Store
    kills: int = 0
    words: str = ""
    before: list[str] = field(default_factory=list)


Step = tuple[str, Callable[[Story], None]]


def steps() -> list[Step]:
    killing = "killing {} loses nothing and stops nothing"
    return [
        ("offices of both languages sell", both_sell),
        ("data is copied to every node", copied),
        ("reads are answered by their level", levels),
        (killing.format("the node that leads"), kill_leader),
        *((killing.format(node), partial(kill, node)) for node in NODES),
        ("a follower that is cut off says what it has, and no more", cut_follower),
        ("killing all nodes at once loses nothing", kill_all),
        ("nodes and offices stop when they are told to", graceful_stop),
        ("what the offices heard is as if there were one copy", judged),
    ]


def both_sell(story: Story) -> None:
    wait_for("ten sales of each office", lambda: sold_since(story, 0, 10))


def sold_since(story: Story, start: int, each: int = 3) -> bool:
    names = [order.rsplit("-", 1)[0] for order in story.stack.sales()[start:]]
    return all(names.count(office) >= each for office in OFFICES)


def goes_on(story: Story) -> None:
    start = len(story.stack.sales())
    wait_for("both offices to sell", lambda: sold_since(story, start))


def same_everywhere(story: Story) -> None:
    """Offices sell on, so what is compared is one key, by name."""
    key, order = "acceptance", f"order-{story.kills}-{len(story.words)}"
    leader = story.stack.leader()
    answer = story.stack.say(leader, "CONSISTENCY", "majority", "SET", key, order)
    assert answer == "+OK", answer
    for node in NODES:
        wait_for(
            f"{node} to have it",
            lambda: order in story.stack.say(node, "CONSISTENCY", "local", "GET", key),  # noqa: B023
        )


def copied(story: Story) -> None:
    same_everywhere(story)


def levels(story: Story) -> None:
    stack, leader = story.stack, story.stack.leader()
    follower = next(node for node in NODES if node != leader)
    assert stack.say(leader, "CONSISTENCY", "all", "SET", "level", "seen") == "+OK"
    for level in ("local", "session"):
        assert "seen" in stack.say(follower, "CONSISTENCY", level, "GET", "level"), level
    moved = stack.say(follower, "CONSISTENCY", "linearizable", "GET", "level")
    assert moved.startswith("-MOVED ") and moved.endswith(f"{leader}:6379"), moved
    assert "seen" in stack.say(leader, "CONSISTENCY", "linearizable", "GET", "level")


def kill_leader(story: Story) -> None:
    leader = story.stack.leader()
    story.stack.break_("kill", leader)
    story.kills += 1
    wait_for("another to lead", lambda: story.stack.leader() != leader)
    goes_on(story)
    story.stack.break_("heal", leader)
    story.stack.wait_healthy(*NODES)


def kill(node: str, story: Story) -> None:
    story.stack.break_("kill", node)
    story.kills += 1
    goes_on(story)
    story.stack.break_("heal", node)
    story.stack.wait_healthy(*NODES)
    same_everywhere(story)


def cut_follower(story: Story) -> None:
    stack, leader = story.stack, story.stack.leader()
    follower = next(node for node in NODES if node != leader)
    assert stack.say(leader, "CONSISTENCY", "all", "SET", "cut", "before") == "+OK"
    stack.break_("cut", follower)
    assert stack.say(leader, "SET", "cut", "after") == "+OK"
    late = stack.say(leader, "CONSISTENCY", "all", "SET", "cut", "after")
    assert late == "-NOTALL 2 of 3; the write stands", late
    assert "before" in stack.say(follower, "CONSISTENCY", "local", "GET", "cut")
    refused = stack.say(follower, "CONSISTENCY", "linearizable", "GET", "cut")
    assert refused.startswith(("-MOVED ", "-CLUSTERDOWN ")), refused
    goes_on(story)
    stack.break_("heal", follower)
    same_everywhere(story)
    assert "after" in stack.say(follower, "CONSISTENCY", "local", "GET", "cut")


def kill_all(story: Story) -> None:
    story.stack.kill(*NODES)
    story.kills += len(NODES)
    story.stack.start(*NODES)
    goes_on(story)
    same_everywhere(story)


def graceful_stop(story: Story) -> None:
    stack = story.stack
    stack.compose("stop", *OFFICES)
    stack.compose("stop", *NODES)
    for service in (*OFFICES, *NODES):
        assert stack.exit_code(service) == 0, f"{service} ended with {stack.exit_code(service)}"


def judged(story: Story) -> None:
    """By our checker where it is built, and by the course's own in both languages."""
    history = story.stack.history()
    sold = sum((line["type"], line["f"]) == ("ok", "cas") for line in history)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "history.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in history))
        judges = [[sys.executable, COURSE / "exercises/judge.py", path]]
        if os.environ.get("QUARTET"):
            judges.append([os.environ["QUARTET"], "check", "kv", path])
            judges.append(["node", COURSE / "exercises/judge.ts", path])
        for judge in judges:
            done = subprocess.run(judge, capture_output=True, text=True, timeout=300)
            said = done.stdout + done.stderr
            named = re.search(r'key ("[^"]*")', said)
            key = json.loads(named[1]) if named else ""
            about = "\n".join(json.dumps(line) for line in history if line["key"] == key)
            assert done.returncode == 0, f"{said}{about}"
    owner = story.stack.implementation.owner
    story.words = f"{owner} store: {story.kills} kills under load.\n0 of {sold} sales lost."
    assert sold > 100 and story.kills > 3, story.words


def main() -> int:
    name = sys.argv[1] if len(sys.argv) == 2 else "python"
    if name not in IMPLEMENTATIONS:
        print(f"there is no implementation {name}; there are {', '.join(IMPLEMENTATIONS)}")
        return 2
    if why := engine_missing():
        print(why)
        return 1
    story = Story(Store(IMPLEMENTATIONS[name]))
    try:
        story.stack.up()
        for title, step in steps():
            step(story)
            print(f"ok: {title}", flush=True)
    except AssertionError as error:
        print(f"NOT ok: {error}")
        return 1
    finally:
        story.stack.remove()
    print(story.words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
