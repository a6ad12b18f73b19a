"""What there is of a shop: the containers that Compose has made, and what its nodes believe.

The words that shop.py's commands are made of; standard library only, and a Python of 2019 will do.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

ANSWER_S = 2  # how long a node may take to say what it believes
FRONT, PEERS, ISLAND = "front", "peers", "island"
COLUMNS = (  # of `docker ps`
    '{{.Label "com.docker.compose.project"}}',
    '{{.Label "com.docker.compose.service"}}',
    '{{.Label "com.docker.compose.project.working_dir"}}',
    '{{.Label "com.docker.compose.oneoff"}}',
    "{{.Names}}",
    "{{.State}}",
    "{{.Status}}",
    "{{.Networks}}",
    "{{.Ports}}",
)


@dataclass(frozen=True)
class Table:
    """What differs from shop to shop. The folder holds compose.yaml, whose project is NAME-IMPL."""

    folder: str
    name: str  # of the system, and so of its nodes: queue-1, queue-2, ...
    nodes: Dict[str, int]  # implementation -> how many nodes it has; the first one is the default
    clients: Tuple[str, ...]  # the other services
    port: int  # of node 1 on this machine; the next node has the next one
    admin: int  # likewise: where a node says what it believes
    say: Callable[[int, List[str]], int]  # says words to the node at a port; returns an exit code
    steps: Dict[str, int] = field(default_factory=dict)  # implementation -> how many it is built in
    readers: Tuple[str, ...] = ()  # the services whose image has story.py and tally.py


@dataclass(frozen=True)
class Container:
    project: str
    service: str
    folder: str
    oneoff: str
    name: str
    state: str  # running, paused, exited, ...
    status: str  # Up 3 seconds (healthy)
    networks: Tuple[str, ...]
    ports: str

    def is_on(self, network: str) -> bool:
        return f"{self.project}_{network}" in self.networks


class Wrong(Exception):
    """One line that says what is wrong and what to do, and the exit code."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


# --- docker ---------------------------------------------------------------------------------------


def listing() -> List[Container]:
    """Every container that Compose has made on this machine, whether it runs or not."""
    words = ["ps", "--all", "--no-trunc", "--filter", "label=com.docker.compose.project"]
    done = docker_says(*words, "--format", "\t".join(COLUMNS))
    found = []
    for line in done.splitlines():
        project, service, folder, oneoff, name, state, status, networks, ports = line.split("\t")
        on = tuple(networks.split(","))
        found.append(
            Container(project, service, folder, oneoff, name, state, status, on, ports.strip())
        )
    return [one for one in found if one.oneoff != "True"]


def docker_says(*words: str) -> str:
    try:
        done = subprocess.run(
            ["docker", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
    except OSError:
        raise Wrong("there is no docker here; ./learn doctor says what is missing", 1) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise Wrong(f"docker {words[0]} failed: {said}", 1)
    return done.stdout


def must_have_compose() -> None:
    """Without the plugin docker takes Compose's flags for its own, and knows none of them."""
    done = subprocess.run(
        ["docker", "compose", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise Wrong("docker has no Compose here; ./learn doctor says what to install", 1)


def show(command: str) -> None:
    print("+ " + command, file=sys.stderr, flush=True)


def docker(*words: str) -> None:
    show("docker " + " ".join(words))
    done = subprocess.run(["docker", *words], stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Wrong(f"docker {words[0]} did not do it: see above", 1)


# --- the shop -------------------------------------------------------------------------------------


class Shop:
    def __init__(self, table: Table) -> None:
        self.table = table
        self.env_file = os.path.join(table.folder, ".env")
        self.choose()
        self.own_name = os.environ.get("COMPOSE_PROJECT_NAME")  # as Compose has it, for our tests
        self.project = self.own_name or f"{table.name}-{self.impl}"
        self.containers: Dict[str, Container] = {}  # service -> of this shop
        self.all: List[Container] = []

    def choose(self) -> None:
        """What was chosen last: IMPL of the environment goes first, as for Compose."""
        kept = dict(os.environ)
        if "IMPL" not in kept:
            try:
                with open(self.env_file) as file:
                    kept.update(re.findall(r"^(IMPL|STEP)=(\w+)$", file.read(), re.MULTILINE))
            except OSError:
                pass  # nothing was chosen yet
        self.impl = kept.get("IMPL") or next(iter(self.table.nodes))
        if self.impl not in self.table.nodes:
            raise Wrong(f"IMPL is {self.impl}, and there is none; there are {self.impls()}")
        steps = self.table.steps.get(self.impl, 0)
        step = kept.get("STEP", "")
        self.step = int(step) if step.isdigit() and 1 <= int(step) <= steps else steps

    def impls(self) -> str:
        return ", ".join(self.table.nodes)

    def look(self) -> None:
        """Finds what runs. What runs is meant, whatever was chosen."""
        self.all = listing()
        mine = self.projects()
        if not self.own_name and self.project not in mine and len(mine) == 1:
            self.project = mine[0]
            self.impl = self.project[len(self.table.name) + 1 :]
            self.step = self.table.steps.get(self.impl, 0)
        self.containers = {c.service: c for c in self.all if c.project == self.project}

    def projects(self) -> List[str]:
        """Those of this folder's shops of which there is any container."""
        there = {container.project for container in self.all}
        return [
            f"{self.table.name}-{i}" for i in self.table.nodes if f"{self.table.name}-{i}" in there
        ]

    def node(self, number: int) -> str:
        return f"{self.table.name}-{number}"

    def nodes(self) -> List[str]:
        return [self.node(n + 1) for n in range(self.table.nodes[self.impl])]

    def services(self) -> List[str]:
        return [*self.nodes(), *self.table.clients]

    def workers(self) -> List[str]:
        return [name for name in self.table.clients if name.startswith("worker")]

    def called(self, impl: str = "") -> str:
        """The shop in words."""
        impl = impl or self.impl
        steps = self.table.steps.get(impl, 0)
        part = f", step {self.step}" if impl == self.impl and self.step < steps else ""
        return f"the shop on {impl}{part}"

    def must_be_there(self) -> None:
        self.look()
        if not self.containers:
            raise Wrong("no shop is up here: ./shop up starts one", 1)

    def compose(
        self, *words: str, impl: str = "", quiet: bool = False, output: Optional[IO[str]] = None
    ) -> int:
        """In the shop's folder, and printed so that it can be typed there."""
        chosen = impl or self.impl
        env = dict(os.environ, IMPL=chosen, STEP=str(self.step or ""))
        env.pop("COMPOSE_PROFILES", None)
        env.pop("COMPOSE_FILE", None)
        if not quiet:
            if os.path.realpath(os.getcwd()) != os.path.realpath(self.table.folder):
                show("cd " + shlex.quote(os.path.relpath(self.table.folder)))
            plain = Shop(self.table)  # what Compose would do by itself
            other = "" if plain.impl == chosen else f"IMPL={chosen} "
            show(other + "docker compose " + " ".join(map(shlex.quote, words)))
        try:
            return subprocess.run(
                ["docker", "compose", *words], cwd=self.table.folder, env=env, stdout=output
            ).returncode
        except OSError:
            raise Wrong("there is no docker here; ./learn doctor says what is missing", 1) from None

    # -- names ------------------------------------------------------------------------------------

    def find(self, word: str) -> Container:
        """A container by what was typed: 2, queue-2, leader, worker-python; worker is any."""
        if word == "leader":
            word = self.the_leader()
        elif word == "worker" and self.workers():
            up = [w for w in self.workers() if self.state(w) == "running"]
            word = up[0] if up else self.workers()[0]
        name = self.node(int(word)) if word.isdigit() else word
        if name in self.containers:
            return self.containers[name]
        if name in self.services():
            raise Wrong(f"{name} is not there, though it should be: ./shop up starts it", 1)
        names = ", ".join(self.services())
        raise Wrong(f"there is no {word} in {self.called()}; there are {names}")

    def state(self, service: str) -> str:
        return self.containers[service].state if service in self.containers else "not there"

    # -- what nodes believe -----------------------------------------------------------------------

    def belief(self, service: str) -> Dict[str, Any]:
        """What a node says of itself; nothing if it does not run or does not say."""
        if self.state(service) != "running" or service not in self.nodes():
            return {}
        port = self.table.admin + self.nodes().index(service)
        for path in ("status", "health"):  # a small queue has health alone
            try:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/{path}", timeout=ANSWER_S
                ) as reply:
                    found = json.load(reply)
                    return found if isinstance(found, dict) else {}
            except urllib.error.HTTPError:
                continue
            except (OSError, ValueError):
                return {}
        return {}

    def leaders(self) -> Dict[Tuple[str, int], List[str]]:
        """(who leads, in which term) -> the nodes that say so."""
        said: Dict[Tuple[str, int], List[str]] = {}
        for name in self.nodes():
            belief = self.belief(name)
            if belief.get("leader"):
                who = (self.node(int(belief["leader"])), int(belief.get("term", 0)))
                said.setdefault(who, []).append(name)
        return said

    def the_leader(self) -> str:
        """Of two who are said to lead, the one of the later term."""
        if len(self.nodes()) == 1:
            return self.nodes()[0]
        said = self.leaders()
        if not said:
            raise Wrong("no node says who leads: ./shop status tells what runs", 1)
        return max(said, key=lambda who: who[1])[0]
