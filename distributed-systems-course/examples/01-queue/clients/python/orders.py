"""The shop's orders, made up: most are easy, some make trouble so that retries can be watched."""

from config import Config
from task import NUMBER_MAX, Task

ALWAYS = NUMBER_MAX  # more often than any worker tries


def make_task(config: Config, run: str, number: int) -> Task:
    """The run is part of the key: a producer that starts again must not use its old keys again."""
    slow = is_every(config.slow_every, number)
    fail_times = 0
    if is_every(config.fail_every, number):
        fail_times = 2
    if is_every(config.poison_every, number):
        fail_times = ALWAYS
    return Task(
        key=f"order-{run}-{number}",
        seat=f"{'ABCDEFGHJK'[number // 20 % 10]}{number % 20 + 1}",
        work_ms=config.ttr_s * 1500 if slow else config.work_ms,
        fail_times=fail_times,
        crash_times=ALWAYS if is_every(config.crash_every, number) else 0,
    )


def is_every(every: int, number: int) -> bool:
    return every > 0 and number % every == 0
