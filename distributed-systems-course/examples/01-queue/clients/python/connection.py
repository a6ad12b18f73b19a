"""A connection to one node of the queue, and to the next in the list when that one is gone.

Every way in which a node can fail us becomes one exception, NodeGone: refused, closed, silent, or
answering that it cannot serve now. What to do about it is the same each time: connect again, and
repeat what was not acknowledged.
"""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import greenstalk

from config import Address

REPLY_TIMEOUT_S = 5.0  # longer than any wait we ask for: a node silent for this long is gone
PRIORITY = 1024  # the same for all tasks, and said aloud: client libraries differ in their default

Job = greenstalk.Job[bytes]


class NodeGone(Exception):
    """This node does not serve us. A command without an answer may or may not have happened."""


class LeaseLost(Exception):
    """The job is no longer ours: its time ran out, and it went to another worker."""


class Connection:
    def __init__(self, nodes: list[Address], use: str, watch: str) -> None:
        self.nodes = list(nodes)
        self.tubes = (use, watch)
        self.node: str | None = None  # whom we are connected to, for /health
        self.client: greenstalk.Client[bytes] | None = None

    def connect(self, stop: threading.Event) -> None:
        """Tries one node after the other until one answers or we are told to stop."""
        again = self.client is not None
        self.close()
        while not stop.is_set():
            if again:  # not all at once: a node that just came up has many clients to greet
                stop.wait(random.uniform(0.1, 0.5))
            again = True
            host, port = self.nodes[0]
            self.nodes.append(self.nodes.pop(0))
            try:
                self.open(host, port)
                return
            except (OSError, NodeGone):
                self.close()

    def open(self, host: str, port: int) -> None:
        sock = socket.create_connection((host, port), timeout=REPLY_TIMEOUT_S)
        use, watch = self.tubes
        try:
            with answers():
                self.client = greenstalk.Client(sock, encoding=None, use=use, watch=watch)
        except NodeGone:
            sock.close()
            raise
        self.node = f"{host}:{port}"

    def close(self) -> None:
        """What we had reserved goes back to the queue at once."""
        self.node = None
        if self.client is not None:
            self.client.close()
            self.client = None

    def put(self, body: bytes, ttr_s: int) -> int:
        """Returns the job's id: now, and only now, the queue answers for it."""
        with answers():
            return self.connected().put(body, priority=PRIORITY, ttr=ttr_s)

    def reserve(self, timeout_s: int) -> Job | None:
        try:
            with answers():
                return self.connected().reserve(timeout=timeout_s)
        except (greenstalk.TimedOutError, greenstalk.DeadlineSoonError):
            return None

    def stats_job(self, job: Job) -> greenstalk.StatsJob:
        with answers():
            return self.connected().stats_job(job)

    def touch(self, job: Job) -> None:
        """Asks for the whole time to run again. Only the connection that reserved may."""
        with answers():
            self.connected().touch(job)

    def release(self, job: Job, delay_s: int) -> None:
        with answers():
            self.connected().release(job, priority=PRIORITY, delay=delay_s)

    def delete(self, job: Job) -> None:
        with answers():
            self.connected().delete(job)

    def connected(self) -> greenstalk.Client[bytes]:
        if self.client is None:
            raise NodeGone("not connected")
        return self.client


REFUSALS = (greenstalk.DrainingError, greenstalk.InternalError, greenstalk.OutOfMemoryError)
# AssertionError and ValueError are how greenstalk meets a reply that was cut in half.
BROKEN = (OSError, AssertionError, ValueError)


@contextmanager
def answers() -> Iterator[None]:
    try:
        yield
    except greenstalk.NotFoundError as error:
        raise LeaseLost("NOT_FOUND") from error
    except REFUSALS as error:
        raise NodeGone(f"it answers {type(error).__name__}") from error
    except BROKEN as error:
        raise NodeGone(str(error) or type(error).__name__) from error
