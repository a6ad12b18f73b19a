"""An office that hears numbered orders from many senders, some twice, some out of order."""


class Office:
    def __init__(self) -> None:
        self.done: list[str] = []  # what was carried out
        self.last: dict[str, int] = {}  # sender -> the number of its last order carried out

    def hear(self, sender: str, number: int, order: str) -> str:
        """Answers "done", "again" or "gap". Each sender's first order is number 1."""
        expected = self.last.get(sender, 0) + 1
        if number < expected:
            return "again"
        if number > expected:
            return "gap"
        self.done.append(order)
        self.last[sender] = number
        return "done"
