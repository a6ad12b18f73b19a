"""Three promises about one message. Run it with a seed: python main.py 7"""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator

Deliver = Callable[[Iterator[float], "BoxOffice", int], None]

LOSS = 0.3  # of requests, and of replies
SEATS = 20
TRIES_MAX = 50


def chance(seed: int) -> Iterator[float]:
    """The same random numbers in every language: x -> x * 16807 mod (2^31 - 1)."""
    x = seed
    while True:
        x = x * 16807 % 2147483647
        yield x / 2147483647


class BoxOffice:
    """Sells what it is asked to sell. With `remember`, it knows the keys of what it has done."""

    def __init__(self, remember: bool) -> None:
        self.remember = remember
        self.done: set[str] = set()
        self.sold: Counter[int] = Counter()

    def sell(self, key: str, seat: int) -> None:
        if self.remember and key in self.done:
            return  # heard before: the effect is there already
        self.done.add(key)
        self.sold[seat] += 1


def send(draw: Iterator[float], office: BoxOffice, key: str, seat: int) -> bool:
    """True when the reply came back."""
    if next(draw) < LOSS:
        return False  # the request was lost
    office.sell(key, seat)
    return next(draw) >= LOSS  # or the reply is


def at_most_once(draw: Iterator[float], office: BoxOffice, seat: int) -> None:
    send(draw, office, f"order-{seat}", seat)


def at_least_once(draw: Iterator[float], office: BoxOffice, seat: int) -> None:
    for _ in range(TRIES_MAX):
        if send(draw, office, f"order-{seat}", seat):
            return


def run(draw: Iterator[float], name: str, deliver: Deliver, remember: bool) -> None:
    office = BoxOffice(remember)
    for seat in range(SEATS):
        deliver(draw, office, seat)
    lost = sum(office.sold[seat] == 0 for seat in range(SEATS))
    twice = sum(office.sold[seat] > 1 for seat in range(SEATS))
    print(f"{name:30} {SEATS - lost:4} sold {lost:4} lost {twice:4} sold twice or more")


def main() -> None:
    draw = chance(int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1, 1000))
    run(draw, "at most once", at_most_once, remember=False)
    run(draw, "at least once", at_least_once, remember=False)
    run(draw, "at least once, and a key", at_least_once, remember=True)


main()
