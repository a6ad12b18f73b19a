"""Two generals, and messengers that may be caught. Run it with a seed: python main.py 7

The generals win only together. Each plan says: send N messengers to and fro, each confirming the
one before; whoever has heard all that it could hear attacks. Is there an N that is safe?
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

CAUGHT = 0.25
BATTLES = 10000


def battle(draw: Draw, messengers: int) -> tuple[bool, bool]:
    """(first attacks, second attacks). The first general proposes: its message is number 1."""
    arrived = 0
    while arrived < messengers and draw() >= CAUGHT:
        arrived += 1
    # Odd messages go to the second general, even ones to the first. Each attacks when the last
    # message that the plan sends to it has come.
    last_to_first = messengers - messengers % 2
    last_to_second = messengers - 1 + messengers % 2
    return arrived >= last_to_first, arrived >= last_to_second


def main(seed: int) -> None:
    draw = chance(seed)
    print("messengers   both attack   none attacks   ONE ATTACKS ALONE")
    for messengers in range(1, 9):
        results = [battle(draw, messengers) for _ in range(BATTLES)]
        both = sum(first and second for first, second in results)
        alone = sum(first != second for first, second in results)
        none = BATTLES - both - alone
        print(f"{messengers:10} {both:13} {none:14} {alone:19}")
    print("The last messenger is never confirmed: its sender attacks, or not, without knowing.")


play(main)
