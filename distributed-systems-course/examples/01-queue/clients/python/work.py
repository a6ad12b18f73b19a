"""The work itself. A real shop would draw a ticket and mail it; ours takes its time, and fails
when its task says so."""

import os
import time

from task import Task


class TaskFailed(Exception):
    """This attempt did not work; another may."""


def perform(task: Task, attempt: int) -> None:
    """The first attempt is number 1. Raises TaskFailed."""
    time.sleep(task.work_ms / 1000)
    if attempt <= task.crash_times:
        os._exit(1)  # at once, as a crash would: no clean-up, no farewell
    if attempt <= task.fail_times:
        raise TaskFailed(f"the printer is out of paper (attempt {attempt})")
