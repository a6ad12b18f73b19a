"""A load that counts: producers and workers on greenstalk that survive the death of nodes.

Every attempt to put has a body of its own, so a put whose answer was lost (it may be there or not)
is never mixed up with one that was acknowledged. All is written down, and judged by `quartet check
queue`: no job lost, none resurrected, each put and deleted once; and, of a calm load, under which
nothing is killed or stopped, each held by one client at a time.
"""

import contextlib
import itertools
import socket
import threading
import time

import greenstalk

from history import History

TTR_S = 30
PATIENCE_S = 8  # of one answer: a paused node must not hold a client for ever


class Load:
    def __init__(self, nodes, producers=2, workers=2, tube="load", calm=False):
        self.nodes = nodes
        self.tube = tube
        self.history = History(nodes[0].log.parent / "history.jsonl")
        if not calm:
            self.history.disturb("whatever the test does", lasting=True)
        self.lock = threading.Lock()
        self.acknowledged = 0  # puts answered INSERTED
        self.deleted = 0  # deletes answered DELETED
        self.last_put_at = 0.0
        self.stopping = threading.Event()
        self.numbers = itertools.count()
        self.threads = [
            threading.Thread(target=self.forever, args=(what, i), daemon=True)
            for what, count in ((self.produce, producers), (self.work, workers))
            for i in range(count)
        ]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a client hangs"

    def connect(self, node):
        socket.setdefaulttimeout(PATIENCE_S)
        return greenstalk.Client(node.address, use=self.tube, watch=self.tube)

    def forever(self, act, number):
        """Does it again and again, at the next node whenever one fails."""
        for node in itertools.islice(itertools.cycle(self.nodes), number, None):
            if self.stopping.is_set():
                return
            try:
                with self.connected(node) as (client, process):
                    while not self.stopping.is_set():
                        act(client, process)
            except (OSError, greenstalk.Error, ValueError, IndexError):
                time.sleep(0.02)  # not to spin while every node is down

    @contextlib.contextmanager
    def connected(self, node):
        client = self.connect(node)
        process = self.history.process()
        try:
            yield client, process
        finally:
            process.close(client.close)

    def produce(self, client, process):
        body = f"body {next(self.numbers)}"
        process.call(
            "put",
            lambda: client.put(body, ttr=TTR_S),
            fail=greenstalk.BeanstalkdError,
            tell=lambda job_id: {"value": job_id},
            key=body,
            value=TTR_S,
        )
        with self.lock:
            self.acknowledged += 1
            self.last_put_at = time.monotonic()

    def work(self, client, process):
        try:
            job = process.call(
                "reserve",
                lambda: client.reserve(timeout=1),
                fail=greenstalk.BeanstalkdError,
                tell=lambda job: {"key": job.body, "value": job.id},
            )
        except (greenstalk.TimedOutError, greenstalk.DeadlineSoonError):
            return False
        process.call(
            "delete", lambda: client.delete(job), fail=greenstalk.BeanstalkdError, key=job.body
        )
        with self.lock:
            self.deleted += 1
        return True

    def put_count(self):
        with self.lock:
            return self.acknowledged

    def check_nothing_lost(self, node):
        """After stop(): takes out what is left, and judges all that was heard."""
        with self.connected(node) as (client, process):
            while self.work(client, process):
                pass
            process.call("drain", lambda: None)
        assert self.acknowledged and self.deleted
        verdict = self.history.check("queue")
        assert verdict.endswith("none lost"), verdict
