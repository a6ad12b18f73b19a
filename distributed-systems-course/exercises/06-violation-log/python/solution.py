"""A queue with group commit: many commands share one sync."""

from collections.abc import Callable
from typing import Protocol


class Disk(Protocol):
    def write(self, entry: str) -> None: ...

    def sync(self) -> None: ...


class Queue:
    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.owed: list[tuple[str, Callable[[str], None]]] = []

    def put(self, job: str, answer: Callable[[str], None]) -> None:
        """Called for each command; `answer` is called once, when the job is safe."""
        self.disk.write(job)
        self.owed.append((job, answer))

    def flush(self) -> None:
        """Called once for all commands that came together."""
        self.disk.sync()
        owed, self.owed = self.owed, []
        for job, answer in owed:
            answer(f"INSERTED {job}")
