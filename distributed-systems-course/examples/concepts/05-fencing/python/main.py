"""The worker that comes too late, and what stops it. Run it with a seed: python main.py 7

A thousand times somebody is lent the price list, to write a new one. Now and then a worker stands
still until its lease is over, somebody else writes, and then the first one goes on. The list is
wrong when the old price overwrites the new one.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

LEASES = 1000
LEASE_S = 10
STANDS_STILL = 0.1  # of the workers, at each of two places, for up to a minute


class PriceList:
    """Keeps what was written last. With `fenced`, it looks at the number of the writer's lease."""

    def __init__(self, fenced: bool) -> None:
        self.fenced = fenced
        self.highest = 0  # the number of the newest lease that has written
        self.by = ""

    def write(self, token: int, worker: str) -> bool:
        if self.fenced and token < self.highest:
            return False  # a newer lease has written
        self.highest, self.by = max(token, self.highest), worker
        return True


def silence_s(draw: Draw) -> float:
    length = draw()
    return length * 60 if draw() < STANDS_STILL else length


def one_lease(draw: Draw, prices: PriceList, asks: bool) -> bool:
    """True if a late write was refused. Anna's lease has number 1, that of Ben after her 2."""
    before_s, after_s = silence_s(draw), silence_s(draw)
    if asks and before_s > LEASE_S:
        prices.write(2, "Ben")
        return False  # Anna has asked, heard that her lease is over, and left it to Ben
    if before_s + after_s > LEASE_S:  # she stood still, perhaps after asking
        prices.write(2, "Ben")
    return not prices.write(1, "Anna")


def run(draw: Draw, name: str, asks: bool, fenced: bool) -> None:
    wrong = refused = 0
    for _ in range(LEASES):
        prices = PriceList(fenced)
        refused += one_lease(draw, prices, asks)
        wrong += prices.highest == 2 and prices.by == "Anna"
    print(f"{name:32} {wrong:14} {refused:21}")


def main(seed: int) -> None:
    print("a worker                           old over new   late writes refused")
    run(chance(seed), "writes", asks=False, fenced=False)
    run(chance(seed), "asks for its lease, then writes", asks=True, fenced=False)
    run(chance(seed), "writes, with its lease's number", asks=False, fenced=True)


play(main)
