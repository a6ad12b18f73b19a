"""A queue of jobs, each with a name; the oldest one comes first."""

LEASE_S = 10


class Queue:
    def __init__(self) -> None:
        self.jobs: dict[str, tuple[str, float]] = {}  # job -> who holds it, and until when

    def put(self, job: str) -> None:
        self.jobs[job] = ("", 0)

    def reserve(self, worker: str, now: float) -> str | None:
        """The oldest job that nobody holds; it is this worker's for LEASE_S seconds."""
        for job, (_, until) in self.jobs.items():
            if until <= now:
                self.jobs[job] = (worker, now + LEASE_S)
                return job
        return None

    def done(self, worker: str, job: str) -> bool:
        """The work is done. False, and no effect, if the job was not lent to this worker last."""
        holder, _ = self.jobs.get(job, ("", 0))
        if holder != worker:
            return False
        del self.jobs[job]
        return True
