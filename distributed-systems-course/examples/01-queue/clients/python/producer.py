"""The producer: puts tasks into the queue until it is stopped, or COUNT are put.

It promises "at least once": a task is sent when the queue has said INSERTED, and asked for again,
under the same key, whenever that word did not come.
"""

import secrets
import signal
import threading

from config import load_config
from connection import Connection, NodeGone
from health import serve_health
from journal import Journal
from orders import make_task
from task import Task, encode


def main() -> None:
    config = load_config()
    journal = Journal(config.results, config.name)
    queue = Connection(config.queue, use=config.tube, watch="default")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    serve_health(config.health_port, queue)

    queue.connect(stop)
    run = secrets.token_hex(4)
    number = 0
    sent = 0
    while not stop.is_set() and (config.count == 0 or number < config.count):
        number += 1
        task = make_task(config, run, number)
        if send(queue, task, config.ttr_s, journal, stop):
            sent += 1
        stop.wait(config.pause_ms / 1000)
    queue.close()
    journal.write("stopped", sent=sent)


def send(
    queue: Connection, task: Task, ttr_s: int, journal: Journal, stop: threading.Event
) -> bool:
    """True once a node has acknowledged the task; False if we were stopped before."""
    while not stop.is_set():
        try:
            job = queue.put(encode(task), ttr_s)
            journal.write("sent", key=task.key, job=job)
            return True
        except NodeGone as gone:
            # It may have been put all the same. The key is what makes asking again safe.
            journal.write("resend", key=task.key, reason=str(gone))
            queue.connect(stop)
    return False


if __name__ == "__main__":
    main()
