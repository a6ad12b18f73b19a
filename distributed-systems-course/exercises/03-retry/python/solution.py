"""When a failed task is tried again."""

ATTEMPTS_MAX = 8
BASE_S = 1
CAP_S = 60


def delay_s(attempt: int, draw: float) -> float | None:
    """Seconds to wait after this attempt (the first is number 1); None: give up."""
    if attempt >= ATTEMPTS_MAX:
        return None
    longest_s: float = min(CAP_S, BASE_S * 2 ** (attempt - 1))
    return longest_s / 2 + draw * longest_s / 2
