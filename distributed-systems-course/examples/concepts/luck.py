"""The luck of these programs: random numbers from a seed, the same in both languages. Given.

python main.py                     with a seed that it draws itself, and tells
python main.py 7                   with this one: the same seed brings the same luck
python main.py --seeds 1..100      with each of these, one after the other
"""

import random
import re
import sys
from collections.abc import Callable

Draw = Callable[[], float]

PRIME, FACTOR = 2147483647, 16807  # x -> x * 16807 mod (2^31 - 1): Park and Miller, 1988
THROWN_AWAY = 10  # of a small seed the first numbers are small, and alike those of its neighbours
SEED_MAX = 999_999_999


def chance(seed: int) -> Draw:
    """A supply of random numbers, each from 0 up to 1."""
    x = seed + 1

    def draw() -> float:
        nonlocal x
        x = x * FACTOR % PRIME
        return x / PRIME

    for _ in range(THROWN_AWAY):
        draw()
    return draw


def play(main: Callable[[int], None]) -> None:
    """Runs a program with the seed, or the seeds, of its command line."""
    words = sys.argv[1:]
    if not words:
        seed = random.randrange(1, 1000)
        print(f"seed {seed}")
        main(seed)
    elif len(words) == 1:
        main(seed_from(words[0]))
    elif len(words) == 2 and words[0] == "--seeds" and words[1].count("..") == 1:
        first, last = map(seed_from, words[1].split(".."))
        if first > last:
            refuse(f"--seeds {words[1]}: the first comes behind the last")
        for seed in range(first, last + 1):
            print(f"seed {seed}")
            main(seed)
    else:
        refuse("one seed, such as 7, or --seeds 1..100")


def seed_from(word: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", word):
        refuse(f"the seed is {word!r}: it has to be a whole number from 0 to {SEED_MAX}")
    return int(word)


def refuse(why: str) -> None:
    print(why, file=sys.stderr)
    sys.exit(2)
