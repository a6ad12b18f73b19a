"""The worker: reserves a task, works, deletes it; and decides what becomes of those that fail.

A job is deleted only after its work is done, so it is delivered at least once; the ledger makes
its effect happen once. Whatever kills this process in between, the queue gives the job to another.
"""

import json
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait

from greenstalk import StatsJob

from backoff import retry_delay_s
from config import Config, load_config
from connection import Connection, Job, LeaseLost, NodeGone
from health import serve_health
from journal import Journal
from ledger import Ledger
from task import BadTask, Task, decode
from work import perform

RESERVE_TIMEOUT_S = 1  # how long a SIGTERM may have to wait for an idle worker
DEAD_BODY_BYTES = 8192  # a dead letter carries this much of the body, so that it is never too big


class Worker:
    def __init__(self, config: Config, queue: Connection, journal: Journal) -> None:
        self.config = config
        self.queue = queue
        self.journal = journal
        self.ledger = Ledger(config.results)
        self.thread = ThreadPoolExecutor(max_workers=1)

    def run(self, stop: threading.Event) -> None:
        """One job at a time, until told to stop; the one in hand is finished first."""
        self.queue.connect(stop)
        while not stop.is_set():
            job = None
            try:
                job = self.queue.reserve(RESERVE_TIMEOUT_S)
                if job is not None:
                    self.handle(job)
            except LeaseLost:
                assert job is not None  # only what was reserved can be lost
                self.journal.write("lease_lost", job=job.id)  # another worker has it now
            except NodeGone as gone:
                self.journal.write("node_gone", reason=str(gone))
                self.queue.connect(stop)

    def handle(self, job: Job) -> None:
        # Asked before the work, not after: a job that kills its worker never gets to "after".
        # reserves counts this delivery too. releases and timeouts alone would miss the deliveries
        # that ended because the worker's connection closed.
        stats = self.queue.stats_job(job)
        attempt = max(1, stats["reserves"])  # our queue's first steps do not count, and say 0
        if attempt > self.config.max_attempts:
            self.give_up(job, stats, "its worker did not come back")
            return
        try:
            task = decode(job.body)
        except BadTask as bad:
            self.give_up(job, stats, str(bad))
            return
        self.journal.write("started", job=job.id, key=task.key, attempt=attempt)
        try:
            running = self.thread.submit(self.work, task, attempt)
            first = self.keep_lease(job, stats["ttr"], running)
        except (LeaseLost, NodeGone):
            raise
        except Exception as failure:  # also one that nobody foresaw: the attempt has failed
            if attempt < self.config.max_attempts:
                self.retry_later(job, task, attempt, str(failure))
            else:
                self.give_up(job, stats, str(failure))
            return
        self.queue.delete(job)
        self.journal.write("done" if first else "duplicate", job=job.id, key=task.key)

    def work(self, task: Task, attempt: int) -> bool:
        """True if the work was done now, False if it had been done before."""
        if self.ledger.has(task.key):
            return False
        perform(task, attempt)
        return self.ledger.record(task.key, {"seat": task.seat, "worker": self.config.name})

    def keep_lease(self, job: Job, ttr_s: int, running: Future[bool]) -> bool:
        """Waits for the work. The queue hears from us meanwhile, or it would think us dead."""
        try:
            while not wait([running], timeout=ttr_s / 3).done:
                self.queue.touch(job)
            return running.result()
        finally:
            wait([running])  # one task at a time, even when this one's lease is lost

    def retry_later(self, job: Job, task: Task, attempt: int, reason: str) -> None:
        delay_s = retry_delay_s(attempt, self.config.retry_base_s, self.config.retry_cap_s)
        self.queue.release(job, delay_s)
        self.journal.write(
            "retry", job=job.id, key=task.key, attempt=attempt, delay_s=delay_s, reason=reason
        )

    def give_up(self, job: Job, stats: StatsJob, reason: str) -> None:
        """To the dead tube first, then deleted: a crash in between leaves two, never none."""
        body = job.body[:DEAD_BODY_BYTES].decode("utf-8", "replace")
        history = {name: stats[name] for name in ("reserves", "releases", "timeouts", "age")}
        letter = {"body": body, "reason": reason, "worker": self.config.name, "history": history}
        self.queue.put(json.dumps(letter).encode(), stats["ttr"])
        self.queue.delete(job)
        self.journal.write("dead", job=job.id, body=body, reason=reason, history=history)


def main() -> None:
    config = load_config()
    journal = Journal(config.results, config.name)
    queue = Connection(config.queue, use=f"{config.tube}.dead", watch=config.tube)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    serve_health(config.health_port, queue)

    Worker(config, queue, journal).run(stop)
    queue.close()
    journal.write("stopped")


if __name__ == "__main__":
    main()
