"""A follower of one leader: changes come one by one, or everything at once."""


class Follower:
    def __init__(self, version: int, data: dict[str, str]) -> None:
        """As it starts, with what is on its disk."""
        self.term, self.version, self.data = 0, version, dict(data)
        self.fresh = False  # whether it has what the leader of this term has

    def write(self, term: int, before: int, key: str, value: str) -> str:
        """A change that the leader of this term has made for the version `before`.

        The answer: "ACK" if it is done, "ALL?" if everything has to be sent, "NO" to the leader of
        a term that is over.
        """
        if term < self.term:
            return "NO"
        self.enter(term)
        if not self.fresh or before != self.version:
            self.fresh = False
            return "ALL?"
        self.version, self.data[key] = before + 1, value
        return "ACK"

    def all(self, term: int, version: int, data: dict[str, str]) -> str:
        """Everything that the leader of this term has: "ACK", or "NO"."""
        if term < self.term:
            return "NO"
        self.enter(term)
        self.version, self.data, self.fresh = version, dict(data), True
        return "ACK"

    def enter(self, term: int) -> None:
        """Another leader may have other changes."""
        if term > self.term:
            self.term, self.fresh = term, False
