"""A box office: sells seats, and writes down what it called and what it heard, for the judge.

A sale is SET seat:HALL:NUMBER ORDER NX. Silence is no answer: the sale may stand, so the office
does not sell the seat again but asks whose it is. Nothing is ever sent twice.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import (
    ClusterDownError,
    ConnectionError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)
from redis.retry import Retry

SILENCE_S = 4  # a small store gives up after 3
HALL_S = 5  # a hall is on sale for so long, at all offices
SEATS = 30
PROCESSES = 1_000_000  # each office has so many numbers for its histories
NOT_DONE = (ClusterDownError, TryAgainError)
# The last: after silence the library looks for another node, and tells only that it found none.
NOT_KNOWN = (ConnectionError, TimeoutError, OSError, RedisClusterException)


class Office:
    def __init__(self, name: str, number: int, nodes: str, results: Path, pause_s: float) -> None:
        self.name, self.process, self.pause_s = name, number * PROCESSES, pause_s
        places = [address.rsplit(":", 1) for address in nodes.split(",")]
        self.nodes = [ClusterNode(host, int(port)) for host, port in places]  # type: ignore[no-untyped-call]
        results.mkdir(parents=True, exist_ok=True)
        self.history = (results / f"{name}.jsonl").open("a")
        self.orders, self.stopping = time.time_ns() // 1_000_000, False
        self.process += self.orders % (PROCESSES // 2)  # a restart is another process
        self.store: RedisCluster | None = None
        self.complaint = ""

    def note(self, type: str, call: dict[str, Any]) -> None:
        line = {"type": type, "process": self.process, **call, "time": time.monotonic_ns()}
        self.history.write(json.dumps(line) + "\n")
        self.history.flush()

    def connect(self) -> None:
        """Nothing is tried again by the library: it cannot know what may be done twice."""
        self.store = RedisCluster(
            startup_nodes=self.nodes,
            protocol=2,
            decode_responses=True,
            socket_timeout=SILENCE_S,
            socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 0),
        )

    def complain(self, why: str) -> None:
        """Each time that something else is wrong."""
        if why != self.complaint:
            print(why, flush=True)
        self.complaint = why

    def call(self, call: dict[str, Any], ask: Callable[[RedisCluster], Any]) -> Any:
        """What was heard; None, too, where it was nothing."""
        try:
            if self.store is None:
                self.connect()
        except (RedisError, RedisClusterException, OSError) as error:
            self.complain(str(error))
            return None  # nobody is there: nothing was called
        assert self.store is not None
        self.note("invoke", call)
        try:
            heard = ask(self.store)
        except NOT_KNOWN:
            self.note("info", call)
            self.process += 1
            self.store = None
            return None
        except (*NOT_DONE, ResponseError) as refused:
            self.note("fail", {**call, "error": str(refused)})
            self.store = None
            return None
        if call["f"] == "get":
            self.note("ok", {**call, "value": heard})
        else:
            self.note("ok" if heard else "fail", call)
        return heard

    def sell(self) -> None:
        key = f"seat:{time.monotonic_ns() // 1_000_000_000 // HALL_S}:{random.randrange(SEATS)}"
        self.orders += 1
        order = f"{self.name}-{self.orders}"
        sold = None
        if random.random() < 0.7:
            sale = {"f": "cas", "key": key, "value": [None, order]}
            sold = self.call(sale, lambda store: store.set(key, order, nx=True))
        if not sold:
            self.call({"f": "get", "key": key}, lambda store: store.get(key))

    def work(self) -> None:
        while not self.stopping:
            self.sell()
            time.sleep(self.pause_s)
        self.history.close()


def main() -> None:
    settings = os.environ
    name, number = settings.get("NAME", "office"), settings.get("OFFICE", "1")
    pause_ms = settings.get("PAUSE_MS", "100")
    if not number.isdecimal() or not pause_ms.isdecimal():
        sys.exit(f"OFFICE={number}, PAUSE_MS={pause_ms}: both must be whole numbers")
    nodes = settings.get("STORE", "localhost:6379,localhost:6380,localhost:6381")
    results = Path(settings.get("RESULTS", "results"))
    office = Office(name, int(number), nodes, results, int(pause_ms) / 1000)

    def stop(*_: object) -> None:
        office.stopping = True

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)
    print(f"{name} sells at {nodes}", flush=True)
    office.work()
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
