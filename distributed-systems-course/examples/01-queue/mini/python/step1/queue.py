"""Step 1: jobs in memory. Handed out is gone.

The queue is a state machine: a command goes in with its time, a reply comes out. No clock, no
socket, no disk: the same commands in the same order always lead to the same state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Job:
    id: int
    tube: str  # jobs of one kind wait in one tube
    priority: int  # 0 is the most urgent
    ttr: int
    body: str
    created: float


class Queue:
    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.last_id = 0
        self.now = 0.0
        self.commands: dict[str, Callable[..., Any]] = {
            "put": self.put,
            "reserve": self.reserve,
            "close": self.close,
        }

    def apply(self, entry: list[Any]) -> Any:
        """One command: [time, client, name, arguments ...]."""
        at, client, name, *arguments = entry
        self.advance(at)
        return self.commands[name](client, *arguments)

    def advance(self, now: float) -> None:
        self.now = max(self.now, now)

    def put(self, client: int, tube: str, priority: int, delay: int, ttr: int, body: str) -> str:
        self.last_id += 1
        self.jobs[self.last_id] = Job(self.last_id, tube, priority, ttr, body, self.now)
        return f"INSERTED {self.last_id}"

    def next_ready(self, tubes: list[str]) -> Job | None:
        """The most urgent job of these tubes, and among equals the oldest."""
        ready = [job for job in self.jobs.values() if job.tube in tubes]
        return min(ready, key=lambda job: (job.priority, job.id), default=None)

    def reserve(self, client: int, *tubes: str) -> Job | None:
        job = self.next_ready(list(tubes))
        if job is not None:
            del self.jobs[job.id]
        return job

    def close(self, client: int) -> None:
        """The client's connection has ended. What it was doing, nobody knows."""
