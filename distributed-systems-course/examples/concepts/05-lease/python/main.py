"""How long should a lease be? Run it with a seed: python main.py 7

A thousand tasks. Most take a few seconds, some a minute. Some workers die, and some stand still for
a while (a busy machine, a laptop lid) and then go on as if nothing had happened.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

TASKS = 1000
LONG = 0.10  # of the tasks take up to a minute instead of a few seconds
DIES = 0.02  # of the workers, in the middle of a task
STANDS_STILL = 0.03  # of the workers, for up to a minute, and hears and says nothing meanwhile


def one_task(draw: Draw) -> tuple[float, float, bool]:
    """(how long the work takes, how long the worker stands still in it, whether it dies), in s."""
    share = draw()
    work_s = share * (60 if draw() < LONG else 4)
    length = draw()
    still_s = length * 60 if draw() < STANDS_STILL else 0
    return work_s, still_s, draw() < DIES


def run(tasks: list[tuple[float, float, bool]], ttr_s: int) -> str:
    twice = twice_with_touch = waited_s = 0
    for work_s, still_s, dies in tasks:
        if dies:
            waited_s += ttr_s  # until the queue gives the task to somebody else
            continue
        # Without touch, the lease must be longer than all of the work.
        twice += work_s + still_s > ttr_s
        # With touch, it must only be longer than the worker's longest silence.
        twice_with_touch += still_s > ttr_s
    return f"{ttr_s:5} s {twice:12} {twice_with_touch:24} {waited_s:24} s"


def main(seed: int) -> None:
    draw = chance(seed)
    tasks = [one_task(draw) for _ in range(TASKS)]
    print("  lease   done twice   done twice, with touch   tasks of dead workers lay")
    for ttr_s in (2, 5, 15, 30, 60, 120):
        print(run(tasks, ttr_s))


play(main)
