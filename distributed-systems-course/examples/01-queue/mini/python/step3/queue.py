"""Step 3: only log.py is new. A state machine comes back by hearing the same commands again.

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
    ttr: int  # time to run: how many seconds a worker may hold it in silence
    body: str
    created: float
    state: str = "ready"  # or reserved
    holder: int = 0  # reserved: by this client ...
    due: float = 0.0  # ... until then


class Queue:
    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.last_id = 0
        self.now = 0.0
        self.commands: dict[str, Callable[..., Any]] = {
            "put": self.put,
            "reserve": self.reserve,
            "delete": self.delete,
            "release": self.release,
            "touch": self.touch,
            "close": self.close,
        }

    def apply(self, entry: list[Any]) -> Any:
        """One command: [time, client, name, arguments ...]."""
        at, client, name, *arguments = entry
        self.advance(at)
        return self.commands[name](client, *arguments)

    def advance(self, now: float) -> None:
        """Leases that have run out end: the worker was silent for too long."""
        self.now = max(self.now, now)
        for job in self.jobs.values():
            if job.state == "reserved" and job.due <= self.now:
                job.state = "ready"

    def put(self, client: int, tube: str, priority: int, delay: int, ttr: int, body: str) -> str:
        self.last_id += 1
        self.jobs[self.last_id] = Job(self.last_id, tube, priority, ttr, body, self.now)
        return f"INSERTED {self.last_id}"

    def next_ready(self, tubes: list[str]) -> Job | None:
        """The most urgent job of these tubes, and among equals the oldest."""
        ready = [job for job in self.jobs.values() if job.state == "ready" and job.tube in tubes]
        return min(ready, key=lambda job: (job.priority, job.id), default=None)

    def reserve(self, client: int, *tubes: str) -> Job | None:
        """A lease: the job is this client's until it is done, given back, or the time is up."""
        job = self.next_ready(list(tubes))
        if job is not None:
            job.state, job.holder, job.due = "reserved", client, self.now + job.ttr
        return job

    def held(self, client: int, id: int) -> Job | None:
        """The job, if this client holds its lease now."""
        job = self.jobs.get(id)
        return job if job and job.state == "reserved" and job.holder == client else None

    def delete(self, client: int, id: int) -> str:
        """The acknowledgement: the work is done."""
        job = self.jobs.get(id)
        if job is None or (job.state == "reserved" and job.holder != client):
            return "NOT_FOUND"
        del self.jobs[id]
        return "DELETED"

    def release(self, client: int, id: int, priority: int, delay: int) -> str:
        """The work has failed: somebody else may try."""
        job = self.held(client, id)
        if job is None:
            return "NOT_FOUND"
        job.state, job.priority = "ready", priority
        return "RELEASED"

    def touch(self, client: int, id: int) -> str:
        """The work goes on: the whole time to run begins again."""
        job = self.held(client, id)
        if job is None:
            return "NOT_FOUND"
        job.due = self.now + job.ttr
        return "TOUCHED"

    def close(self, client: int) -> None:
        """The client's connection has ended (0: every client's): what it held goes back at once."""
        for job in self.jobs.values():
            if job.state == "reserved" and client in (0, job.holder):
                job.state = "ready"
