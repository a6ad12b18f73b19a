"""A task of the ticket shop, "send the ticket for this order", as it travels through the queue.

The key names the work, the job id only one delivery of it. A producer that never heard INSERTED
puts its task again: that is a second job with the same key, and must not become a second ticket.
"""

import json
import re
from dataclasses import asdict, dataclass

KEY = re.compile(r"[A-Za-z0-9-]{1,64}")  # a key becomes a file name: see ledger.py
NUMBER_MAX = 1_000_000


class BadTask(Exception):
    """The body is no task. Trying again cannot help."""


@dataclass(frozen=True)
class Task:
    key: str
    seat: str
    work_ms: int  # how long the work takes
    fail_times: int  # how many attempts fail before one works
    crash_times: int  # how many attempts kill their worker before one works


def encode(task: Task) -> bytes:
    return json.dumps(asdict(task)).encode()


def decode(body: bytes) -> Task:
    """Raises BadTask: whoever can reach the queue can put anything into it."""
    try:
        fields = json.loads(body)
        task = Task(
            key=fields["key"],
            seat=fields["seat"],
            work_ms=fields["work_ms"],
            fail_times=fields["fail_times"],
            crash_times=fields["crash_times"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadTask(f"not a task: {error!r}") from error
    if not isinstance(task.key, str) or not KEY.fullmatch(task.key):
        raise BadTask("not a task: its key is not 1 to 64 letters, digits and dashes")
    if not isinstance(task.seat, str):
        raise BadTask("not a task: its seat is not text")
    for number in (task.work_ms, task.fail_times, task.crash_times):
        if not isinstance(number, int) or isinstance(number, bool):
            raise BadTask("not a task: a number is something else")
        if not 0 <= number <= NUMBER_MAX:
            raise BadTask(f"not a task: a number is not from 0 to {NUMBER_MAX}")
    return task
