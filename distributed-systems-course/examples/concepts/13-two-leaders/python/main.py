"""Two leaders, on purpose: a seat that both sell has two buyers. With a seed: python main.py 7

Each of two halls sells on a machine of its own, at once, and tells the other a little later. A seat
that the other has sold meanwhile then has two buyers, and both have heard OK. Which sale stays?
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

ORDERS = 1000  # ten a second, for any seat, at either hall
SEATS = 300
TELL_S = 10
AHEAD_S = 4  # the clock of hall 1


class Sale:
    def __init__(self, hall: int, at: float) -> None:
        self.hall, self.at = hall, at
        self.stamp = at + AHEAD_S * hall  # what the clock of its hall says

    def is_known(self, hall: int, now: float) -> bool:
        return hall == self.hall or self.at // TELL_S < now // TELL_S


def sell(draw: Draw, own_seats: bool) -> list[list[Sale]]:
    """The sales of each seat. With `own_seats`, a hall passes on what is for the other's seats."""
    sold: list[list[Sale]] = [[] for _ in range(SEATS)]
    at = 0.0
    for _ in range(ORDERS):
        at += 0.2 * draw()
        hall, seat = int(2 * draw()), int(SEATS * draw())
        sale = Sale(seat % 2 if own_seats else hall, at)
        if not any(other.is_known(sale.hall, at) for other in sold[seat]):
            sold[seat].append(sale)
    return sold


def last_writer(sales: list[Sale]) -> list[Sale]:
    """The greatest stamp stays."""
    return [max(sales, key=lambda sale: sale.stamp)]


def run(name: str, sold: list[list[Sale]], last_wins: bool) -> None:
    said_ok = gone = later = open_ = 0
    for sales in filter(None, sold):
        stay = last_writer(sales) if last_wins else sales
        said_ok += len(sales)
        gone += len(sales) - len(stay)
        later += any(sale.at > stay[0].at for sale in sales) and len(stay) == 1
        open_ += len(stay) > 1
    print(f"{name:22} {said_ok:7} {gone:16} {later:17} {open_:20}")


def main(seed: int) -> None:
    print("                       OK said  gone in silence    the later one  left to a person")
    run("last writer wins", sell(chance(seed), own_seats=False), last_wins=True)
    run("both are kept", sell(chance(seed), own_seats=False), last_wins=False)
    run("a seat has one leader", sell(chance(seed), own_seats=True), last_wins=False)


play(main)
