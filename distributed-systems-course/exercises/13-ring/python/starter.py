"""A ring of 360 degrees, with nodes on it."""


class Ring:
    def __init__(self) -> None:
        self.places: list[tuple[int, str]] = []  # a degree, and the node that stands there

    def join(self, node: str, degrees: list[int]) -> None:
        """Nobody stands at these places yet."""
        self.places += [(degree, node) for degree in degrees]

    def leave(self, node: str) -> None:
        """With all its places."""

    def owner(self, key: int) -> str | None:
        """Of a key at that degree, 0 to 359."""
        return min(self.places, key=lambda place: abs(place[0] - key))[1]
