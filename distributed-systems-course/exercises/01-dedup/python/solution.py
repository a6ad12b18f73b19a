"""A box office that hears some orders twice."""


class BoxOffice:
    def __init__(self) -> None:
        self.seats: dict[int, str] = {}  # seat -> the key of the order that bought it
        self.answers: dict[str, str] = {}  # key -> how the order was answered

    def sell(self, key: str, seat: int) -> str:
        """Answers "sold" or "taken". A repeated order gets its first answer, and has no effect."""
        if key in self.answers:
            return self.answers[key]
        answer = "taken" if seat in self.seats else "sold"
        if answer == "sold":
            self.seats[seat] = key
        self.answers[key] = answer
        return answer

    def give_back(self, seat: int) -> None:
        """The customer returns the ticket: the seat is free again."""
        self.seats.pop(seat, None)
