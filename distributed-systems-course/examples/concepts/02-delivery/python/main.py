"""Three promises about one message. Run it with a seed: python main.py 7"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

Deliver = Callable[[Draw, "BoxOffice", int], None]

LOSS = 0.3  # of requests, and of replies
SEATS = 20
TRIES_MAX = 50


class BoxOffice:
    """A seat goes to one customer. With `remember`, it knows the keys of what it has done."""

    def __init__(self, remember: bool) -> None:
        self.remember = remember
        self.done: set[str] = set()
        self.plan: dict[int, str] = {}  # seat -> who sits there
        self.sold: Counter[int] = Counter()  # tickets printed and paid for

    def sell(self, key: str, customer: str, seat: int) -> str:
        if self.remember and key in self.done:
            return "sold"  # heard before: the effect is there already
        if self.plan.setdefault(seat, customer) != customer:
            return "taken"
        self.done.add(key)
        self.sold[seat] += 1
        return "sold"


def send(draw: Draw, office: BoxOffice, key: str, seat: int) -> bool:
    """True when the reply came back."""
    if draw() < LOSS:
        return False  # the request was lost
    office.sell(key, f"customer-{seat}", seat)
    return draw() >= LOSS  # or the reply is


def at_most_once(draw: Draw, office: BoxOffice, seat: int) -> None:
    send(draw, office, f"order-{seat}", seat)


def at_least_once(draw: Draw, office: BoxOffice, seat: int) -> None:
    for _ in range(TRIES_MAX):
        if send(draw, office, f"order-{seat}", seat):
            return


def run(draw: Draw, name: str, deliver: Deliver, remember: bool) -> None:
    office = BoxOffice(remember)
    for seat in range(SEATS):
        deliver(draw, office, seat)
    lost = sum(office.sold[seat] == 0 for seat in range(SEATS))
    twice = sum(office.sold[seat] > 1 for seat in range(SEATS))
    print(f"{name:30} {SEATS - lost:4} sold {lost:4} lost {twice:4} sold twice or more")


def main(seed: int) -> None:
    draw = chance(seed)
    run(draw, "at most once", at_most_once, remember=False)
    run(draw, "at least once", at_least_once, remember=False)
    run(draw, "at least once, and a key", at_least_once, remember=True)


play(main)
