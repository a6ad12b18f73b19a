"""A hundred workers fail at once and try again. When? Run it with a seed: python main.py 7"""

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

Delay = Callable[[Draw, int], int]

WORKERS = 100
SERVED_PER_S = 20  # by the mail server, when nobody disturbs it
REFUSAL_COST = 0.5  # of what it takes to serve one: saying no is work, too
CAP_S = 32
SECONDS_MAX = 200


def at_once(draw: Draw, attempt: int) -> int:
    return 1


def doubling(draw: Draw, attempt: int) -> int:
    return int(min(CAP_S, 2**attempt))


def doubling_with_jitter(draw: Draw, attempt: int) -> int:
    longest_s = min(CAP_S, 2**attempt)
    return int(longest_s / 2 + draw() * longest_s / 2) + 1


def run(draw: Draw, name: str, delay_s: Delay) -> None:
    due = {0: list(range(WORKERS))}  # second -> who tries then
    attempts = [0] * WORKERS
    load, last, left = [], 0, WORKERS
    for second in range(SECONDS_MAX):
        trying = due.pop(second, [])
        load.append(len(trying))
        if trying:
            last = second
        too_many = max(0, len(trying) - SERVED_PER_S)
        served = max(0, SERVED_PER_S - int(too_many * REFUSAL_COST))
        left -= min(served, len(trying))
        for worker in trying[served:]:  # refused
            attempts[worker] += 1
            due.setdefault(second + delay_s(draw, attempts[worker]), []).append(worker)
    busy = "".join("#" if n > SERVED_PER_S else "+" if n else "." for n in load[:40])
    end = f"all served after {last:3} s" if not left else f"{left} still not served"
    print(f"{name:22} {sum(attempts):5} refused, {end}\n  {busy}")


def main(seed: int) -> None:
    draw = chance(seed)
    print("each mark is a second: . idle  + served  # more than the server can take")
    run(draw, "at once", at_once)
    run(draw, "doubling", doubling)
    run(draw, "doubling, with jitter", doubling_with_jitter)


play(main)
