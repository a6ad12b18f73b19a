"""Answer, write, sync: in which order? Run it with a seed: python main.py 7

A queue takes a job, and dies at some moment while it does. What was written lies in the operating
system's memory until a sync brings it to the disk. A killed program loses neither; a power cut
loses what was not synced.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

JOBS = 1000
PLANS = (("answer", "write", "sync"), ("write", "answer", "sync"), ("write", "sync", "answer"))


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


def run(draw: Draw, plan: tuple[str, ...], power: bool) -> int:
    lost = 0
    for job in range(JOBS):
        machine = Machine()
        steps_done = int(draw() * (len(plan) + 1))  # then it dies
        for name in plan[:steps_done]:
            machine.step(name, job)
        if power:
            machine.power_cut()
        lost += machine.lost()
    return lost


def main(seed: int) -> None:
    draw = chance(seed)
    print(f"of {JOBS} crashes, a promised job was lost in")
    print("order of steps          kill -9   power cut")
    for plan in PLANS:
        killed = run(draw, plan, power=False)
        print(f"{', '.join(plan):22} {killed:8} {run(draw, plan, power=True):11}")


play(main)
