"""One leads, two copy: after how many disks may it say OK? Run it with a seed: python main.py 7

A sale goes to the leader's disk, and from there to the disks of two followers, over links that are
down now and then. A moment later the leader's machine dies for good; or that and a follower's. Who
is left goes on with what its own disk has. What had not arrived by then is gone.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

SALES = 1000
SYNC_MS = 2  # at most, as the next three
LINK_MS = 4
DOWN_MS = 4000
SOON_MS = 20  # the death after the sale
DOWN = 0.1  # of the links, when a sale comes
PATIENCE_MS = 1000
LEVELS = {"leader": 1, "majority": 2, "all": 3}


class Sale:
    def __init__(self, draw: Draw) -> None:
        first = SYNC_MS * draw()
        self.held = [first, first + copy_ms(draw), first + copy_ms(draw)]  # when, on which disk
        self.dies = SOON_MS * draw()
        self.second = 1 + int(2 * draw())  # the follower that dies along with the leader

    def answered(self, level: str) -> float:
        """Once so many disks have it."""
        return sorted(self.held)[LEVELS[level] - 1]

    def is_gone(self, level: str, dead: set[int]) -> bool:
        """The customer has heard OK, and no disk that is left has the sale."""
        if self.answered(level) > self.dies:
            return False  # nothing was promised
        return not any(self.held[n] <= self.dies for n in range(3) if n not in dead)


def copy_ms(draw: Draw) -> float:
    wait = DOWN_MS * draw()
    return (wait if draw() < DOWN else 0) + LINK_MS * draw() + SYNC_MS * draw()


def run(level: str, sales: list[Sale]) -> None:
    times = [sale.answered(level) for sale in sales]
    heard = [time for time in times if time <= PATIENCE_MS]
    mean = int(sum(heard) / len(heard) + 0.5)
    one = sum(sale.is_gone(level, {0}) for sale in sales)
    two = sum(sale.is_gone(level, {0, sale.second}) for sale in sales)
    print(f"{level:9} {mean:5} ms {len(times) - len(heard):15} {one:20} {two:17}")


def main(seed: int) -> None:
    draw = chance(seed)
    sales = [Sale(draw) for _ in range(SALES)]
    print(f"of {SALES} sales                   OK was said, and then it is gone with")
    print("level     OK after   none within 1 s    the leader's disk   that and another")
    for level in LEVELS:
        run(level, sales)


play(main)
