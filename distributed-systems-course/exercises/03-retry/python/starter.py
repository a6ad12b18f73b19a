"""When a failed task is tried again."""

ATTEMPTS_MAX = 8
BASE_S = 1
CAP_S = 60


def delay_s(attempt: int, draw: float) -> float | None:
    """Seconds to wait after this attempt (the first is number 1); None: give up."""
    return BASE_S
