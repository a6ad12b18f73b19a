"""A hundred workers fail at once and try again. When? Run it with a seed: python main.py 7"""

import random
import sys
from collections.abc import Callable, Iterator

Delay = Callable[[Iterator[float], int], int]

WORKERS = 100
SERVED_PER_S = 20  # by the mail server, when nobody disturbs it
REFUSAL_COST = 0.25  # of what it takes to serve one: saying no is work, too
CAP_S = 32
SECONDS_MAX = 200


def chance(seed: int) -> Iterator[float]:
    """The same random numbers in every language: x -> x * 16807 mod (2^31 - 1)."""
    x = seed
    while True:
        x = x * 16807 % 2147483647
        yield x / 2147483647


def at_once(draw: Iterator[float], attempt: int) -> int:
    return 1


def doubling(draw: Iterator[float], attempt: int) -> int:
    return int(min(CAP_S, 2**attempt))


def doubling_with_jitter(draw: Iterator[float], attempt: int) -> int:
    longest_s = min(CAP_S, 2**attempt)
    return int(longest_s / 2 + next(draw) * longest_s / 2) + 1


def run(draw: Iterator[float], name: str, delay_s: Delay) -> None:
    due = {0: list(range(WORKERS))}  # second -> who tries then
    attempts = [0] * WORKERS
    load, last = [], 0
    for second in range(SECONDS_MAX):
        trying = due.pop(second, [])
        load.append(len(trying))
        if trying:
            last = second
        too_many = max(0, len(trying) - SERVED_PER_S)
        served = max(0, SERVED_PER_S - int(too_many * REFUSAL_COST))
        for worker in trying[served:]:  # refused
            attempts[worker] += 1
            due.setdefault(second + delay_s(draw, attempts[worker]), []).append(worker)
    busy = "".join("#" if n > SERVED_PER_S else "+" if n else "." for n in load[:40])
    end = f"all served after {last:3} s" if not due else "still not all served"
    print(f"{name:22} {sum(attempts):5} refused, {end}\n  {busy}")


def main() -> None:
    draw = chance(int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1, 1000))
    print("each mark is a second: . idle  + served  # more than the server can take")
    run(draw, "at once", at_once)
    run(draw, "doubling", doubling)
    run(draw, "doubling, with jitter", doubling_with_jitter)


main()
