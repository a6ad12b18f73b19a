"""A node's vote, one a term, on disk."""

from typing import Protocol


class Disk(Protocol):
    term: int
    vote: int  # 0: for nobody

    def save(self, term: int, vote: int) -> None:
        """Writes both, and syncs."""


class Voter:
    def __init__(self, disk: Disk) -> None:
        """As the node starts."""
        self.disk = disk
        self.term, self.vote = disk.term, disk.vote

    def asked(self, term: int, candidate: int) -> bool:
        """That node, which may be this one itself, wants to lead that term."""
        if term < self.term:
            return False
        if term > self.term:
            self.term, self.vote = term, 0
        if self.vote == 0:
            self.vote = candidate
            self.disk.save(self.term, self.vote)
        return self.vote == candidate
