"""A ring of 360 degrees, with nodes on it."""


class Ring:
    def __init__(self) -> None:
        self.places: list[tuple[int, str]] = []  # a degree, and the node that stands there

    def join(self, node: str, degrees: list[int]) -> None:
        """Nobody stands at these places yet."""
        self.places += [(degree, node) for degree in degrees]
        self.places.sort()

    def leave(self, node: str) -> None:
        """With all its places."""
        self.places = [place for place in self.places if place[1] != node]

    def owner(self, key: int) -> str | None:
        """Of a key at that degree, 0 to 359."""
        for degree, node in self.places:
            if degree >= key:
                return node
        return self.places[0][1] if self.places else None
