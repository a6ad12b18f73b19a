"""One command for a shop: what each examples/NN-*/shop does, by the small table that it gives.

It wraps docker and prints the commands by which it changes something (with `+ ` before them), so
that whoever wants to can go on by hand. Three rules:

  - Commands are for the shop that runs. `up` starts the one that was chosen last, and takes down
    any other: there is one at a time. The choice lies in .env, where plain Compose reads it, too.
  - Every node is on two networks: `front`, where its clients are, and `peers`, where the other
    nodes are and where alone it is called peer-N. To cut a node off takes it off `peers`: its
    clients still reach it.
  - What cannot be done is one line on stderr: exit code 2 if it was asked for wrongly, else 1.

Standard library only, and a Python of 2019 will do.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
from typing import IO, Any, Callable, Dict, List, NoReturn, Optional, Tuple

from shop_breaks import command_break, command_heal, command_split, lacking
from shop_world import (
    ANSWER_S,
    ISLAND,
    Container,
    Shop,
    Table,
    Wrong,
    docker,
    docker_says,
    listing,
    must_have_compose,
    show,
)

__all__ = ["Table", "main"]
EXAMPLES = os.path.dirname(os.path.realpath(__file__))

# --- commands: up, down, status, leader -----------------------------------------------------------


def command_up(shop: Shop, options: argparse.Namespace) -> int:
    """Start the shop on IMPL, or on the one chosen last; takes down any other."""
    table = shop.table
    if options.impl is not None:
        if options.impl not in table.nodes:
            raise Wrong(f"there is no implementation {options.impl}; there are {shop.impls()}")
        shop.impl = options.impl
        shop.step = table.steps.get(shop.impl, 0)
    if options.step is not None:
        steps = table.steps.get(shop.impl, 0)
        if not steps:
            raise Wrong(f"{shop.impl} is not built in steps; {', '.join(table.steps)} are")
        if not 1 <= options.step <= steps:
            raise Wrong(f"there is no step {options.step}: {shop.impl} has 1 to {steps}")
        shop.step = options.step
    if not shop.own_name:
        shop.project = f"{table.name}-{shop.impl}"
    shop.all = listing()
    must_have_compose()
    for project, folder in others(shop.all, shop.project):
        print(f"{project} is up, and there is room for one shop: it goes down first", flush=True)
        take_down(project, folder)
    shop.all = listing()
    refuse_taken_ports(shop)
    with open(shop.env_file, "w") as file:
        file.write(
            "# Written by ./shop up: what it starts when it is told no more, and so does Compose.\n"
            f"IMPL={shop.impl}\n" + (f"STEP={shop.step}\n" if shop.step else "")
        )
    if shop.compose("up", "--build", "--detach") != 0:
        raise Wrong(f"{shop.called()} did not start, or not all of it: ./shop status", 1)
    print(f"Up: {shop.called()}. ./shop status looks at it, ./shop down takes it down.")
    return 0


def others(everything: List[Container], project: str) -> List[Tuple[str, str]]:
    """(project, folder) of the course's shops that are up, beside this one. Tests have projects of
    other names, and no ports."""
    found = set()
    for container in everything:
        system = re.sub(r"^\d+-", "", os.path.basename(container.folder))
        base = os.path.basename(os.path.dirname(container.folder))
        if base == "examples" and re.match(rf"{re.escape(system)}-\w+$", container.project):
            found.add((container.project, container.folder))
    return sorted(one for one in found if one[0] != project)


def take_down(project: str, folder: str, *flags: str) -> None:
    """With or without its files: Compose knows a project by the labels of what it has made."""
    words = ["docker", "compose", "--project-name", project, "down", *flags]
    show(" ".join(words))
    place = folder if os.path.isdir(folder) else None
    impl = project[project.rindex("-") + 1 :]
    if subprocess.run(words, cwd=place, env=dict(os.environ, IMPL=impl)).returncode != 0:
        raise Wrong(f"{project} did not go down: see above", 1)
    island = f"{project}_{ISLAND}"
    if island in docker_says("network", "ls", "--format", "{{.Name}}").split():
        docker("network", "rm", island)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(ANSWER_S)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ports_of(shop: Shop) -> List[int]:
    numbers = range(len(shop.nodes()))
    return [shop.table.port + n for n in numbers] + [shop.table.admin + n for n in numbers]


def stranger_at(shop: Shop, port: int) -> str:
    """Who has a port of the shop's without belonging to it, in words; '' if nobody."""
    holders = [c for c in shop.all if f":{port}->" in c.ports]
    strangers = [c for c in holders if c.project != shop.project]
    if strangers:
        return f"the container {strangers[0].name}"
    if holders or not listens(port):
        return ""
    return "a program outside of Compose, perhaps a queue in another terminal"


def refuse_taken_ports(shop: Shop) -> None:
    if shop.own_name:
        return
    for port in ports_of(shop):
        who = stranger_at(shop, port)
        if who:
            raise Wrong(f"port {port} is taken by {who}; end that first", 1)


def command_down(shop: Shop, options: argparse.Namespace) -> int:
    """Take the shop down; its jobs and tickets stay, unless --volumes is given."""
    shop.look()
    flags = ["--volumes"] if options.volumes else []
    up = [shop.project] if shop.own_name else shop.projects()
    if not up and options.volumes:
        up = [shop.project]  # what a shop left behind that was taken down before
    for project in up:
        take_down(project, shop.table.folder, *flags)
    if not up:
        print("no shop is up here")
    return 0


def command_status(shop: Shop, _: argparse.Namespace) -> int:
    """What runs, and what each node believes."""
    shop.look()
    whole = bool(shop.containers)
    if not shop.containers:
        print(f"No shop is up. ./shop up starts {shop.called()}, which was chosen last.")
    else:
        print(f"{shop.called()} (Compose project {shop.project})".replace("the", "The", 1))
        for service in shop.services():
            state, says = condition(shop, service), in_words(shop.belief(service))
            whole = whole and state == "running"
            print(f"  {service:20} {state:28} {says}".rstrip())
        if any(shop.state(service) == "not there" for service in shop.services()):
            print("Only a part of it is there: ./shop up starts the rest.")
    for project, _folder in others(shop.all, shop.project):
        running = sum(c.project == project and c.state == "running" for c in shop.all)
        print(
            f"Beside it {project} is up, too ({running} of its containers run):"
            " ./shop up takes it down."
        )
    for port in ports_of(shop):
        who = stranger_at(shop, port)
        if who:
            print(f"Port {port} is taken by {who}.")
            whole = False
    return 0 if whole else 1


def condition(shop: Shop, service: str) -> str:
    container = shop.containers.get(service)
    if container is None:
        return "not there"
    named = {"exited": "killed, or ended", "created": "not started yet"}
    state = named.get(container.state, container.state)
    if container.state == "created":
        return state  # it is on no network before it is
    if container.is_on(ISLAND):
        state += ", on the island"
    elif lacking(shop, container):
        state += ", cut off"
    if "unhealthy" in container.status:
        state += ", unhealthy"
    return state


def in_words(belief: Dict[str, Any]) -> str:
    if "role" in belief:
        leader = belief.get("leader") or "nobody"
        follows = "" if belief["role"] == "leader" else f", leader {leader}"
        term = f" in term {belief['term']}" if belief.get("term") else ""  # none before the first
        return f"{belief['role']}{term}{follows}"
    return "answers" if belief else ""


def command_leader(shop: Shop, _: argparse.Namespace) -> int:
    """Who leads, and which nodes say so."""
    shop.must_be_there()
    if len(shop.nodes()) == 1:
        print(f"{shop.nodes()[0]} is the only node of {shop.called()}")
        return 0
    said = shop.leaders()
    for (who, term), names in sorted(said.items(), key=lambda item: -item[0][1]):
        print(f"{who} leads in term {term}, say {', '.join(names)}")
    if not said:
        print("no node knows a leader")
    return 0 if said else 1


# --- commands: story, tally, say, logs ------------------------------------------------------------


def read_journals(shop: Shop, *words: str, output: Optional[IO[str]] = None) -> int:
    """Runs a program where the journals are: in a container that has it, and that runs."""
    shop.must_be_there()
    if all(shop.state(service) in ("created", "not there") for service in shop.services()):
        raise Wrong(f"{shop.called()} has not run yet: ./shop up starts it", 1)
    for service in shop.table.readers:
        if shop.state(service) == "running":
            return shop.compose("exec", "-T", service, *words, quiet=True, output=output)
    service = shop.table.readers[0]
    words = ("run", "--rm", "--no-deps", "-T", service, *words)
    return shop.compose(*words, quiet=True, output=output)


def command_story(shop: Shop, options: argparse.Namespace) -> int:
    """What became of an order, by its key; or of the one that a worker began last."""
    if options.draw is None:
        return read_journals(shop, "python", "story.py", options.name)
    with tempfile.TemporaryFile("w+") as events:
        code = read_journals(shop, "python", "storyline.py", options.name, output=events)
        if code != 0:
            return code
        events.seek(0)
        title = f"The story of {options.name}"
        program = os.path.join(os.path.dirname(EXAMPLES), "tools", "draw.py")
        words = [sys.executable, program, "-", os.path.abspath(options.draw), "--title", title]
        return subprocess.run(words, stdin=events).returncode


def command_tally(shop: Shop, options: argparse.Namespace) -> int:
    """Is anything lost? Waits up to SECONDS (90) for what is under way."""
    words = [] if options.seconds is None else [f"{options.seconds:g}"]
    return read_journals(shop, "python", "tally.py", *words)


def command_say(shop: Shop, options: argparse.Namespace) -> int:
    """One command to node N, in its own protocol; also to one that runs without Docker."""
    most = max(shop.table.nodes.values())
    if not 1 <= options.node <= most:
        raise Wrong(f"there is no node {options.node}: there are 1 to {most}")
    return shop.table.say(shop.table.port + options.node - 1, options.words)


def command_logs(shop: Shop, options: argparse.Namespace) -> int:
    """What somebody has said; with --follow, and what they go on to say, until Ctrl-C."""
    shop.must_be_there()
    flags = ["--follow"] if options.follow else []
    names = [shop.find(word).service for word in options.names]
    return shop.compose("logs", "--no-log-prefix", *flags, *names, quiet=not options.follow)


# --- the command line -----------------------------------------------------------------------------


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Wrong(message.replace("argument command: ", "") + "; ./shop --help says more")


def whole(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is no number")
    return int(text)


def seconds(text: str) -> float:
    if not re.match(r"\d+(\.\d+)?$", text):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return float(text)


def parser(table: Table) -> Tuple[Parser, List[str]]:
    """And the commands' names."""
    top = Parser(
        prog="./shop",
        description="The ticket shop: start it, look at it, break it, mend it."
        " It prints the docker commands by which it does so.",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    commands.required = True

    def add(name: str, function: Callable[[Shop, argparse.Namespace], int], text: str) -> Parser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(function=function, busy=False)
        return one

    up = add("up", command_up, (command_up.__doc__ or ""))
    up.add_argument("impl", nargs="?", metavar="IMPL", help=", ".join(table.nodes))
    up.add_argument("--step", type=whole, metavar="N", help="as the chapters had built it by then")
    down = add("down", command_down, command_down.__doc__ or "")
    down.add_argument("-v", "--volumes", action="store_true", help="jobs and tickets go, too")
    add("status", command_status, command_status.__doc__ or "")
    add("leader", command_leader, command_leader.__doc__ or "")
    for name, text in (
        ("kill", "End it at once, with no goodbye."),
        ("pause", "It stands still, holding what it holds."),
        ("cut", "A node loses the other nodes, a client all nodes; it runs on."),
    ):
        one = add(name, command_break, text)
        one.add_argument(
            "names",
            nargs="+",
            metavar="NAME",
            help="queue-1, or 1; worker; leader ...".replace("queue", table.name),
        )
        one.add_argument("--busy", action="store_true", help="a worker, with a job in its hand")
    split = add("split", command_split, command_split.__doc__ or "")
    split.add_argument("names", nargs="+", metavar="NODE", help="1 2")
    heal = add("heal", command_heal, command_heal.__doc__ or "")
    heal.add_argument("names", nargs="*", metavar="NAME")
    if table.readers:
        story = add("story", command_story, command_story.__doc__ or "")
        story.add_argument("name", metavar="KEY|WORKER")
        story.add_argument("--draw", metavar="FILE.html", help="as a picture, for a browser")
        tally = add("tally", command_tally, command_tally.__doc__ or "")
        tally.add_argument("seconds", nargs="?", type=seconds, metavar="SECONDS")
    say = add("say", command_say, command_say.__doc__ or "")
    say.add_argument("node", type=whole, metavar="N", help="of the node")
    say.add_argument("words", nargs="+", metavar="WORDS", help="a command, then its body")
    logs = add("logs", command_logs, command_logs.__doc__ or "")
    logs.add_argument("names", nargs="*", metavar="NAME")
    logs.add_argument("--follow", action="store_true")
    return top, list(commands.choices)


def read(table: Table, words: List[str]) -> argparse.Namespace:
    top, names = parser(table)
    if not words or not words[0].startswith("-") and words[0] not in names:
        said = f"there is no command {words[0]}" if words else "a command is missing"
        raise Wrong(f"{said}; there are {', '.join(names)}; ./shop --help explains them")
    return top.parse_args(words)


def main(table: Table, words: List[str]) -> int:
    try:
        options = read(table, words)
        code: int = options.function(Shop(table), options)
        return code
    except Wrong as wrong:
        print(f"shop: {wrong}", file=sys.stderr)
        return wrong.code
    except KeyboardInterrupt:
        return 130
