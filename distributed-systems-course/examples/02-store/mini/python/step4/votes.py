"""Step 4: who leads. A leader has the votes of a majority, and a node has one vote a term."""

from collections.abc import Callable
from typing import Any

from .promises import Promises


class Votes(Promises):
    election_s = 1.0  # whoever runs it sets these two
    draw: Callable[[], float]

    def __init__(self, id: int, addresses: dict[int, str]) -> None:
        super().__init__(id, addresses)
        self.votes: set[int] = set()  # for me, in this term
        self.heard: dict[int, float] = {}
        self.handlers |= {"ASK": self.asked, "VOTE": self.voted}

    def receive(self, now: float, sender: int, message: list[Any]) -> None:
        self.heard[sender] = now
        super().receive(now, sender, message)

    def tick(self, now: float) -> None:
        if self.leader == self.id and now >= self.due:
            self.beat(now)
            if len(self.audience(now)) < self.majority:
                self.follow(now, 0)
        elif self.due == 0:
            self.wait(now)
        elif now >= self.due:
            self.campaign(now)
        self.pay(now)

    def audience(self, now: float) -> list[int]:
        """Of whom a leader still hears: without a majority it must not go on."""
        last = now - 2 * self.election_s
        return [self.id, *(node for node in self.others if self.heard.get(node, 0) > last)]

    def follow(self, now: float, leader: int) -> None:
        """A candidate of a higher term alone is no reason to wait longer: it may not win."""
        if leader != 0 or self.leader == self.id:
            self.wait(now)
        super().follow(now, leader)
        self.votes = set()

    def wait(self, now: float) -> None:
        self.due = now + self.election_s * (1 + self.draw())

    def campaign(self, now: float) -> None:
        self.follow(now, 0)
        self.wait(now)
        self.record(now, "vote", self.term + 1, self.id)
        self.votes = {self.id}
        self.tell(self.others, "ASK", self.stamp)
        self.count(now)

    def asked(self, now: float, sender: int, words: list[Any]) -> None:
        (stamp,) = words
        yes = self.vote in (0, sender) and stamp >= self.stamp
        if yes:
            self.record(now, "vote", self.term, sender)
            self.wait(now)
        self.tell([sender], "VOTE", yes)

    def voted(self, now: float, sender: int, words: list[Any]) -> None:
        (yes,) = words
        if yes:
            self.votes.add(sender)
            self.count(now)

    def count(self, now: float) -> None:
        if self.leader == 0 and self.id in self.votes and len(self.votes) >= self.majority:
            self.heard = dict.fromkeys(self.others, now)
            self.lead(now)
