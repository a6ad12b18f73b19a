"""Two halls sell one theatre's seats, and the cable between them is cut. Run it with a seed:
python main.py 7

There are three copies of the seating plan: two in hall one, one in hall two. A hall that has sold a
seat tells all copies that it reaches. The question is how many it must reach before it sells.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

SEATS = 100
CUSTOMERS = 120
CUT_FROM = 30  # so many customers have come when the cable is cut,
CUT_UNTIL = 90  # and so many when it is mended


class Hall:
    """The box office of a hall, and its copy of the plan: seat -> who has bought it."""

    def __init__(self, copies: int, needs: int) -> None:
        self.copies, self.needs = copies, needs
        self.plan: dict[int, set[str]] = {}
        self.reaches: list[Hall] = []  # the other hall, while the cable is whole

    def sell(self, seat: int, customer: str) -> str:
        reached = self.copies + sum(hall.copies for hall in self.reaches)
        if reached < self.needs:
            return "come again later"
        if seat in self.plan:
            return "taken"
        self.plan[seat] = {customer}
        for hall in self.reaches:
            self.tell(hall, seat)
        return "sold"

    def tell(self, hall: "Hall", seat: int) -> None:
        hall.plan[seat] = hall.plan.get(seat, set()) | self.plan[seat]


def cut(one: Hall, two: Hall) -> None:
    one.reaches, two.reaches = [], []


def mend(one: Hall, two: Hall) -> None:
    """Each tells the other all that it has sold."""
    one.reaches, two.reaches = [two], [one]
    for seat in list(one.plan):
        one.tell(two, seat)
    for seat in list(two.plan):
        two.tell(one, seat)


def evening(draw: Draw, needs: int, cable_is_cut: bool) -> tuple[int, int]:
    """How many seats were sold twice, and how many customers were turned away."""
    one, two = Hall(2, needs), Hall(1, needs)
    mend(one, two)
    away = 0
    for number in range(1, CUSTOMERS + 1):
        if cable_is_cut and number == CUT_FROM + 1:
            cut(one, two)
        if number == CUT_UNTIL + 1:
            mend(one, two)
        hall, seat = one if draw() < 0.5 else two, 1 + int(SEATS * draw())
        away += hall.sell(seat, f"customer-{number}") == "come again later"
    mend(one, two)
    return sum(len(owners) > 1 for owners in one.plan.values()), away


def main(seed: int) -> None:
    print("a hall sells when      an evening with no cut       the cable is cut")
    print("it reaches             sold twice  turned away   sold twice  turned away")
    for needs, name in enumerate(("one copy of three", "two of three", "all three"), start=1):
        whole = evening(chance(seed), needs, cable_is_cut=False)
        broken = evening(chance(seed), needs, cable_is_cut=True)
        print(f"{name:22} {whole[0]:10} {whole[1]:12} {broken[0]:12} {broken[1]:12}")


play(main)
