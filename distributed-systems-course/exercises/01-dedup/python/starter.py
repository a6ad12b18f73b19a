"""A box office that hears some orders twice."""


class BoxOffice:
    def __init__(self) -> None:
        self.seats: dict[int, str] = {}  # seat -> the key of the order that bought it

    def sell(self, key: str, seat: int) -> str:
        """Answers "sold" or "taken". A repeated order gets its first answer, and has no effect."""
        if seat in self.seats:
            return "taken"
        self.seats[seat] = key
        return "sold"

    def give_back(self, seat: int) -> None:
        """The customer returns the ticket: the seat is free again."""
        self.seats.pop(seat, None)
