"""Answer, write, sync: in which order? Run it with a seed: python main.py 7

A queue takes a job, and dies at some moment while it does. What was written lies in the operating
system's memory until a sync brings it to the disk. A killed program loses neither; a power cut
loses what was not synced.
"""

import random
import sys
from collections.abc import Iterator

JOBS = 1000
PLANS = (("answer", "write", "sync"), ("write", "answer", "sync"), ("write", "sync", "answer"))


def chance(seed: int) -> Iterator[float]:
    """The same random numbers in every language: x -> x * 16807 mod (2^31 - 1)."""
    x = seed
    while True:
        x = x * 16807 % 2147483647
        yield x / 2147483647


class Machine:
    def __init__(self) -> None:
        self.memory: set[int] = set()  # the operating system's
        self.disk: set[int] = set()
        self.answered: set[int] = set()  # what the customers have been promised

    def step(self, name: str, job: int) -> None:
        if name == "write":
            self.memory.add(job)
        elif name == "sync":
            self.disk |= self.memory
        else:
            self.answered.add(job)

    def power_cut(self) -> None:
        self.memory = set(self.disk)

    def lost(self) -> int:
        """Promised, and not there after the restart."""
        return len(self.answered - self.memory)


def run(draw: Iterator[float], plan: tuple[str, ...], power: bool) -> int:
    lost = 0
    for job in range(JOBS):
        machine = Machine()
        steps_done = int(next(draw) * (len(plan) + 1))  # then it dies
        for name in plan[:steps_done]:
            machine.step(name, job)
        if power:
            machine.power_cut()
        lost += machine.lost()
    return lost


def main() -> None:
    draw = chance(int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1, 1000))
    print(f"of {JOBS} crashes, a promised job was lost in")
    print("order of steps          kill -9   power cut")
    for plan in PLANS:
        killed = run(draw, plan, power=False)
        print(f"{', '.join(plan):22} {killed:8} {run(draw, plan, power=True):11}")


main()
