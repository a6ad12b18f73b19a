from mine import NODES, owner

SEATS = range(1, 13)


class Shop:
    """Three nodes with seats of their own, and what was done, to be shown."""

    def __init__(self) -> None:
        self.sold: dict[str, dict[int, str]] = {node: {} for node in NODES}
        self.history: list[tuple[int, str]] = []  # seat 0: something that concerns all of them

    def note(self, text: str, seat: int = 0) -> None:
        self.history.append((seat, text))

    def sell(self, customer: str, seat: int, answering: list[str]) -> str | None:
        """Sold, taken, or None: nobody may be asked."""
        node = owner(seat * 7, list(answering))
        if node is None:
            self.note(f"{customer} wants seat {seat}: nobody may be asked now", seat)
            return None
        assert node in answering, (
            f"{node!r} does not answer; the router must not send anybody there"
        )
        said = "taken" if seat in self.sold[node] else "sold"
        self.sold[node].setdefault(seat, customer)
        self.note(f"{customer} wants seat {seat}: node {node} says {said}", seat)
        return said

    def look(self) -> None:
        for seat in SEATS:
            owners = [self.sold[node][seat] for node in NODES if seat in self.sold[node]]
            if len(owners) > 1:
                for about, text in self.history:
                    if about in (0, seat):
                        print(f"| {text}")
                raise AssertionError(f"seat {seat} is sold to {owners[0]} and to {owners[1]}")


shop = Shop()
shop.note("all nodes answer")
for seat in SEATS:
    assert shop.sell("anna", seat, NODES) == "sold", f"all nodes answer, and seat {seat} is free"
used = [node for node in NODES if shop.sold[node]]
assert used == NODES, f"all nodes answer, and the seats are sold by {', '.join(used)} alone"

for silent in NODES:
    shop.note(f"node {silent} falls silent, and the others answer")
    answering = [node for node in NODES if node != silent]
    refused = [seat for seat in SEATS if shop.sell("ben", seat, answering) is None]
    shop.look()
    needless = [seat for seat in refused if seat not in shop.sold[silent]]
    seat = needless[0] if needless else 0
    assert not needless, f"node {silent} is silent; seat {seat} is not its own, and was refused"
    shop.note(f"node {silent} answers again")

shop = Shop()
shop.note("a cut: anna reaches nodes a and b, and ben reaches node c")
for seat in SEATS:
    shop.sell("anna", seat, ["a", "b"])
    shop.sell("ben", seat, ["c"])
shop.look()
assert owner(0, []) is None, "nobody answers: nobody can be asked"
