"""Which machine keeps a seat? Three plans, compared. Run it with a seed: python main.py 7

The seats of a theatre are kept on three machines. Customers ask for seats, most of them near the
stage. Then a fourth machine joins. The seed draws what the customers ask for.
"""

import sys
from binascii import crc_hqx
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import chance, play

ROWS = 30
SEATS = 40  # in each row
QUESTIONS = 10000
SLOTS = 16384
Key = tuple[int, int]  # row and seat
Plan = Callable[[Key, int], int]  # which machine has it, of so many; the first is number 0


def slot_of(key: Key) -> int:
    return crc_hqx(f"seat:{key[0]}-{key[1]}".encode(), 0) % SLOTS


def by_range(key: Key, count: int) -> int:
    """Neighbours stay together. A fourth machine takes half of the first one's rows."""
    row = key[0]
    if count == 4 and ROWS // 6 <= row < ROWS // 3:
        return 3
    return row * 3 // ROWS


def by_remainder(key: Key, count: int) -> int:
    return slot_of(key) % count


def by_slot(key: Key, count: int) -> int:
    return owners(count)[slot_of(key)]


def owners(count: int) -> list[int]:
    """Whose each slot is. Who joins takes an equal share from each; nothing else moves."""
    if count not in MAPS:
        MAPS[count] = [0] * SLOTS if count == 1 else owners(count - 1).copy()
        seen: Counter[int] = Counter()
        for slot, owner in enumerate(MAPS[count]):
            seen[owner] += 1
            if count > 1 and seen[owner] % count == 0:
                MAPS[count][slot] = count - 1
    return MAPS[count]


MAPS: dict[int, list[int]] = {}


def show(name: str, plan: Plan, asked: list[Key]) -> None:
    keys = [(row, seat) for row in range(ROWS) for seat in range(SEATS)]
    busy = max(Counter(plan(key, 3) for key in asked).values())
    moved = sum(plan(key, 3) != plan(key, 4) for key in keys)
    row = {plan((0, seat), 3) for seat in range(SEATS)}
    shares = f"{percent(busy, len(asked)):10} % {percent(moved, len(keys)):14} %"
    print(f"{name:14} {shares} {len(row):17}")


def percent(part: int, whole: int) -> int:
    return (100 * part + whole // 2) // whole


def main(seed: int) -> None:
    draw = chance(seed)
    asked = [(int(ROWS * draw() ** 2), int(SEATS * draw())) for _ in range(QUESTIONS)]
    print("                 busiest of   moves when a      machines that")
    print("                 three does   fourth joins   know of one row")
    show("by range", by_range, asked)
    show("by remainder", by_remainder, asked)
    show("by slot", by_slot, asked)


play(main)
