"""A load that counts: producers and workers on greenstalk that survive the death of nodes.

Every attempt to put has a body of its own, so a put whose answer was lost (it may be there or not)
is never mixed up with one that was acknowledged.
"""

import itertools
import socket
import threading
import time

import greenstalk

PATIENCE_S = 8  # of one answer: a paused node must not hold a client for ever


class Load:
    def __init__(self, nodes, producers=2, workers=2, tube="load"):
        self.nodes = nodes
        self.tube = tube
        self.lock = threading.Lock()
        self.acknowledged = {}  # body -> id, of puts answered INSERTED
        self.deleted = set()  # bodies whose delete was answered DELETED
        self.deleting = set()  # bodies whose delete was said but not answered
        self.resurrected = []  # bodies reserved after DELETED was heard
        self.reserved = 0
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
                with self.connect(node) as client:
                    while not self.stopping.is_set():
                        act(client)
            except (OSError, greenstalk.Error, ValueError, IndexError):
                time.sleep(0.02)  # not to spin while every node is down

    def produce(self, client):
        body = f"body {next(self.numbers)}"
        job_id = client.put(body, ttr=30)
        with self.lock:
            self.acknowledged[body] = job_id
            self.last_put_at = time.monotonic()

    def work(self, client):
        try:
            job = client.reserve(timeout=1)
        except (greenstalk.TimedOutError, greenstalk.DeadlineSoonError):
            return
        with self.lock:
            self.reserved += 1
            if job.body in self.deleted:
                self.resurrected.append(job.body)
            self.deleting.add(job.body)
        client.delete(job)
        with self.lock:
            self.deleting.discard(job.body)
            self.deleted.add(job.body)

    def put_count(self):
        with self.lock:
            return len(self.acknowledged)

    def check_nothing_lost(self, node):
        """After stop(): everything acknowledged was deleted, or may have been, or is still there."""
        left = set()
        with self.connect(node) as client:
            while True:
                try:
                    job = client.reserve(timeout=1)
                except greenstalk.TimedOutError:
                    break
                left.add(job.body)
                client.delete(job)
        again = left & self.deleted
        lost = set(self.acknowledged) - self.deleted - self.deleting - left
        assert not lost, f"{len(lost)} of {len(self.acknowledged)} acknowledged jobs are lost: " \
                         f"{sorted(lost)[:5]}"
        assert not self.resurrected and not again, "deleted jobs were delivered again"
        assert self.acknowledged and self.deleted
