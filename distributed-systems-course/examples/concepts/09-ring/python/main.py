"""Keys on a ring: each belongs to the next point on it. Run it with a seed: python main.py 7

Three machines put points on the ring, each as many as the others, at places that are drawn. Ten
thousand keys lie on it. Then a fourth machine joins.
"""

import sys
from bisect import bisect_right
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

KEYS = 10000
POINTS = (1, 10, 100, 1000)  # of each machine: the rows of the table


class Ring:
    """Places are numbers from 0 up to 1; behind the last one comes the first again."""

    def __init__(self) -> None:
        self.points: list[tuple[float, int]] = []  # in order: where, and whose

    def join(self, machine: int, places: list[float]) -> None:
        self.points = sorted([*self.points, *((place, machine) for place in places)])

    def owner(self, key: float) -> int:
        """Whose the next point is."""
        at = bisect_right(self.points, key, key=lambda point: point[0])
        return self.points[at % len(self.points)][1]


def show(draw: Draw, points: int) -> None:
    keys = [draw() for _ in range(KEYS)]
    ring = Ring()
    for machine in range(3):
        ring.join(machine, [draw() for _ in range(points)])
    before = [ring.owner(key) for key in keys]
    ring.join(3, [draw() for _ in range(points)])
    after = [ring.owner(key) for key in keys]
    busiest = max(before.count(machine) for machine in range(3))
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    gave = [sum(old == machine for old, _ in moved) for machine in range(3)]
    among = sum(new != 3 for _, new in moved)
    first, second, third = (f"{percent(count):4} %" for count in gave)
    row = f"{points:6} {percent(busiest):15} % {percent(len(moved)):11} %"
    print(f"{row} {first} {second} {third} {among:14}")


def percent(count: int) -> int:
    return (100 * count + KEYS // 2) // KEYS


def main(seed: int) -> None:
    print("points   the busiest of   a fourth is     that is from      keys that move")
    print("of each  three has        given           each of three     among those three")
    for points in POINTS:
        show(chance(seed), points)


play(main)
