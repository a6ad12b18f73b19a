"""The consensus store as real processes, through its JSON gateway; and beside a real etcd, where
there is one: `etcd` on the PATH, or where the environment says (ETCD)."""

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from gateway import Gateway, b64, text
from harness import Wire, eventually, free_port


@pytest.fixture
def cluster(place):
    return place.cluster(system="consensus").start()


def members_shown(node, count):
    """All members, once the node has heard where all of them are."""
    members = Gateway(node.address).ok("cluster/member/list", {})["members"]
    return members if sum("clientURLs" in member for member in members) == count else None


def test_any_node_serves_the_same_store(cluster):
    for i, node in enumerate(cluster.nodes):
        Gateway(node.address).put("key", f"by {i}")
    answers = [Gateway(node.address).all() for node in cluster.nodes]
    assert answers == [(4, {"key": "by 2"})] * 3
    for node in cluster.nodes:
        status = Gateway(node.address).ok("maintenance/status", {})
        assert status["leader"] == str(cluster.leader().number)
        assert status["header"]["member_id"] == str(node.number)
        shown = eventually(lambda: members_shown(node, len(cluster.nodes)), "it knows of all")
        assert shown == [
            {"ID": str(other.number), "name": f"node-{other.number}",
             "clientURLs": [f"http://{other.address[0]}:{other.address[1]}"]}
            for other in cluster.nodes
        ]
    cluster.wait_agreement()


def test_without_a_majority_nothing_is_acknowledged(place):
    cluster = place.cluster(system="consensus").start()
    node = cluster.nodes[0]
    client = Gateway(node.address)
    client.put("a", "1")
    for other in cluster.nodes[1:]:
        other.signal(signal.SIGSTOP)

    def refused():
        try:
            status, answer = client.post("kv/put", {"key": b64("a"), "value": b64("2")})
        except (OSError, http.client.HTTPException):  # of unknown outcome: closed
            client.close()
            return False
        assert status == 503 and answer["code"] == 14, (status, answer)
        assert answer["error"] == "etcdserver: no leader"
        return True

    eventually(refused, "a put is refused")
    assert client.post("kv/range", {"key": b64("a")})[0] == 503
    assert client.get("a", serializable=True) == "1"
    assert client.get_page("/health") == (503, {"health": "false", "reason": "RAFT NO LEADER"})
    for other in cluster.nodes[1:]:
        other.signal(signal.SIGCONT)
    eventually(lambda: client.post("kv/range", {"key": b64("a")})[0] == 200, "it goes on")
    cluster.wait_agreement()


class Counter(threading.Thread):
    """Raises a number, by transactions that compare, and remembers what was acknowledged."""

    def __init__(self, nodes, key):
        super().__init__(daemon=True)
        self.nodes, self.key = nodes, key
        self.acknowledged = 0
        self.over = threading.Event()
        self.wrong = None

    def once(self, client):
        kvs = client.ok("kv/range", {"key": b64(self.key)}).get("kvs", [])
        value, mod = (int(client.get(self.key)), kvs[0]["mod_revision"]) if kvs else (0, "0")
        if value < self.acknowledged:
            self.wrong = f"{self.key} holds {value} after {self.acknowledged} was acknowledged"
        answer = client.ok("kv/txn", {
            "compare": [{"key": b64(self.key), "target": "MOD", "mod_revision": mod}],
            "success": [{"request_put": {"key": b64(self.key), "value": b64(str(value + 1))}}],
        })
        if answer.get("succeeded"):
            self.acknowledged = value + 1

    def run(self):
        client = None
        while not self.over.is_set():
            try:
                client = client or Gateway(random.choice(self.nodes).address, timeout_s=5)
                self.once(client)
            except (OSError, http.client.HTTPException, AssertionError):
                client = None


def test_leaders_are_killed_and_nothing_acknowledged_is_lost(cluster):
    counters = [Counter(cluster.nodes, f"counter-{i}") for i in range(3)]
    for counter in counters:
        counter.start()
    for _ in range(3):
        seen = [counter.acknowledged for counter in counters]
        eventually(lambda: all(c.acknowledged > s for c, s in zip(counters, seen)), "they count")
        leader = cluster.leader()
        leader.kill()
        seen = [counter.acknowledged for counter in counters]
        eventually(lambda: all(c.acknowledged > s for c, s in zip(counters, seen)), "they go on")
        leader.start_and_wait()
    for counter in counters:
        counter.over.set()
        counter.join(40)
    assert [counter.wrong for counter in counters] == [None] * 3
    cluster.wait_agreement()
    shown = Gateway(cluster.nodes[0].address).all()[1]
    for counter in counters:
        assert int(shown[counter.key]) >= counter.acknowledged > 3


def test_keys_go_with_their_lease_unless_it_is_renewed(cluster):
    clients = [Gateway(node.address) for node in cluster.nodes]
    grants = [client.ok("lease/grant", {"TTL": "2"})["ID"] for client in clients[:2]]
    for i, lease in enumerate(grants):
        clients[2].ok("kv/put", {"key": b64(f"k{i}"), "value": b64("1"), "lease": lease})
    granted = time.monotonic()

    def first_is_gone():
        renewed = clients[2].ok("lease/keepalive", {"ID": grants[1]})
        assert renewed["result"] == {**renewed["result"], "ID": grants[1], "TTL": "2"}
        return clients[1].get("k0") is None

    eventually(first_is_gone, "its lease has run out")
    assert time.monotonic() - granted > 1
    assert clients[0].get("k1") == "1"
    assert clients[0].ok("lease/leases", {})["leases"] == [{"ID": grants[1]}]
    clients[0].ok("lease/revoke", {"ID": grants[1]})
    assert clients[1].all()[1] == {}
    cluster.wait_agreement()


class Watcher(threading.Thread):
    """Hears of one key, at one node after the other, from the revision behind the last line."""

    def __init__(self, nodes, key):
        super().__init__(daemon=True)
        self.nodes, self.key = nodes, key
        self.values, self.next, self.over = [], 1, threading.Event()

    def run(self):
        for turn in range(10**9):
            client = Gateway(self.nodes[turn % len(self.nodes)].address, timeout_s=5)
            try:
                client.watch(key=b64(self.key), start_revision=str(self.next))
                while not self.over.is_set():
                    for event in client.next_line()["events"]:
                        self.values.append(int(text(event["kv"]["value"])))
                        self.next = int(event["kv"]["mod_revision"]) + 1
            except (OSError, http.client.HTTPException):
                pass
            if self.over.is_set():
                return


def test_a_watch_goes_on_at_another_node_and_misses_nothing(cluster):
    counter = Counter(cluster.nodes, "counter")
    watchers = [Watcher(cluster.nodes[i:] + cluster.nodes[:i], "counter") for i in range(3)]
    for thread in (counter, *watchers):
        thread.start()
    for _ in range(2):
        seen = counter.acknowledged
        eventually(lambda: counter.acknowledged > seen + 10, "it counts")
        leader = cluster.leader()
        leader.kill()
        seen = counter.acknowledged
        eventually(lambda: counter.acknowledged > seen + 10, "it goes on")
        leader.start_and_wait()
    counter.over.set()
    counter.join(40)
    last = int(Gateway(cluster.nodes[0].address).get("counter"))
    for watcher in watchers:
        eventually(lambda: watcher.values and watcher.values[-1] == last, "all is heard")
        watcher.over.set()
        assert watcher.values == list(range(1, last + 1))


def test_a_watch_that_is_not_read_costs_nobody_anything(place):
    node = place.node(system="consensus").start_and_wait()
    slow, fast, writer = (Gateway(node.address) for _ in range(3))
    slow.watch(key=b64("k"))
    fast.watch(key=b64("k"))
    heard = 0
    for _ in range(40):  # far more than sockets and the node keep for one connection
        writer.put("k", "x" * (1 << 20))
        events = fast.next_line()["events"]
        heard += len(events)
    assert heard == 40
    assert int(slow.next_line()["events"][0]["kv"]["version"]) == 1
    writer.ok("kv/compaction", {"revision": writer.ok("kv/range", {"key": b64("k")})["header"]
                                ["revision"]})
    seen = 1

    def canceled():
        nonlocal seen
        line = slow.next_line()
        seen += len(line.get("events", []))
        return line.get("canceled") and line["compact_revision"] == "41"

    eventually(canceled, "it is told that the rest is gone")
    assert seen < 40


def test_it_is_all_there_after_a_restart(place):
    node = place.node(system="consensus").start_and_wait()
    client = Gateway(node.address)
    for i in range(300):
        client.put(f"k{i % 50}", str(i))
    client.ok("kv/deleterange", {"key": b64("k1"), "range_end": b64("k2")})
    before = client.all()
    node.kill()
    node.start_and_wait()
    assert Gateway(node.address).all() == before
    assert before[0] == 302


def test_two_requests_at_once_are_answered_in_order(place):
    node = place.node(system="consensus").start_and_wait()
    body = '{"key":"YQ==","value":"MQ=="}'
    put = f"POST /v3/kv/put HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    get = "POST /v3/kv/range HTTP/1.1\r\nHost: a\r\nContent-Length: 14\r\n\r\n" '{"key":"YQ=="}'
    with Wire(node.address) as wire:
        wire.say(put + put + get + "GET /version HTTP/1.0\r\n\r\n")
        said = wire.file.read().decode()
    assert said.count("HTTP/1.1 200 OK") == 4
    assert re.findall(r'"header":{[^}]*"revision":"(\d+)"', said) == ["2", "3", "3"]
    assert said.index('"count":"1"') < said.index('"etcdserver"')


# --- beside etcd ---

ETCD = os.environ.get("ETCD") or shutil.which("etcd")


class Etcd:
    def __init__(self, directory):
        self.port, peer = free_port(), free_port()
        urls = [f"http://127.0.0.1:{port}" for port in (self.port, peer)]
        words = [ETCD, "--data-dir", directory / "etcd", "--log-level", "error"]
        words += ["--listen-client-urls", urls[0], "--advertise-client-urls", urls[0]]
        words += ["--listen-peer-urls", urls[1], "--initial-advertise-peer-urls", urls[1]]
        words += ["--initial-cluster", f"default={urls[1]}"]
        self.process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "ETCD_UNSUPPORTED_ARCH": "arm64"},
        )
        self.address = ("127.0.0.1", self.port)
        eventually(lambda: socket.create_connection(self.address, 1).close() is None, "etcd is up")
        eventually(lambda: Gateway(self.address).post("kv/range", {"key": "YQ=="})[0] == 200,
                   "etcd serves")

    def end(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def etcd(tmp_path):
    if not ETCD:
        pytest.skip("no etcd here (ETCD)")
    process = Etcd(tmp_path)
    yield process
    process.end()


class Program:
    """Random requests, a few keys and values, every member of each request now and then. Left out
    are the two cases in which etcd lets a put and a delete of one key pass in a transaction."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.revision = 1

    def chance(self, one_in):
        return self.random.randrange(one_in) == 0

    def key(self):
        return b64(f"k{self.random.randrange(12):02}")

    def keys(self):
        body = {"key": self.key()}
        if self.chance(40):
            body = {}
        if self.chance(2):
            body["range_end"] = b64(b"\0") if self.chance(5) else self.key()
        return body

    def some_revision(self):
        return str(max(0, self.revision + 1 - self.random.randrange(12)))

    def range(self):
        body = self.keys()
        optional = {
            "limit": lambda: str(self.random.randrange(-1, 5)),
            "revision": self.some_revision,
            "sort_order": lambda: self.random.choice(["NONE", "ASCEND", "DESCEND"]),
            "sort_target": lambda: "KEY",
            "keys_only": lambda: True,
            "count_only": lambda: True,
            "min_mod_revision": self.some_revision,
            "max_mod_revision": self.some_revision,
            "min_create_revision": self.some_revision,
            "max_create_revision": self.some_revision,
            "serializable": lambda: True,
        }
        for name, value in optional.items():
            if self.chance(4):
                body[name] = value()
        if "mod_revision" not in str(body) and self.chance(4):
            body.update({"sort_order": "ASCEND", "sort_target": "MOD"})
        return body

    def put(self):
        body = {"key": self.key(), "value": b64(str(self.random.randrange(4)))}
        if self.chance(4):
            body["prev_kv"] = True
        if self.chance(8):
            body["ignore_value"] = True
            if not self.chance(4):
                del body["value"]
        if self.chance(20):
            body["lease"] = "77"
        if self.chance(20):
            body["ignore_lease"] = True
        return body

    def delete(self):
        return {**self.keys(), **({"prev_kv": True} if self.chance(2) else {})}

    def compare(self):
        target = self.random.choice(["VERSION", "CREATE", "MOD", "VALUE", "LEASE"])
        member = {"VERSION": "version", "CREATE": "create_revision", "MOD": "mod_revision",
                  "VALUE": "value", "LEASE": "lease"}[target]
        value = b64(str(self.random.randrange(4))) if target == "VALUE" else self.some_revision()
        if target in ("VERSION", "LEASE"):
            value = str(self.random.randrange(3))
        result = self.random.choice(["EQUAL", "GREATER", "LESS", "NOT_EQUAL"])
        return {**self.keys(), "target": target, "result": result, member: value}

    def operation(self, depth):
        kind = self.random.randrange(7 if depth < 2 else 6)
        if kind < 2:
            return {"request_range": self.range()}
        if kind < 4:
            return {"request_put": self.put()}
        if kind < 6 and depth == 0:
            body = self.delete()
            if body.get("range_end") == b64(b"\0"):
                del body["range_end"]
            return {"request_delete_range": body}
        if kind < 6:
            return {"request_range": self.range()}
        return {"request_txn": self.txn(depth + 1)}

    def txn(self, depth=0):
        return {
            "compare": [self.compare() for _ in range(self.random.randrange(3))],
            "success": [self.operation(depth) for _ in range(self.random.randrange(4))],
            "failure": [self.operation(depth) for _ in range(self.random.randrange(3))],
        }

    def request(self):
        kind = self.random.randrange(10)
        if kind < 3:
            return "kv/put", self.put()
        if kind < 5:
            return "kv/range", self.range()
        if kind < 6:
            return "kv/deleterange", self.delete()
        return "kv/txn", self.txn()


def comparable(status, answer):
    """Without what names a server. etcd 3.4 also repeats errors in other words."""
    answer.get("header", {}).pop("cluster_id", None)
    answer.get("header", {}).pop("member_id", None)
    answer.get("header", {}).pop("raft_term", None)
    return status, answer


class Leases(Program):
    """Leases of a few numbers, keys on them, compaction and the alarm, of one member. Nothing runs
    out: they are long. Transactions are left out: of those, the alarm stops others in etcd."""

    def lease(self):
        return {"ID": str(self.random.randrange(1, 5))}

    def put(self):
        body = super().put()
        return {**body, "lease": str(self.random.randrange(5))} if self.chance(2) else body

    def compaction(self):
        revision = max(1, self.revision - self.random.randrange(-1, 6))
        return {"revision": str(revision), "physical": self.chance(2)}

    def request(self):
        kind = self.random.randrange(12)
        calls = {
            0: lambda: ("lease/grant", {**self.lease(), "TTL": str(self.random.randrange(900, 999))}),
            1: lambda: (self.random.choice(["", "kv/"]) + "lease/revoke", self.lease()),
            2: lambda: (self.random.choice(["", "kv/"]) + "lease/timetolive",
                        {**self.lease(), "keys": self.chance(2)}),
            3: lambda: ("lease/leases", {}),
            4: lambda: ("lease/keepalive", self.lease()),
            5: lambda: ("kv/compaction", self.compaction()) if self.chance(4) else self.alarm(),
        }
        calls[6] = lambda: ("kv/range", self.range())
        calls[7] = lambda: ("kv/deleterange", self.delete())
        return calls.get(kind, lambda: ("kv/put", self.put()))()

    def alarm(self):
        body = {"action": self.random.choice(["GET", "DEACTIVATE", "DEACTIVATE"])}
        if self.chance(3):
            body["action"] = "ACTIVATE"
        return "maintenance/alarm", {**body, "alarm": "NOSPACE", "memberID": "1"}


def without_chance(path, answer):
    """etcd 3.4 shows leases and their keys in no order, and no header with alarms; and seconds go by."""
    result = answer.get("result", answer)
    for header in (result, answer):
        comparable(0, header)
    if path == "maintenance/alarm":
        answer.pop("header", None)
    if path.endswith("timetolive") and int(result.get("TTL", "-1")) > 0:
        result["TTL"] = "more"
    answer.get("keys", []).sort()
    if "leases" in answer:
        answer["leases"].sort(key=lambda lease: int(lease["ID"]))
    return answer


@pytest.mark.parametrize("seed", range(2))
def test_leases_compaction_and_the_alarm_beside_etcd(place, etcd, seed):
    node = place.node(system="consensus").start_and_wait()
    ours, theirs = Gateway(node.address), Gateway(etcd.address)
    program = Leases(seed)
    kinds = set()
    for step in range(700):
        path, body = program.request()
        status = []
        for client in (theirs, ours):
            code, answer = client.post(path, body)
            # 3.4 has another status for code 9 than later ones.
            status.append((400 if answer.get("code") == 9 else code, without_chance(path, answer)))
        assert status[0] == status[1], (step, path, json.dumps(body))
        program.revision = int(status[0][1].get("header", {}).get("revision", program.revision))
        kinds.add(status[0][1].get("error", "none"))
    assert len(kinds) > 5, kinds


def heard_until(client, revision):
    """The events of a watch up to this revision; or the line that cancels it."""
    events = []
    while not events or int(events[-1]["kv"]["mod_revision"]) < revision:
        line = client.next_line()
        if line.get("canceled"):
            comparable(0, line)
            return line
        events += line["events"]
    return events


def watch_of(program):
    """Either ends where a revision of its key tells."""
    chance = program.chance
    body = {"key": program.key(), "start_revision": str(program.random.randrange(
        program.revision + 2))}
    if chance(2):
        body["range_end"] = b64(b"\0") if chance(3) else b64("k99")
    if chance(2):
        body["prev_kv"] = True
    if chance(3):
        body["filters"] = [program.random.choice(["NOPUT", "NODELETE"])]
    return body


@pytest.mark.parametrize("seed", range(2))
def test_watches_beside_etcd(place, etcd, seed):
    node = place.node(system="consensus").start_and_wait()
    addresses = [etcd.address, node.address]
    writers = [Gateway(address) for address in addresses]
    program = Leases(seed)

    def both(path, body):
        answers = [without_chance(path, client.post(path, body)[1]) for client in writers]
        assert answers[0] == answers[1], (path, body)
        return answers[0]

    for _ in range(20):
        for _ in range(30):
            answer = both(*program.request())
            program.revision = int(answer.get("header", {}).get("revision", program.revision))
        both("maintenance/alarm", {"action": "DEACTIVATE", "alarm": "NOSPACE", "memberID": "1"})
        body = watch_of(program)
        clients = [Gateway(address) for address in addresses]
        for client in clients:
            client.watch(**body)
        both("kv/put", {"key": body["key"], "value": b64("last")})
        if "NOPUT" in body.get("filters", []):
            both("kv/deleterange", {"key": body["key"]})
        last = int(both("kv/range", {"key": body["key"]})["header"]["revision"])
        heard = [heard_until(client, last) for client in clients]
        assert heard[0] == heard[1], body
        program.revision = last


@pytest.mark.parametrize("seed", range(4))
def test_random_programs_beside_etcd(place, etcd, seed):
    node = place.node(system="consensus").start_and_wait()
    ours, theirs = Gateway(node.address), Gateway(etcd.address)
    program = Program(seed)
    kinds = set()
    for step in range(700):
        path, body = program.request()
        answers = [comparable(*client.post(path, body)) for client in (theirs, ours)]
        assert answers[0] == answers[1], (step, path, json.dumps(body))
        program.revision = int(answers[0][1].get("header", {}).get("revision", program.revision))
        kinds.add(answers[0][1].get("error", "none"))
    assert "none" in kinds and len(kinds) > 3
