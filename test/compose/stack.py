"""The Compose stack of examples/01-queue under a project name of its own, and what it reports.

Everything goes through the docker command line, as a reader of the course would do it, and every
look at the stack from inside goes through the container `reader` (override.yaml).
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent.parent / "distributed-systems-course/examples/01-queue"
WORKERS = ("worker-python", "worker-typescript-1", "worker-typescript-2")
COMMAND_TIMEOUT_S = 120
BUILD_TIMEOUT_S = 600
PATIENCE_S = 120  # for anything that must come: a busy machine is slow, which is no failure

Event = dict[str, Any]


@dataclass(frozen=True)
class Implementation:
    name: str  # the value of IMPL
    nodes: tuple[str, ...]  # its services
    owner: str = "The"  # of whose queue the last words speak
    expires_silent_leases: bool = True


ONE = ("queue-1",)
IMPLEMENTATIONS = {
    "c": Implementation("c", ("queue-1", "queue-2", "queue-3"), "The C"),
    "python": Implementation("python", ONE, "The Python"),
    "typescript": Implementation("typescript", ONE, "The TypeScript"),
    "mine": Implementation("mine", ONE, "Your"),
    # beanstalkd 1.12 may forget the deadline of a client that stays silent after its
    # reserve-with-timeout (its pull request 174; seen here too).
    "beanstalkd": Implementation("beanstalkd", ONE, "Beanstalkd's", expires_silent_leases=False),
}


def engine_missing() -> str:
    """Why no stack can be brought up here; '' where one can."""
    for command, reason in (
        (["docker", "info"], "no Docker engine answers"),
        (["docker", "compose", "version"], "docker has no compose v2"),
    ):
        try:
            done = subprocess.run(command, capture_output=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{reason}: {error}"
        if done.returncode != 0:
            return reason
    return ""


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """Returns the first thing that look() finds; fails at the deadline, naming what never came."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"after {PATIENCE_S} s still waiting for {what}"
        time.sleep(0.2)


class Stack:
    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self.project = f"quartet-test-{implementation.name}-{os.getpid()}"

    # -- the docker command line -------------------------------------------------------------------

    def compose(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        files = ("-f", str(EXAMPLE / "compose.yaml"), "-f", str(HERE / "override.yaml"))
        command = ("docker", "compose", "-p", self.project, *files, *arguments)
        return self.run(*command, timeout_s=timeout_s)

    def docker(self, *arguments: str, stdin: str = "") -> str:
        return self.run("docker", *arguments, stdin=stdin)

    def run(self, *command: str, stdin: str = "", timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        env = dict(os.environ, IMPL=self.implementation.name, COMPOSE_PROJECT_NAME=self.project)
        env["STEP"] = ""  # whatever .env says
        env.pop("COMPOSE_PROFILES", None)
        env.pop("COMPOSE_FILE", None)
        done = subprocess.run(
            command, env=env, input=stdin, capture_output=True, text=True, timeout=timeout_s
        )
        assert done.returncode == 0, (
            f"{' '.join(command)}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
        return done.stdout

    def break_(self, how: str, service: str) -> str:
        """As the reader does it; returns what it printed."""
        return self.run(str(EXAMPLE / "shop"), how, service)

    def logs(self, lines: int) -> str:
        """The last lines that the queue's nodes have said."""
        nodes = self.implementation.nodes
        return self.compose("logs", "--tail", str(lines), "--no-log-prefix", *nodes)

    def container(self, service: str) -> str:
        return f"{self.project}-{service}-1"

    def up(self) -> None:
        self.compose("build", timeout_s=BUILD_TIMEOUT_S)
        self.compose("up", "--detach")
        self.wait_healthy(*self.implementation.nodes, *WORKERS, "producer")

    def remove(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "1")

    def kill(self, *services: str) -> None:
        self.docker("kill", "--signal", "KILL", *map(self.container, services))

    def start(self, *services: str) -> None:
        self.docker("start", *map(self.container, services))

    def exit_code(self, service: str) -> int:
        return int(self.docker("inspect", "-f", "{{.State.ExitCode}}", self.container(service)))

    def wait_healthy(self, *services: str) -> None:
        wanted = {self.container(service) for service in services}

        def look() -> bool:
            return wanted <= set(
                self.docker(
                    *("ps", "--filter", f"label=com.docker.compose.project={self.project}"),
                    *("--filter", "health=healthy", "--format", "{{.Names}}"),
                ).split()
            )

        wait_for(f"{', '.join(services)} to be healthy", look)

    def put_tasks(self, language: str, **settings: int) -> list[str]:
        """Runs a producer to its end, with these settings; returns the keys acknowledged to it."""
        name = f"producer-{language}-{time.monotonic_ns()}"
        service, program = {
            "python": ("worker-python", ("python", "producer.py")),
            "typescript": ("worker-typescript-1", ("node", "producer.ts")),
        }[language]
        quiet = {"FAIL_EVERY": 0, "POISON_EVERY": 0, "SLOW_EVERY": 0, "PAUSE_MS": 0}
        flags = []
        for key, value in {"NAME": name, "TTR_S": 3, "WORK_MS": 200, **quiet, **settings}.items():
            flags += ["-e", f"{key}={value}"]
        self.compose("run", "--rm", "--no-deps", *flags, service, *program)
        return [event["key"] for event in self.events() if is_by(event, name, "sent")]

    def put_raw(self, body: str) -> None:
        """As no producer of ours would do it."""
        self.python(f"{CONNECT}\nclient.use('tickets'); client.put({body!r}.encode(), priority=1)")

    # -- what the stack reports --------------------------------------------------------------------

    def python(self, program: str) -> str:
        """Runs a program inside, where `queue-1` is a name and the client library is at hand."""
        return self.docker("exec", "-i", self.container("reader"), "python", "-", stdin=program)

    def events(self) -> list[Event]:
        """All journals so far, in the order of time; `at` in seconds."""
        lines = self.python(
            "import glob\nfor name in glob.glob('/results/*.jsonl'): print(open(name).read())"
        )
        events = [json.loads(line) for line in lines.splitlines() if line.endswith("}")]
        for event in events:
            event["at"] = datetime.fromisoformat(event["at"]).timestamp()
        return sorted(events, key=lambda event: event["at"])

    def tickets(self) -> set[str]:
        """The keys of all work done."""
        names = self.python("import os\nprint(*os.listdir('/results/tickets'))").split()
        return {name.removesuffix(".json") for name in names if name.endswith(".json")}

    def jobs_left(self, tube: str) -> int:
        """How many jobs wait in the tube, are delayed, reserved or buried."""
        return int(
            self.python(
                f"{CONNECT}\n"
                f"stats = client.stats_tube({tube!r})\n"
                "print(sum(stats[f'current-jobs-{state}']\n"
                "      for state in ('ready', 'delayed', 'reserved', 'buried')))"
            )
        )

    def letters(self) -> list[dict[str, Any]]:
        """What lies in the dead tube. It is only looked at: closing gives all of it back."""
        lines = self.python(
            f"{CONNECT}\n"
            "client.watch('tickets.dead'); client.ignore('default')\n"
            "try:\n"
            "    while True: print(client.reserve(timeout=0).body.decode())\n"
            "except greenstalk.TimedOutError: pass"
        )
        return [json.loads(line) for line in lines.splitlines()]

    def leader(self) -> str:
        """The node that leads, by what the nodes themselves say."""

        def look() -> str:
            return self.python(LEADER.format(nodes=self.implementation.nodes)).strip()

        return wait_for("a leader", look)


CONNECT = """
import greenstalk
for host in ("queue-1", "queue-2", "queue-3"):
    try:
        client = greenstalk.Client((host, 11300), encoding=None)
        break
    except OSError:
        pass
"""

LEADER = """
import json, urllib.request
for node in {nodes}:
    try:
        with urllib.request.urlopen(f"http://{{node}}:9000/status", timeout=2) as reply:
            if json.load(reply)["role"] == "leader":
                print(node)
                break
    except OSError:
        pass
"""


def is_by(event: Event, who: str, *kinds: str) -> bool:
    return event["who"] == who and event["event"] in kinds
