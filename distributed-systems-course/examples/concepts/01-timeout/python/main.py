"""What a timeout tells you: almost nothing. Run it with a seed: python main.py 7"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

TIMEOUT_MS = 100
LOSS = 0.2  # of requests, and of replies
CRASH = 0.2  # of the office, before it does anything


def call(draw: Draw, seats: set[int], seat: int) -> tuple[str, str]:
    """The shop asks the box office to sell a seat: (what the shop sees, what happened)."""
    if draw() < LOSS:
        return "timeout", "the request was lost"
    if draw() < CRASH:
        return "timeout", "the office crashed before it did anything"
    seats.add(seat)
    if draw() < LOSS:
        return "timeout", "sold, and then the reply was lost"
    took_ms = round(40 + draw() * 100)
    if took_ms > TIMEOUT_MS:
        return "timeout", f"sold, but it took {took_ms} ms"
    return "sold", f"sold, in {took_ms} ms"


def main(seed: int) -> None:
    draw = chance(seed)
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


play(main)
