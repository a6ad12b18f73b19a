"""A queue with backpressure: when it is full, it says so."""

JOBS_MAX = 3


class Queue:
    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.in_hand: set[str] = set()

    def put(self, job: str) -> str:
        """Answers "inserted" or "full"."""
        if len(self.waiting) + len(self.in_hand) >= JOBS_MAX:
            return "full"
        self.waiting.append(job)
        return "inserted"

    def reserve(self) -> str | None:
        """The oldest job, which is in a worker's hands now."""
        if not self.waiting:
            return None
        job = self.waiting.pop(0)
        self.in_hand.add(job)
        return job

    def done(self, job: str) -> None:
        self.in_hand.remove(job)

    def give_back(self, job: str) -> None:
        """The worker has failed: the job waits again, before all others."""
        self.in_hand.remove(job)
        self.waiting.insert(0, job)  # its place was kept
