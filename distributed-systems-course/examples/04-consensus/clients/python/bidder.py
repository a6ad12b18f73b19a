"""A bidder: outbids whoever has the highest bid, and writes down what it called and what it heard.

A bid is one transaction: if the lot still holds the bid that was seen, it shall hold this one; else
say what it holds. Silence is no answer: the bid may stand. Nothing is ever sent twice.
"""

import base64
import http.client
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

SILENCE_S = 5  # a node that knows no leader says so after 3
SALE_S = 5  # a lot is up for so long, for all bidders
LOTS = 8
PROCESSES = 1_000_000  # each bidder has so many numbers for its histories
INVALID, EXHAUSTED, UNAVAILABLE = 3, 8, 14  # codes of errors, etcd's


class Refused(Exception):
    """Certainly not done."""


class Unknown(Exception):
    """Nobody knows whether it is done."""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def shown(response: dict[str, Any]) -> str | None:
    """What a range found at its one key."""
    kvs = response.get("kvs", [])
    return base64.b64decode(kvs[0].get("value", "")).decode() if kvs else None


def bid_of(key: str, seen: str | None, bid: str) -> dict[str, Any]:
    compare: dict[str, Any] = {"key": encoded(key), "result": "EQUAL"}
    if seen is None:
        compare |= {"target": "VERSION", "version": "0"}  # there is no such key
    else:
        compare |= {"target": "VALUE", "value": encoded(seen)}
    return {
        "compare": [compare],
        "success": [{"request_put": {"key": encoded(key), "value": encoded(bid)}}],
        "failure": [{"request_range": {"key": encoded(key)}}],
    }


class Store:
    """The cluster by one of its nodes; by another when that fails."""

    def __init__(self, nodes: str) -> None:
        self.nodes = [address.rsplit(":", 1) for address in nodes.split(",")]
        random.shuffle(self.nodes)
        self.connection: http.client.HTTPConnection | None = None

    def connect(self) -> bool:
        host, port = self.nodes[0]
        self.connection = self.connection or http.client.HTTPConnection(
            host, int(port), timeout=SILENCE_S
        )
        if self.connection.sock is None:
            try:
                self.connection.connect()
            except OSError:
                self.leave()
                return False
        return True

    def leave(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.nodes.append(self.nodes.pop(0))

    def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert self.connection is not None
        try:
            self.connection.request("POST", f"/v3/kv/{path}", json.dumps(body))
            response = self.connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.leave()
            raise Unknown(str(error)) from error
        if response.status == 200:
            return answer
        self.leave()
        code, text = answer.get("code"), str(answer.get("message"))
        if code in (INVALID, EXHAUSTED) or (code == UNAVAILABLE and "no leader" in text):
            raise Refused(text)
        raise Unknown(text)


class Bidder:
    def __init__(self, name: str, number: int, nodes: str, results: Path, pause_s: float) -> None:
        self.name, self.pause_s = name, pause_s
        self.store = Store(nodes)
        results.mkdir(parents=True, exist_ok=True)
        self.history = (results / f"{name}.jsonl").open("a")
        self.bids, self.stopping = time.time_ns() // 1_000_000, False
        # A restart is another process.
        self.process = number * PROCESSES + self.bids % (PROCESSES // 2)

    def note(self, type: str, call: dict[str, Any], **more: Any) -> None:
        line = {"type": type, "process": self.process, **call, **more}
        line["time"] = time.monotonic_ns()
        self.history.write(json.dumps(line) + "\n")
        self.history.flush()

    def call(self, call: dict[str, Any], path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """What was heard; None where it was not done, or nobody knows."""
        if not self.store.connect():
            return None  # nobody is there: nothing was called
        self.note("invoke", call)
        try:
            return self.store.ask(path, body)
        except Refused as why:
            self.note("fail", call, error=str(why))
        except Unknown as why:
            self.note("info", call, error=str(why))
            self.process += 1
        return None

    def bid(self) -> None:
        sale = time.monotonic_ns() // 1_000_000_000 // SALE_S
        key = f"lot:{sale}:{random.randrange(LOTS)}"
        look = {"f": "get", "key": key}
        answer = self.call(look, "range", {"key": encoded(key)})
        if answer is None:
            return
        seen = shown(answer)
        self.note("ok", look, value=seen)
        self.bids += 1
        amount = int(seen.split()[0]) if seen else 0
        bid = f"{amount + random.randrange(1, 10)} {self.name}-{self.bids}"
        outbid = {"f": "cas", "key": key, "value": [seen, bid]}
        answer = self.call(outbid, "txn", bid_of(key, seen, bid))
        if answer is None:
            return
        if answer.get("succeeded"):
            self.note("ok", outbid)
        else:
            self.note("fail", outbid, found=shown(answer["responses"][0]["response_range"]))

    def work(self) -> None:
        while not self.stopping:
            self.bid()
            time.sleep(self.pause_s)
        self.history.close()


def main() -> None:
    settings = os.environ
    name, number = settings.get("NAME", "bidder"), settings.get("BIDDER", "1")
    pause_ms = settings.get("PAUSE_MS", "100")
    if not number.isdecimal() or not pause_ms.isdecimal():
        sys.exit(f"BIDDER={number}, PAUSE_MS={pause_ms}: both must be whole numbers")
    nodes = settings.get("STORE", "localhost:2379,localhost:2380,localhost:2381")
    results = Path(settings.get("RESULTS", "results"))
    bidder = Bidder(name, int(number), nodes, results, int(pause_ms) / 1000)

    def stop(*_: object) -> None:
        bidder.stopping = True

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)
    print(f"{name} bids at {nodes}", flush=True)
    bidder.work()
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
