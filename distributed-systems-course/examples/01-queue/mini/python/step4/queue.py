"""Step 4: delays. What failed comes back later; what never works is buried.

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
    state: str = "ready"  # or reserved, delayed, buried
    holder: int = 0  # reserved: by this client
    due: float = 0.0  # reserved, delayed: until then
    delay: int = 0
    reserves: int = 0
    timeouts: int = 0
    releases: int = 0
    buries: int = 0
    kicks: int = 0


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
            "bury": self.bury,
            "kick": self.kick,
            "close": self.close,
        }

    def apply(self, entry: list[Any]) -> Any:
        """One command: [time, client, name, arguments ...]."""
        at, client, name, *arguments = entry
        self.advance(at)
        return self.commands[name](client, *arguments)

    def advance(self, now: float) -> None:
        """Leases that have run out end, and so do delays."""
        self.now = max(self.now, now)
        for job in self.jobs.values():
            if job.state in ("reserved", "delayed") and job.due <= self.now:
                job.timeouts += job.state == "reserved"  # the worker was silent for too long
                job.state = "ready"

    def make_ready(self, job: Job, delay: int) -> None:
        """Now, or after so many seconds."""
        job.state = "delayed" if delay > 0 else "ready"
        job.delay, job.due = delay, self.now + delay

    def put(self, client: int, tube: str, priority: int, delay: int, ttr: int, body: str) -> str:
        self.last_id += 1
        job = Job(self.last_id, tube, priority, ttr, body, self.now)
        self.jobs[job.id] = job
        self.make_ready(job, delay)
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
            job.reserves += 1
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
        """The work has failed: somebody else may try, after the delay."""
        job = self.held(client, id)
        if job is None:
            return "NOT_FOUND"
        job.priority = priority
        self.make_ready(job, delay)
        job.releases += 1
        return "RELEASED"

    def touch(self, client: int, id: int) -> str:
        """The work goes on: the whole time to run begins again."""
        job = self.held(client, id)
        if job is None:
            return "NOT_FOUND"
        job.due = self.now + job.ttr
        return "TOUCHED"

    def bury(self, client: int, id: int, priority: int) -> str:
        """Out of the way, until a person has looked at it and kicks it."""
        job = self.held(client, id)
        if job is None:
            return "NOT_FOUND"
        job.state, job.priority = "buried", priority
        job.buries += 1
        return "BURIED"

    def kick(self, client: int, tube: str, bound: int) -> str:
        """Buried jobs first; where there is none, those that are delayed."""
        jobs = [job for job in self.jobs.values() if job.tube == tube]
        buried = [job for job in jobs if job.state == "buried"]
        asleep = buried or [job for job in jobs if job.state == "delayed"]
        for job in asleep[:bound]:
            job.state = "ready"
            job.kicks += 1
        return f"KICKED {min(bound, len(asleep))}"

    def close(self, client: int) -> None:
        """The client's connection has ended (0: every client's): what it held goes back at once."""
        for job in self.jobs.values():
            if job.state == "reserved" and client in (0, job.holder):
                job.state = "ready"
