"""Is a history linearizable? One seat; nobody has it in the beginning: it is "free"."""

from collections.abc import Sequence
from itertools import combinations, permutations
from typing import NamedTuple


class Call(NamedTuple):
    kind: str  # "write" or "read"
    value: str  # what it wrote, or read
    begin: float
    end: float


def shows_last_write(order: Sequence[Call]) -> bool:
    """Each read shows what the last write before it wrote."""
    held = "free"
    for call in order:
        if call.kind == "write":
            held = call.value
        elif call.value != held:
            return False
    return True


def keeps_time(order: Sequence[Call]) -> bool:
    """No call stands in front of one that had ended before it began."""
    return not any(later.end < earlier.begin for earlier, later in combinations(order, 2))


def linearizable(history: list[Call]) -> bool:
    return any(shows_last_write(order) and keeps_time(order) for order in permutations(history))
