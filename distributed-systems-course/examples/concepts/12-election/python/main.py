"""Who leads? Two rules, while the leader is cut off. Run it with a seed: python main.py 7

Three nodes. Ten times a second one seat is for sale, at whoever leads: two leaders sell it twice.
Node 1 leads, is cut off from the others for a while, and comes back.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

EVENING_S = 30
CUT_AT_S = 5
CUT_S = 10
STEP_S = 0.1
ELECTION_S = 1
NODES, MAJORITY = 3, 2


class Node:
    def __init__(self, id: int, draw: Draw) -> None:
        self.id, self.draw = id, draw
        self.term, self.vote, self.leads = 1, 1, id == 1
        self.hear(0)

    def hear(self, now: float) -> None:
        """All is well, and is believed to be so until then. Each node has a patience of its own."""
        self.until = now + ELECTION_S * (1 + self.draw())

    def by_number(self, now: float, heard: list["Node"]) -> None:
        """The lowest number that I hear leads."""
        if any(other.id < self.id for other in heard):
            self.hear(now)
        self.leads = self.id == 1 or now > self.until

    def by_votes(self, now: float, heard: list["Node"]) -> None:
        """Whoever has a majority's votes leads its term."""
        newest = max([self.term, *(other.term for other in heard)])
        if newest > self.term:
            self.term, self.vote, self.leads = newest, 0, False
        if self.leads:
            well = 1 + len(heard) >= MAJORITY  # a leader that hears no majority ends it
        else:
            well = any(other.leads and other.term == self.term for other in heard)
        if well:
            self.hear(now)
        elif now > self.until:
            self.campaign(now, heard)

    def campaign(self, now: float, heard: list["Node"]) -> None:
        self.term, self.vote = self.term + 1, self.id
        self.hear(now)
        votes = 1 + sum(other.votes_for(self, now) for other in heard)
        self.leads = votes >= MAJORITY

    def votes_for(self, candidate: "Node", now: float) -> bool:
        """One vote a term."""
        if candidate.term > self.term:
            self.term, self.vote, self.leads = candidate.term, candidate.id, False
            self.hear(now)
        return self.term == candidate.term and self.vote == candidate.id


def run(draw: Draw, name: str, rule: str, disks: int) -> None:
    nodes = [Node(id, draw) for id in range(1, NODES + 1)]
    two = twice = alone = 0
    for step in range(round(EVENING_S / STEP_S)):
        now = step * STEP_S
        cut = CUT_AT_S <= now < CUT_AT_S + CUT_S
        sells = []
        for node in nodes:
            heard = [o for o in nodes if o is not node and not (cut and 1 in (o.id, node.id))]
            getattr(node, rule)(now, heard)
            if node.leads and 1 + len(heard) >= disks:
                sells.append(node)
        two += sum(node.leads for node in nodes) > 1
        twice += len(sells) > 1
        alone += cut and nodes[0] in sells
    print(f"{name:38} {two * STEP_S:8.1f} s {twice:11} {alone:16}")


def main(seed: int) -> None:
    print("who leads, and when it says OK         two leaders  sold twice  sold by node 1, cut")
    run(chance(seed), "the lowest number heard; its own disk", "by_number", 1)
    run(chance(seed), "a majority's votes; its own disk", "by_votes", 1)
    run(chance(seed), "a majority's votes; a majority's disks", "by_votes", 2)


play(main)
