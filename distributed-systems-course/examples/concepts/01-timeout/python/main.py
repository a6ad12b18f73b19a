"""What a timeout tells you: almost nothing. Run it with a seed: python main.py 7"""

import random
import sys
from collections.abc import Iterator

TIMEOUT_MS = 100


def chance(seed: int) -> Iterator[float]:
    """The same random numbers in every language: x -> x * 16807 mod (2^31 - 1)."""
    x = seed
    while True:
        x = x * 16807 % 2147483647
        yield x / 2147483647


def call(draw: Iterator[float], seats: set[int], seat: int) -> tuple[str, str]:
    """The shop asks the box office to sell a seat: (what the shop sees, what happened)."""
    if next(draw) < 0.2:
        return "timeout", "the request was lost"
    if next(draw) < 0.2:
        return "timeout", "the office crashed before it did anything"
    seats.add(seat)
    if next(draw) < 0.2:
        return "timeout", "sold, and then the reply was lost"
    took_ms = round(40 + next(draw) * 100)
    if took_ms > TIMEOUT_MS:
        return "timeout", f"sold, but it took {took_ms} ms"
    return "sold", f"sold, in {took_ms} ms"


def main() -> None:
    draw = chance(int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1, 1000))
    seats: set[int] = set()
    unknown = []
    print("seat  the shop sees  what really happened")
    for seat in range(1, 13):
        seen, happened = call(draw, seats, seat)
        print(f"{seat:4}  {seen:13}  {happened}")
        if seen == "timeout":
            unknown.append(seat)
    sold = sum(seat in seats for seat in unknown)
    rest = len(unknown) - sold
    print(f"{len(unknown)} timeouts: {sold} of these seats are sold, {rest} are not.")
    print("Nothing in the middle column tells which.")


main()
