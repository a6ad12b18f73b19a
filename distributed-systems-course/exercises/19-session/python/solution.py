"""A customer who never sees less than she knows, whichever copy she asks."""

from typing import Protocol


class Copy(Protocol):
    stamp: int  # how much it knows

    def get(self, seat: str) -> str | None: ...
    def set(self, seat: str, value: str) -> int: ...


class Customer:
    def __init__(self) -> None:
        self.token = 0

    def buy(self, leader: Copy, seat: str) -> None:
        self.token = max(self.token, leader.set(seat, "hers"))

    def look(self, copies: list[Copy], seat: str) -> str | None:
        """What the first copy that knows enough says of it; "free" if that has nothing there."""
        for copy in copies:
            if copy.stamp >= self.token:
                self.token = copy.stamp
                return copy.get(seat) or "free"
        return None
