"""Step 3: an answer waits for as many disks as its level promises: one, a majority, or all."""

from dataclasses import dataclass
from typing import Any

from .replica import Replica
from .slots import slot_of
from .store import Answer

ALL_S, PATIENCE_S = 1.0, 3.0  # so long an answer waits: for every disk; for as many as it must
CLOSE = ""  # no answer, and the connection ends: nobody knows what becomes of the command


@dataclass
class Owed:
    """An answer that waits until so many nodes hold the stamp."""

    client: int
    answer: Answer
    stamp: list[int]
    copies: int
    since: float
    round: int = 0


class Promises(Replica):
    def __init__(self, id: int, addresses: dict[int, str]) -> None:
        super().__init__(id, addresses)
        self.copies = {"leader": 1, "majority": self.majority, "all": len(addresses)}
        self.owed: list[Owed] = []

    def ask(self, now: float, client: int, words: list[str], level: str = "") -> None:
        if words[0] == "get" and (level == "local" or self.leader == self.id):
            return super().ask(now, client, words)
        if self.leader != self.id:
            return self.answers.append((client, self.redirect(words[1])))
        answer, change = self.decide(*words)
        if change is not None:
            self.write(now, change)
        copies = self.copies[level or "majority"]
        self.owed.append(Owed(client, answer, self.stamp, copies, now))
        return self.pay(now)

    def redirect(self, key: str) -> Answer:
        if self.leader == 0:
            return "-CLUSTERDOWN no leader"
        return f"-MOVED {slot_of(key)} {self.addresses[self.leader]}"

    def receive(self, now: float, sender: int, message: list[Any]) -> None:
        super().receive(now, sender, message)
        self.pay(now)

    def tick(self, now: float) -> None:
        super().tick(now)
        self.pay(now)

    def follow(self, now: float, leader: int) -> None:
        """How the commands of a leadership that ends will end, nobody knows."""
        if self.leader == self.id:
            self.answers += [(owed.client, CLOSE) for owed in self.owed]
            self.owed = []
        super().follow(now, leader)

    def begun(self) -> bool:
        """A majority holds a stamp of this term: whatever wins from now on has what I have."""
        return self.holders([self.term, 0]) >= self.majority

    def enough(self, owed: Owed) -> bool:
        return self.begun() and self.holders(owed.stamp) >= owed.copies

    def pay(self, now: float) -> None:
        for owed in list(self.owed):
            held, waited = self.holders(owed.stamp), now - owed.since
            if self.enough(owed):
                answer = owed.answer
            elif owed.copies > held >= self.majority and self.begun() and waited >= ALL_S:
                answer = f"-NOTALL {held} of {owed.copies}; the write stands"
            elif waited >= PATIENCE_S:
                answer = CLOSE
            else:
                continue
            self.owed.remove(owed)
            self.answers.append((owed.client, answer))
