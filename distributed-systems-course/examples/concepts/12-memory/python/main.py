"""A node has one vote in a term. Does it remember it? Run it with a seed: python main.py 7

A thousand elections. Three nodes ask for votes in one term, each at its own time, and now and then
one of them restarts. Whoever has two of the three votes leads.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

ELECTIONS = 1000
RESTARTS = 0.3  # of the nodes, while it lasts
NODES, MAJORITY = 3, 2


class Node:
    """Its vote, and the votes that it has: the second lie in memory alone."""

    def __init__(self) -> None:
        self.vote = -1
        self.votes: set[int] = set()

    def vote_for(self, candidate: int) -> bool:
        if self.vote == -1:
            self.vote = candidate
        return self.vote == candidate

    def restart(self, on_disk: bool) -> None:
        self.votes = set()  # it is no candidate any more
        if not on_disk:
            self.vote = -1


def what_happens(draw: Draw) -> list[tuple[float, str, int, int]]:
    """(when, what, at which node, who asks), in its order"""
    events = []
    for node in range(NODES):
        begins = draw()
        events.append((begins, "begins", node, node))
        events += [(begins + draw(), "is asked", o, node) for o in range(NODES) if o != node]
        if draw() < RESTARTS:
            events.append((2 * draw(), "restarts", node, node))
    return sorted(events)


def leaders(draw: Draw, on_disk: bool) -> int:
    nodes = [Node() for _ in range(NODES)]
    led = set()
    for _, what, at, candidate in what_happens(draw):
        node, votes = nodes[at], nodes[candidate].votes
        if what == "restarts":
            node.restart(on_disk)
        elif what == "begins" and node.vote == -1:
            node.vote = at
            votes.add(at)
        elif what == "is asked" and votes and node.vote_for(candidate):
            votes.add(at)
        if len(votes) >= MAJORITY:
            led.add(candidate)
    return len(led)


def run(draw: Draw, name: str, on_disk: bool) -> None:
    counts = [0] * (NODES + 1)
    for _ in range(ELECTIONS):
        counts[leaders(draw, on_disk)] += 1
    none, one, *more = counts
    print(f"{name:12} {none:13} {one:14} {sum(more):15}")


def main(seed: int) -> None:
    print(f"{ELECTIONS} terms      nobody leads    one leads     two or more")
    run(chance(seed), "in memory", on_disk=False)
    run(chance(seed), "on the disk", on_disk=True)


play(main)
