"""How long to wait before the next attempt."""

import math
import random


def retry_delay_s(attempt: int, base_s: int, cap_s: int) -> int:
    """Twice as long after each failed attempt, up to the cap; the first attempt is number 1.

    Half of it is chance: tasks that failed together (the mail server was down) must not all come
    back in the same second. The protocol counts delays in whole seconds, hence the rounding up.
    """
    longest_s = min(cap_s, base_s * 2 ** (attempt - 1))
    return math.ceil(random.uniform(longest_s / 2, longest_s))
