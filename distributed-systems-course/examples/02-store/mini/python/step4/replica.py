"""Step 3: one leads, the others copy.

Of two states the one with the greater stamp wins: (term, version), where the term is that of the
leader who gave it, and the version counts the changes. The data travels as a change, or whole.
"""

from collections.abc import Callable
from typing import Any

from .slots import SLOTS
from .store import Entry, Store

BEAT_S = 0.1  # so often a leader says that it lives


class Replica(Store):
    def __init__(self, id: int, addresses: dict[int, str]) -> None:
        super().__init__(id, addresses)
        self.others = [node for node in addresses if node != id]
        self.majority = len(addresses) // 2 + 1
        self.term, self.vote, self.stamp = 0, 0, [0, 0]  # these three, and the data: on the disk
        self.fresh = False  # whether the data may be built upon, as this term's leader has it
        self.leader, self.round, self.due = 0, 0, 0.0
        self.acked: dict[int, list[int]] = {}  # a leader's: which stamp a node holds
        self.handlers: dict[str, Callable[[float, int, list[Any]], None]] = {
            "BEAT": self.copy,
            "WRITE": self.copy,
            "ACK": self.acknowledged,
            "ALL?": self.all_wanted,
            "ALL": self.all_sent,
            "NO": lambda *_: None,  # its term has said it
        }

    def apply(self, entry: Entry) -> None:
        _, _, name, *words = entry
        if name == "vote":
            self.term, self.vote = words
        elif name == "stamp":
            (self.stamp,) = words
        elif name == "all":
            self.stamp, self.data = words[0], dict(words[1])
        else:
            super().apply(entry[:-1])
            self.stamp = words[-1]

    def tell(self, nodes: list[int], kind: str, *words: Any) -> None:
        self.send += [(node, [kind, self.term, *words]) for node in nodes]

    def receive(self, now: float, sender: int, message: list[Any]) -> None:
        kind, term, *words = message
        if term > self.term:
            self.record(now, "vote", term, 0)
            self.follow(now, 0)
        if term < self.term:
            return self.tell([sender], "NO")
        return self.handlers[kind](now, sender, words)

    def tick(self, now: float) -> None:
        if self.leader == self.id and now >= self.due:
            self.beat(now)
        elif self.leader == 0 and self.id == min(self.addresses):
            self.record(now, "vote", self.term + 1, self.id)
            self.lead(now)

    def lead(self, now: float) -> None:
        self.leader, self.fresh, self.acked = self.id, True, {}
        self.record(now, "stamp", [self.term, self.stamp[1]])
        self.beat(now)

    def follow(self, now: float, leader: int) -> None:
        """That node, or nobody (0)."""
        self.leader = leader

    def beat(self, now: float) -> None:
        self.round, self.due = self.round + 1, now + BEAT_S
        self.tell(self.others, "BEAT", self.round, self.stamp, self.stamp)

    def write(self, now: float, change: list[Any]) -> None:
        before = self.stamp
        self.record(now, "put", *change, [self.term, before[1] + 1])
        self.tell(self.others, "WRITE", self.round, before, self.stamp, *change)

    def ranges(self) -> list[tuple[int, int, list[int]]]:
        copies = [node for node in self.addresses if node != self.leader]
        return [(0, SLOTS - 1, [self.leader, *copies])] if self.leader else []

    def copy(self, now: float, sender: int, words: list[Any]) -> None:
        """A WRITE brings a change, a BEAT none. It fits behind the version it was made for."""
        round, before, stamp, *change = words
        self.follow(now, sender)
        if not (self.fresh and self.fits(before)):
            self.fresh = False
            return self.tell([sender], "ALL?")
        if change:
            self.record(now, "put", *change, stamp)
        elif stamp != self.stamp:
            self.record(now, "stamp", stamp)
        return self.tell([sender], "ACK", round, self.stamp)

    def fits(self, before: list[int]) -> bool:
        return before[1] == self.stamp[1]

    def all_wanted(self, now: float, sender: int, words: list[Any]) -> None:
        if self.leader == self.id:
            self.tell([sender], "ALL", self.round, self.stamp, list(self.data.items()))

    def all_sent(self, now: float, sender: int, words: list[Any]) -> None:
        round, stamp, pairs = words
        if stamp >= self.stamp:
            self.record(now, "all", stamp, pairs)
            self.fresh = True
            self.tell([sender], "ACK", round, self.stamp)

    def acknowledged(self, now: float, sender: int, words: list[Any]) -> None:
        _, stamp = words
        self.acked[sender] = max(stamp, self.acked.get(sender, stamp))

    def holders(self, stamp: list[int]) -> int:
        return 1 + sum(held >= stamp for held in self.acked.values())
