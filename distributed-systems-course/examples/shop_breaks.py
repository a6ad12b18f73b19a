"""shop.py's commands that break a shop and mend it: kill, pause, cut, split, heal."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from typing import Any, Dict, List, Tuple

from shop_world import FRONT, ISLAND, PEERS, Container, Shop, Wrong, docker, docker_says

LOOK_S = 0.05  # between two looks at a worker that shall be hit with a job in its hand
BUSY_S = 60  # how long such a moment is waited for
ENDS = ("done", "duplicate", "retry", "dead", "lease_lost")  # of a worker's job, in its journal


def lacking(shop: Shop, container: Container) -> List[str]:
    """The networks that it has been taken off."""
    wanted = [FRONT, PEERS] if container.service in shop.nodes() else [FRONT]
    return [network for network in wanted if not container.is_on(network)]


def do_kill(_shop: Shop, container: Container) -> None:
    docker("kill", "--signal", "KILL", container.name)


def do_pause(_shop: Shop, container: Container) -> None:
    docker("pause", container.name)


def do_cut(shop: Shop, container: Container) -> None:
    network = FRONT
    if container.service in shop.nodes():
        if len(shop.nodes()) == 1:
            raise Wrong(
                f"{container.service} has no other node to be cut off from, in {shop.called()}"
            )
        network = PEERS
    if not container.is_on(network):
        raise Wrong(f"{container.service} is cut off already: ./shop heal {container.service}", 1)
    docker("network", "disconnect", f"{container.project}_{network}", container.name)


BREAKS = {"kill": do_kill, "pause": do_pause, "cut": do_cut}


def command_break(shop: Shop, options: argparse.Namespace) -> int:
    shop.must_be_there()
    strike = BREAKS[options.command]
    if options.busy:
        return strike_busy(shop, options)
    for word in options.names:
        container = shop.find(word)
        if container.state != "running":
            raise Wrong(
                f"{container.service} does not run ({container.state}):"
                f" ./shop heal {container.service} makes it well",
                1,
            )
        strike(shop, container)
        if container.service in shop.workers() and options.command == "kill":
            job = in_hand(container)
            had = (
                f"{job['key']} in its hand: ./shop story {job['key']}"
                if job
                else ("no job in its hand; with --busy it is hit at work")
            )
            print(f"{container.service} had {had}")
    return 0


def in_hand(container: Container) -> Dict[str, Any]:
    """The job that a worker has begun and not ended, by what it has said; else nothing."""
    done = subprocess.run(
        ["docker", "logs", "--tail", "20", container.name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
    )
    job: Dict[str, Any] = {}
    for line in done.stdout.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # not of its journal
        if event.get("event") == "started":
            job = event
        elif event.get("event") in ENDS:
            job = {}
    return job


def strike_busy(shop: Shop, options: argparse.Namespace) -> int:
    """While the worker has a job in its hand. If it is done when the blow falls, once more."""
    word = options.names[0] if len(options.names) == 1 else ""
    if word != "worker" and word not in shop.workers():
        names = ", ".join(["worker", *shop.workers()]) if shop.workers() else "none"
        raise Wrong(f"--busy is for one worker: {names}")
    candidates = [shop.find(w) for w in (shop.workers() if word == "worker" else [word])]
    candidates = [one for one in candidates if one.state == "running"]
    if not candidates:
        raise Wrong(f"{word} does not run: ./shop status tells what does", 1)
    deadline = time.monotonic() + BUSY_S
    seen: Dict[str, Any] = {c.name: in_hand(c).get("at") for c in candidates}
    while time.monotonic() < deadline:
        for container in candidates:
            job = in_hand(container)
            if not job or job["at"] == seen[container.name]:
                continue  # nothing, or something that it may be about to end
            seen[container.name] = job["at"]
            BREAKS[options.command](shop, container)
            if in_hand(container).get("at") == job["at"]:
                key = job["key"]
                print(f"{container.service} had {key} in its hand: ./shop story {key}")
                return 0
            print(f"{container.service} had just ended its job: once more", flush=True)
            shop.look()
            mend(shop, shop.containers[container.service])
        time.sleep(LOOK_S)
    raise Wrong(f"no job was seen in its hand for {BUSY_S} s: does the shop work? ./shop status", 1)


def command_split(shop: Shop, options: argparse.Namespace) -> int:
    """Put nodes on an island: they hear each other, and nobody else."""
    shop.must_be_there()
    chosen = [shop.find(word) for word in options.names]
    for container in chosen:
        if container.service not in shop.nodes():
            raise Wrong(f"{container.service} is no node; ./shop cut cuts off a client")
    services = {container.service for container in chosen}
    if len(services) >= len(shop.nodes()):
        count = len(shop.nodes())
        raise Wrong(f"of {count} nodes, nobody would be left on the other side, in {shop.called()}")
    island = f"{shop.project}_{ISLAND}"
    if island in docker_says("network", "ls", "--format", "{{.Name}}").split():
        raise Wrong("the shop is split already: ./shop heal", 1)
    docker("network", "create", "--internal", island)
    for container in chosen:
        if container.is_on(PEERS):
            docker("network", "disconnect", f"{shop.project}_{PEERS}", container.name)
        docker("network", "connect", "--alias", peer(container.service), island, container.name)
    return 0


def peer(service: str) -> str:
    return "peer-" + service.rsplit("-", 1)[1]


def command_heal(shop: Shop, options: argparse.Namespace) -> int:
    """Undo kill, pause, cut and split; of everything, if no name is given."""
    shop.must_be_there()
    chosen = [shop.find(word) for word in options.names] or list(shop.containers.values())
    healed = sum(mend(shop, container) for container in chosen)
    island = f"{shop.project}_{ISLAND}"
    if island in docker_says("network", "ls", "--format", "{{.Name}}").split():
        shop.look()
        if not any(container.is_on(ISLAND) for container in shop.containers.values()):
            docker("network", "rm", island)
            healed += 1
    if not healed:
        names = [c.service for c in chosen] if options.names else ["all"]
        print(f"nothing to heal: {', '.join(names)} run, and nobody is cut off")
    return 0


def mend(shop: Shop, container: Container) -> bool:
    """Whether there was anything to do."""
    todo: List[Tuple[str, ...]] = []
    if container.state == "paused":
        todo.append(("unpause", container.name))
    if container.is_on(ISLAND):
        todo.append(("network", "disconnect", f"{container.project}_{ISLAND}", container.name))
    for network in lacking(shop, container):
        # Without --alias it would come back without its name.
        alias = peer(container.service) if network == PEERS else container.service
        network = f"{container.project}_{network}"
        todo.append(("network", "connect", "--alias", alias, network, container.name))
    if container.state in ("exited", "created", "dead"):
        todo.append(("start", container.name))
    for words in todo:
        docker(*words)
    return bool(todo)
