#!/usr/bin/env python3
"""Plays a scene with the small store of step 5 in a world of its own (examples/world.py), and
writes down who said what, and when, for spacetime.py.

    scene_reads.py stale|confirmed EVENTS

What the nodes say to each other all the time (beats, and their echoes) is left out where a scene is
about something else. Nothing here is by hand but who asks what, and which link is slow or cut.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path[:1] = [str(EXAMPLES), str(EXAMPLES / "02-store/mini/python")]  # tools has a world, too

from nodes import node_of  # noqa: E402
from world import World  # noqa: E402

NODES, SEED = [1, 2, 3], 7
ELECTION_S = {1: 0.5, 2: 0.6, 3: 0.9}
WAY_S = 0.002  # from a customer to a node, or back
LONG_S = 3.0  # more than the longest wait for an answer


def dotted(stamp: list[int]) -> str:
    return ".".join(map(str, stamp))


def told(message: list[Any]) -> str:
    kind, _, *words = message
    if kind == "WRITE":
        return f"WRITE {words[3]} {words[4]}, {dotted(words[2])}"
    if kind == "BEAT":
        return f"BEAT, round {words[0]}"
    if kind == "ACK":
        return f"ACK {dotted(words[1])}, round {words[0]}"
    return kind


class Scene:
    def __init__(self) -> None:
        self.world = World(self.make, NODES, SEED)
        self.world.answered, self.world.looked = self.answered, self.looked
        self.events = self.world.events
        self.asked: list[tuple[str, int]] = []  # by client: who asks, and which node
        self.stamps: dict[int, list[int]] = {}
        self.answers: dict[str, Any] = {}

    def make(self, id: int) -> Any:
        node = node_of("step5")(id, {other: f"store-{other}:6379" for other in NODES})
        node.election_s, node.draw = ELECTION_S[id], lambda: 0.0
        return node

    def node(self, id: int) -> Any:
        return self.world.machines[id].node

    def until(self, true: Callable[[], bool]) -> None:
        end = self.world.now + LONG_S
        while not true() and self.world.now < end:
            self.world.run(self.world.now + 0.001)
        assert true(), "it did not come to pass"

    def ready(self) -> None:
        """Node 1 leads, and all have what it has; what was said before is left out."""
        nodes = [self.node(id) for id in NODES]
        self.until(lambda: all(one.fresh and one.stamp == nodes[0].stamp for one in nodes))
        said = nodes[0].round
        self.until(lambda: nodes[0].round > said)
        self.until(lambda: all(nodes[0].echoed.get(id) == nodes[0].round for id in (2, 3)))
        self.events.clear()

    def part(self, text: str) -> None:
        self.events.append({"at": self.world.now, "part": text})

    def looked(self, node: Any) -> None:
        before, self.stamps[node.id] = self.stamps.get(node.id), node.stamp
        if before is not None and before != node.stamp:
            stamp = dotted(node.stamp)
            state = {f"node {node.id}": {"has": stamp}}
            self.world.note(node.id, f"has {stamp}", state=state)

    def ask(self, who: str, id: int, words: str, level: str = "", token: Any = ()) -> None:
        client, asked = len(self.asked), words.lower().split()
        self.asked.append((who, id))
        with_token = f" {dotted(token)}" if token else ""
        text = f"{words}, {level}{with_token}" if level else words
        self.say(who, id, text)
        call = [client, asked, level, *([token] if token else [])]
        self.world.at(
            self.world.now + WAY_S,
            lambda: self.world.give(id, lambda node: node.ask(self.world.clock(id), *call)),
        )

    def say(self, sender: Any, to: Any, text: str) -> None:
        now = self.world.now
        self.events.append({"at": now, "got": now + WAY_S, "from": sender, "to": to, "text": text})

    def answered(self, client: int, answer: Any) -> None:
        who, id = self.asked[client]
        said = "(nil)" if answer is None else answer[1:] if answer else "hangs up: nobody knows"
        self.say(id, who, said)
        self.answers[who] = said

    def heard(self, who: str) -> None:
        """Runs on until this one has an answer, and it has arrived."""
        self.until(lambda: who in self.answers)
        self.world.run(self.world.now + WAY_S)

    def told(self, who: str, id: int, level: str, token: Any = ()) -> str:
        """What it hears of seat 12, which is not kept."""
        self.ask(who, id, "GET seat:12", level, token)
        self.heard(who)
        return str(self.answers.pop(who))

    def only_customers(self, since: int) -> None:
        """Of what was said from there on, what nodes say to each other is left out."""
        ends = ("from", "to")
        self.events[since:] = [
            event
            for event in self.events[since:]
            if "part" in event or any(isinstance(event.get(end), str) for end in ends)
        ]

    def write(self, path: Path) -> None:
        path.write_text("".join(line_of(event) + "\n" for event in self.events))


def line_of(event: dict[str, Any]) -> str:
    line = dict(event)
    for name in ("at", "got"):
        if name in line:
            line[name] = round(line[name] * 1000, 2)
    for name in ("from", "to", "who"):
        if isinstance(line.get(name), int):
            line[name] = f"node {line[name]}"
    if isinstance(line.get("text"), list):
        line["text"] = told(line["text"])
    if not line.get("lost", True):
        del line["lost"]
    return json.dumps(line)


def stale(scene: Scene) -> None:
    """Node 3 hears late of a sale that a majority has. Who asks it, and how?"""
    scene.ready()
    scene.world.arrivals[1, 3] = scene.world.now + 0.04  # a link on which much is under way
    scene.ask("Anna", 1, "SET seat:12 anna")
    scene.heard("Anna")
    del scene.answers["Anna"]
    token = scene.node(1).stamp
    print(f"Ben, local:     {scene.told('Ben', 3, 'local')}")
    print(f"Anna, session:  {scene.told('Anna', 3, 'session', token)}")


def confirmed(scene: Scene) -> None:
    """A leader asks a majority whether it leads. Then one that does not lead any more does."""
    scene.ready()
    scene.part("nobody is cut off")
    print(f"from the leader:         {scene.told('Ben', 1, 'linearizable')}")
    scene.world.run(scene.world.now + 0.02)
    scene.part("node 1 is cut off, and does not know it")
    scene.world.cut(1)
    begun = len(scene.events)
    scene.until(lambda: scene.node(2).leader == 2 and scene.node(2).begun())
    scene.only_customers(begun)
    scene.world.note(2, f"leads, in term {scene.node(2).term}")
    scene.ask("Anna", 2, "SET seat:12 anna")
    begun = len(scene.events)
    scene.heard("Anna")
    scene.only_customers(begun)
    print(f"from it when cut, local: {scene.told('Ben', 1, 'local')}")
    begun = len(scene.events)
    scene.until(lambda: scene.node(1).due - scene.world.clock(1) > 0.05)
    scene.only_customers(begun)
    scene.ask("Ben", 1, "GET seat:12", "linearizable")
    scene.world.run(scene.world.now + 0.02)  # its round, of which nobody hears
    begun = len(scene.events)
    scene.heard("Ben")
    print(f"and linearizable:        {scene.answers.pop('Ben')}")
    print(f"from the new leader:     {scene.told('Ben', 2, 'linearizable')}")
    scene.only_customers(begun)


SCENES = {"stale": stale, "confirmed": confirmed}


def main() -> None:
    name, place = sys.argv[1:]
    scene = Scene()
    SCENES[name](scene)
    scene.write(Path(place))


if __name__ == "__main__":
    main()
