"""Two generals, and messengers that may be caught. Run it with a seed: python main.py 7

The generals win only together. Each plan says: send N messengers to and fro, each confirming the
one before; whoever has heard all that it could hear attacks. Is there an N that is safe?
"""

import random
import sys
from collections.abc import Iterator

CAUGHT = 0.25
BATTLES = 10000


def chance(seed: int) -> Iterator[float]:
    """The same random numbers in every language: x -> x * 16807 mod (2^31 - 1)."""
    x = seed
    while True:
        x = x * 16807 % 2147483647
        yield x / 2147483647


def battle(draw: Iterator[float], messengers: int) -> tuple[bool, bool]:
    """(first attacks, second attacks). The first general proposes: its message is number 1."""
    arrived = 0
    while arrived < messengers and next(draw) >= CAUGHT:
        arrived += 1
    # Odd messages go to the second general, even ones to the first. Each attacks when the last
    # message that the plan sends to it has come.
    last_to_first = messengers - messengers % 2
    last_to_second = messengers - 1 + messengers % 2
    return arrived >= last_to_first, arrived >= last_to_second


def main() -> None:
    draw = chance(int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1, 1000))
    print("messengers   both attack   none attacks   ONE ATTACKS ALONE")
    for messengers in range(1, 9):
        results = [battle(draw, messengers) for _ in range(BATTLES)]
        both = sum(first and second for first, second in results)
        alone = sum(first != second for first, second in results)
        none = BATTLES - both - alone
        print(f"{messengers:10} {both:13} {none:14} {alone:19}")
    print("The last messenger is never confirmed: its sender attacks, or not, without knowing.")


main()
