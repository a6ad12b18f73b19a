#!/usr/bin/env python3
"""Plays an evening of the small store in examples/world.py, and writes down what is said in it, for
spacetime.py.

    scenes.py SCENE EVENTS

What the nodes say is theirs, and so is when; a scene says only what happens to them. The beats by
which a leader says that it lives, and the answers to them, are left out where nothing follows.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
sys.path[:0] = [str(EXAMPLES), str(EXAMPLES / "02-store/mini/python")]
from nodes import node_of  # noqa: E402
from world import World  # noqa: E402

NODES, SEED = [1, 2, 3], 7
ELECTION_S = 0.5  # node 1 has the least patience, as under ./shop
HEARD = {"+OK": "OK", None: "(nil)", "": "the connection closes"}
Event = dict[str, Any]


class Scene:
    """A world, its customers, and what was seen in it."""

    def __init__(self, step: str) -> None:
        self.kind = node_of(step)
        self.world = World(self.make, NODES, SEED)
        self.world.answered = self.answered
        self.world.looked = self.looked
        self.customers: dict[int, str] = {}
        self.known: dict[int, dict[str, str]] = {}
        self.changes: list[tuple[int, str, dict[str, str]]] = []  # (before which event, who, what)

    def make(self, id: int) -> Any:
        node = self.kind(id, {other: f"node {other}" for other in NODES})
        node.election_s = ELECTION_S * id
        node.draw = lambda: self.world.draw()
        return node

    def run(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)

    def ask(self, customer: str, id: int, text: str, level: str = "") -> None:
        """SET or GET, and at which level."""
        number = len(self.customers)
        self.customers[number] = customer
        self.said(customer, f"node {id}", f"{level} {text}".strip())
        words = [word.lower() if word.isupper() else word for word in text.split()]
        self.world.give(id, lambda node: node.ask(self.world.clock(id), number, words, level))

    def said(self, sender: str, to: str, text: str) -> None:
        self.world.events.append({"at": self.world.now, "from": sender, "to": to, "text": text})

    def answered(self, number: int, answer: str | None) -> None:
        who = next(f"node {id}" for id, one in self.world.machines.items() if one.node is self.last)
        text = HEARD.get(answer, str(answer).lstrip("$-"))
        self.said(who, self.customers[number], text)

    def looked(self, node: Any) -> None:
        """What a reader sees of a node: its role, its term, what it has."""
        self.last = node
        role = "leader" if node.leader == node.id else "follower"
        if role == "follower" and len(getattr(node, "votes", ())) > 0:
            role = "candidate"
        facts = {"role": role, "term": str(node.term), **node.data}
        before = self.known.get(node.id, {})
        new = {name: value for name, value in facts.items() if before.get(name) != value}
        if new:
            self.change(node.id, **new)
        self.known[node.id] = facts

    def change(self, id: int, **facts: str) -> None:
        self.changes.append((len(self.world.events), f"node {id}", facts))

    def kill(self, id: int) -> None:
        self.change(id, **{"is": "down", "role": ""})
        self.world.kill(id)

    def start(self, id: int) -> None:
        self.known.pop(id, None)
        self.change(id, **{"is": "up", "role": "follower"})
        self.world.note(id, "starts again, with its disk")
        self.world.start(id)

    def cut(self, id: int) -> None:
        self.change(id, **{"is": "cut"})
        self.world.cut(id)

    def heal(self, id: int) -> None:
        self.change(id, **{"is": "up"})
        self.world.heal(id)

    # --- what is written down ---------------------------------------------------------------------

    def lines(self, since: float) -> list[Event]:
        told: list[Event] = []
        acked: dict[int, Any] = {}
        led: set[Any] = set()
        pending: dict[str, dict[str, str]] = {}
        changes, down = list(self.changes), set[int]()
        for number, event in enumerate(self.world.events):
            while changes and changes[0][0] <= number:
                _, who, facts = changes.pop(0)
                pending[who] = pending.get(who, {}) | facts
            text = event["text"]
            if event.get("ends"):
                down.add(event["who"])
            elif "who" in event:
                down.discard(event["who"])
            if isinstance(text, list):
                text = in_words(text, event, acked, led)
            if not text or event["at"] < since:
                continue
            if not told:
                told.append(how_it_stands(since, pending))
                pending = {}
            told.append(one_line(event, text, pending, down))
            pending = {}
        return sorted(told, key=lambda line: float(line["at"]))


def how_it_stands(at: float, state: dict[str, dict[str, str]]) -> Event:
    """Before the first event that is told. A page shows what comes behind this one (`from:`)."""
    leads = next(who for who, facts in state.items() if facts.get("role") == "leader")
    return {"at": at, "who": leads, "text": "leads", "state": state}


def in_words(message: list[Any], event: Event, acked: dict[int, Any], led: set[Any]) -> str:
    """A message between nodes, as a reader needs it; nothing: it is left out."""
    kind, term, *words = message
    if kind == "ACK":
        new = acked.get(event["from"]) != words[1]
        acked[event["from"]] = words[1]
        return "ACK: on my disk" if new else ""
    if kind == "BEAT":  # the first of its term to this node tells it who leads
        new = (term, event["to"]) not in led
        led.add((term, event["to"]))
        return f"BEAT: I lead term {term}" if new else ""
    if kind == "WRITE":
        return f"WRITE {words[3]} {words[4]}"
    if kind == "VOTE":
        return f"VOTE: {'yes' if words[0] else 'no'}, in term {term}"
    told = {"ASK": f"ASK for term {term}", "ALL?": "ALL?", "ALL": "ALL: the whole data"}
    return told.get(kind, f"{kind}: term {term}")


def one_line(event: Event, text: str, state: dict[str, dict[str, str]], down: set[int]) -> Event:
    line: Event = {"at": round(event["at"], 4)}
    if "who" in event:
        line |= {"who": f"node {event['who']}", "text": text}
        if event.get("ends"):
            line["ends"] = True
    else:
        names = {name: event[name] for name in ("from", "to")}
        line |= {n: f"node {v}" if isinstance(v, int) else v for n, v in names.items()}
        line["text"] = text
        if "got" in event:
            line["got"] = round(event["got"], 4)
        if event.get("lost") or event["to"] in down:
            line["lost"] = True
    return line | ({"state": state} if state else {})


# --- the scenes ---------------------------------------------------------------------------------


def sell_and_die(step: str) -> Scene:
    """A sale that a majority has, and one that the leader alone has, and dies with."""
    scene = Scene(step)
    scene.run(1.42)
    scene.ask("customer", 1, "SET seat:11 anna", "majority")
    scene.run(0.2)
    scene.cut(1)
    scene.run(0.1)
    scene.ask("customer", 1, "SET seat:12 ben", "leader")
    scene.run(0.1)
    scene.kill(1)
    scene.world.machines[1].cut = False  # when it comes back, its cable is whole again
    return scene


def copies() -> Scene:
    """4A: who is asked now?"""
    scene = sell_and_die("step3")
    for seat in (11, 12):
        scene.run(0.1)
        scene.ask("customer", 2, f"GET seat:{seat}", "local")
    scene.run(0.1)
    return scene


def election() -> Scene:
    """4B: another leads, sells seat 12 again, and the old one comes back with its disk."""
    scene = sell_and_die("step4")
    scene.run(2.5)
    scene.ask("customer", 2, "SET seat:12 carla", "majority")
    scene.run(0.3)
    scene.start(1)
    scene.run(0.5)
    return scene


def two_leaders() -> Scene:
    """4B: the leader is cut off, and a customer on each side wants seat 12. And the hole: healed,
    the versions of the two states are the same, and what they hold is not."""
    scene = Scene("step4")
    scene.run(1)
    scene.world.machines[2].node.election_s = 0.6  # the old leader goes on for a second
    scene.run(0.42)
    scene.cut(1)
    scene.run(0.2)
    scene.ask("Ben", 1, "SET seat:12 ben", "majority")
    scene.run(0.75)
    scene.ask("Carla", 2, "SET seat:12 carla", "majority")
    scene.run(1.5)
    scene.heal(1)
    scene.run(0.4)
    scene.ask("Ben", 1, "GET seat:12", "local")
    scene.run(0.1)
    scene.ask("Carla", 2, "GET seat:12")
    scene.run(0.1)
    return scene


SCENES: dict[str, tuple[Callable[[], Scene], float]] = {
    "copies": (copies, 1.4),
    "election": (election, 1.4),
    "two-leaders": (two_leaders, 1.4),
}


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in SCENES:
        print(f"scenes.py {'|'.join(SCENES)} EVENTS", file=sys.stderr)
        return 2
    play, since = SCENES[sys.argv[1]]
    lines = play().lines(since)
    Path(sys.argv[2]).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
