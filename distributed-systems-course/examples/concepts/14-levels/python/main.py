"""What a reader may see, by level. Run it with a seed: python main.py 7

Node 0 leads. A write is done when two of the three nodes have it; what travels to the others comes
late, in its order. A read goes to any node, or, where it is to be linearizable, to the leader.
"""

import sys
from bisect import bisect_right
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

READS = 1000
CUSTOMERS = 4
WRITES = 0.3  # of all calls
THINK_MS = 40
LAG_MS = 10  # of a copy;
SLOW_MS = 300  # and of one in ten
SLOW = 0.1


class Copies:
    """Three nodes. Which versions one has, it says by when each of them came."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.came: list[list[float]] = [[0.0], [0.0], [0.0]]
        self.newest = 0

    def lag_ms(self) -> float:
        return (SLOW_MS if self.draw() < SLOW else LAG_MS) * self.draw()

    def write(self, now: float) -> float:
        """When it is done."""
        self.newest += 1
        for node, came in enumerate(self.came):
            came.append(max(came[-1], now + (self.lag_ms() if node > 0 else 0)))
        return sorted(came[-1] for came in self.came)[1]

    def version(self, node: int, now: float) -> int:
        return bisect_right(self.came[node], now) - 1


class Customer:
    wrote = seen = token = 0  # versions


def read(copies: Copies, level: str, customer: Customer, now: float) -> tuple[int, float]:
    """(the version that is seen, when). Which node is asked is a matter of luck."""
    node = int(copies.draw() * 3)
    if level == "linearizable":  # the leader asks a majority whether it leads: there and back
        round_ms = min(copies.lag_ms() + copies.lag_ms() for _ in range(2))
        return copies.version(0, now), now + round_ms
    if level == "session":  # the node waits until it has what this customer knows
        now = max(now, copies.came[node][customer.token])
    seen = copies.version(node, now)
    customer.token = max(customer.token, seen)
    return seen, now


def run(draw: Draw, level: str) -> None:
    copies, customers = Copies(draw), [Customer() for _ in range(CUSTOMERS)]
    now = waited = 0.0
    reads = stale = own = backwards = 0
    while reads < READS:
        now += THINK_MS * draw()
        customer = customers[int(draw() * CUSTOMERS)]
        if draw() < WRITES:
            now = copies.write(now)
            customer.wrote = customer.token = copies.newest
            continue
        seen, done = read(copies, level, customer, now)
        reads += 1
        stale += seen < copies.newest
        own += seen < customer.wrote
        backwards += seen < customer.seen
        customer.seen = max(customer.seen, seen)
        now, waited = done, waited + done - now
    print(f"{level:14} {stale:6} {own:18} {backwards:18} {int(waited / READS):10} ms")


def main(seed: int) -> None:
    print(f"of {READS} reads   stale  own write missing  older than before  mean wait")
    for level in ("local", "session", "linearizable"):
        run(chance(seed), level)


play(main)
