"""Tiny histories, and which promises each of them keeps. Run it with a seed: python main.py 7"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

HISTORIES = 100
ROWS = 3
CALLS = 0.6  # that one of three people calls, in a row
PROMISES = ("linearizable", "sequential", "causal", "own writes")
STORIES = {  # rows come one after the other; what stands in one row overlaps
    "sold; then another looks: free": "anna w x 1, ben r x 0",
    "each sells, sees no other sale": "anna w x 1 | ben w y 2, anna r y 0 | ben r x 0",
    "an answer without its question": "anna w q 1, ben r q 1, ben w a 2, carl r a 2, carl r q 0",
    "sold; reload: free": "anna w x 1, anna r x 0",
}


class Call(NamedTuple):
    at: int  # its row
    who: str
    kind: str  # w or r
    key: str
    value: str  # that it wrote, or read: 0 where there was nothing


Pairs = set[tuple[Call, Call]]


def view(calls: list[Call], before: Pairs, held: dict[str, str]) -> bool:
    """Is there an order of them that shows each read the last write, with these pairs in order?"""
    for call in calls:
        first = not any((other, call) in before for other in calls)
        if first and (call.kind == "w" or held.get(call.key, "0") == call.value):
            rest = [other for other in calls if other != call]
            if view(rest, before, {**held, call.key: call.value}):
                return True
    return not calls


def causes(own: Pairs, calls: list[Call]) -> Pairs:
    """What led to what: in somebody's own order, or by being read, or by way of others."""
    read = {(a, b) for a in calls for b in calls if (a.kind, b.kind, a[3:]) == ("w", "r", b[3:])}
    found = own | read
    for _ in calls:
        found |= {(a, d) for a, b in found for c, d in found if b == c}
    return found


def kept(story: str) -> list[bool]:
    """Which promises it keeps, the strongest first."""
    rows = [row.split(" | ") for row in story.split(", ")]
    calls = [Call(at, *call.split()) for at, row in enumerate(rows) for call in row]
    time = {(a, b) for a in calls for b in calls if a.at < b.at}
    own = {(a, b) for a, b in time if a.who == b.who}
    mine = {(a, b) for a, b in own if a.kind == "w" and b.kind == "r"}
    views = [[c for c in calls if c.kind == "w" or c.who == who] for who in {c.who for c in calls}]
    shared = [view(calls, before, {}) for before in (time, own)]
    for before in (causes(own, calls), mine):  # all writes and one's own reads: a view each
        shared.append(all(view(one, before, {}) for one in views))
    return shared


def drawn(draw: Draw) -> str:
    """A story in which people read whatever was written, or nothing."""
    rows: list[list[str]] = [[] for _ in range(ROWS)]
    there = [("x", 0), ("y", 0)]
    for row in rows:
        for who in ("anna", "ben", "carl"):
            key, value = there[int(draw() * len(there))]
            kind = "w" if draw() < 0.5 else "r"
            if draw() < CALLS:
                row.append(f"{who} {kind} {key} {len(there) if kind == 'w' else value}")
                there += [(key, len(there))] if kind == "w" else []
    return ", ".join(" | ".join(row) for row in rows if row) or "anna r x 0"


def show(name: str, cells: Iterable[object]) -> None:
    padded = (f"{cell:<{len(over)}}" for cell, over in zip(cells, PROMISES, strict=True))
    print(f"{name:31}{'  '.join(padded)}".rstrip())


def main(seed: int) -> None:
    show("", PROMISES)
    for name, story in STORIES.items():
        show(name, ("yes" if keeps else "no" for keeps in kept(story)))
    draw = chance(seed)
    judged = [kept(drawn(draw)) for _ in range(HISTORIES)]
    show(f"of {HISTORIES} drawn at random", map(sum, zip(*judged, strict=True)))
    skips = sum(keeps != sorted(keeps) for keeps in judged)
    print(f"keep a promise, and break one to its right: {skips}")


play(main)
