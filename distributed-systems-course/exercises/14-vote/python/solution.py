"""A node's vote: who may lead?"""

from typing import Protocol

Stamp = tuple[int, int]  # (term, version)


class Disk(Protocol):
    term: int  # the highest that the node has heard of
    vote: int  # for whom, in that term; 0: for nobody yet

    def save(self, term: int, vote: int) -> None:
        """Writes both, and syncs."""


class Voter:
    def __init__(self, disk: Disk, stamp: Stamp) -> None:
        """As the node starts: `stamp` says how new its data is."""
        self.disk, self.stamp = disk, stamp

    def asked(self, term: int, candidate: int, stamp: Stamp) -> bool:
        """That node asks for this one's vote in that term, and has data of that stamp."""
        if term < self.disk.term:
            return False
        vote = self.disk.vote if term == self.disk.term else 0
        yes = vote in (0, candidate) and stamp >= self.stamp
        self.disk.save(term, candidate if yes else vote)
        return yes
