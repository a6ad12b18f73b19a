"""One node of the store as its users see it: with clients that no one here wrote, and beside Redis."""

import random
import shutil
import socket
import subprocess

import pytest
import redis

from harness import DEADLINE_S, Wire, eventually, free_port, http
from stores import client_of, run_ioredis

REDIS = shutil.which("redis-server")
beside_redis = pytest.mark.skipif(REDIS is None, reason="needs redis-server")


@pytest.fixture
def node(place):
    return place.node(system="store").start_and_wait()


@pytest.mark.parametrize("version", [2, 3])
def test_redis_py(node, version):
    with client_of(node, protocol=version, decode_responses=True) as client:
        assert client.set("k", "v") is True and client.get("k") == "v"
        assert client.set("k", "w", nx=True) is None
        assert client.incr("n", 5) == 5 and client.mget("{a}1", "{a}2") == [None, None]
        assert client.set("t", "x", ex=100) and 99 <= client.ttl("t") <= 100
        assert client.append("k", "!!") == 3 and client.getrange("k", 1, -1) == "!!"
        client.mset({f"{{many}}{i}": i for i in range(500)})
        assert sorted(client.scan_iter("{many}*")) == sorted(f"{{many}}{i}" for i in range(500))
        assert client.dbsize() == 503 and client.info()["cluster_enabled"] == 1
        with client.pipeline(transaction=False) as pipe:
            for i in range(100):
                pipe.incr("n")
            assert pipe.execute()[-1] == 105
        assert client.delete("k") == 1
        assert client.flushall() and client.dbsize() == 0
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        assert client.ping() and client.client_setname("me")


NODE_PROGRAM = """
import Redis from "ioredis";
const plain = new Redis({ port: Number(process.argv[2]) });
await plain.set("k", "v");
await plain.mset("{a}1", "one", "{a}2", "two");
console.log(JSON.stringify([
  await plain.get("k"), await plain.mget("{a}1", "{a}2"), await plain.set("k", "w", "NX"),
  await plain.call("CONSISTENCY", "READ"),
]));
await plain.quit();
"""


def test_ioredis(node, tmp_path):
    assert run_ioredis(tmp_path, NODE_PROGRAM, [node]) == ["v", ["one", "two"], None, "linearizable"]


def test_a_node_alone_keeps_what_it_acknowledged(place):
    node = place.node(system="store", compact_bytes=65536, segment_bytes=32768).start_and_wait()
    with client_of(node) as client:
        for i in range(200):
            client.set(f"k{i % 50}", f"{i} " * 300)
        client.set("gone", "soon", px=1)
        client.set("stays", "long", ex=1000)
    eventually(lambda: node.metric("quartet_store_keys") == 51, "the one has ended")
    eventually(lambda: node.files("*.snapshot") or node.files("snapshot*"), "a snapshot is written")
    node.kill()
    node.start_and_wait()
    with client_of(node) as client:
        assert client.dbsize() == 51
        assert client.get("k49") == b"199 " * 300 and client.get("gone") is None
        assert 900 <= client.ttl("stays") <= 1000
        client.flushall()
    node.kill()
    node.start_and_wait()
    with client_of(node) as client:
        assert client.dbsize() == 0


def test_full_memory_refuses_what_grows_alone(place):
    node = place.node(system="store", memory_max=3_000_000).start_and_wait()
    with client_of(node) as client:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            for i in range(200):
                client.set(f"k{i}", "v" * 50_000)
        assert client.get("k0") and client.delete("k0") == 1
        client.flushall()
        eventually(lambda: accepted(client), "it takes more again")


def accepted(client):
    try:
        return client.set("k", "v" * 1000)
    except redis.exceptions.OutOfMemoryError:
        return False


def test_a_password(place, tmp_path):
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    node = place.node(system="store", auth_file=secret).start_and_wait()
    with client_of(node) as client, pytest.raises(redis.AuthenticationError):
        client.get("k")
    with client_of(node, password="wrong") as client, pytest.raises(redis.AuthenticationError):
        client.get("k")
    with client_of(node, password="open sesame") as client:
        assert client.set("k", "v")


@pytest.mark.parametrize("text, word", [("\n", "empty"), ("x" * 600, "512")])
def test_a_bad_password_file_is_one_line(place, tmp_path, text, word):
    secret = tmp_path / "password"
    secret.write_text(text)
    node = place.node(system="store", auth_file=secret).start()
    assert node.wait() == 2
    assert word in node.output() and len(node.output().splitlines()) == 1


def test_what_is_no_resp_hears_it_once(node):
    with Wire(node.address) as wire:
        wire.say("*1\r\n:1\r\nPING\r\n")
        assert wire.line() == b"-ERR Protocol error: expected '$' and the size of a word\r\n"
        assert wire.closed()


def test_values_up_to_the_limit(node):
    with client_of(node) as client:
        client.set("k", b"v" * (8 << 20))
        assert client.get("k") == b"v" * (8 << 20)
        with pytest.raises(redis.ResponseError, match="above the limit of 8 MiB"):
            client.set("k", b"v" * (8 << 20) + b"v")
        assert client.strlen("k") == 8 << 20


def test_the_admin_port_counts(node):
    with client_of(node) as client:
        client.set("k", "v", ex=100)
    _, text = http(node.admin, "/metrics")
    assert "quartet_store_keys 1\n" in text and "quartet_store_keys_with_end 1\n" in text


# --- beside Redis ---------------------------------------------------------------------------------


@pytest.fixture
def reference(tmp_path):
    port = free_port()
    words = [REDIS, "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with open(tmp_path / "redis.log", "w") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    eventually(lambda: socket.create_connection(("127.0.0.1", port)).close() or True, "Redis is up")
    yield ("127.0.0.1", port)
    process.kill()
    process.wait()


def any_number(dice):
    return dice.choice(["0", "1", "-1", "5", "-3", "17", "100", "x", "1.5", "9223372036854775807"])


def any_time(dice):
    """Nothing that is over while the test runs."""
    return dice.choice(["0", "-1", "x", "100000", "1.5", "9223372036854775807"])


def any_value(dice):
    return dice.choice(["", "1", "hello", "41", "-7", "foobar", "\\xff\\x00", "9223372036854775806"])


FORMS = """
GET k|SET k v|SET k v NX|SET k v XX|SET k v GET|SET k v KEEPTTL|SET k v EX 100|SET k v PX 100000 NX|
SET k v EX t|SET k v XX GET|SETNX k v|SETEX k 100 v|SETEX k t v|PSETEX k t v|GETSET k v|GETDEL k|
GETEX k|GETEX k PERSIST|GETEX k EX 100|GETEX k EX t|APPEND k v|STRLEN k|GETRANGE k n n|SUBSTR k n n|
SETRANGE k 3 v|SETRANGE k -1 v|INCR k|DECR k|INCRBY k n|DECRBY k n|SETBIT k 9 1|SETBIT k n 0|GETBIT k n|
BITCOUNT k|BITCOUNT k n n|BITCOUNT k n n BIT|BITPOS k 1|BITPOS k 0 n|BITPOS k 1 n n|BITPOS k 0 n n BIT|
MGET k k k|MSET k v k v|MSETNX k v k v|DEL k k|UNLINK k|EXISTS k k k|TOUCH k|TYPE k|
EXPIRE k 100|EXPIRE k t|EXPIRE k 50 NX|EXPIRE k 200 GT|EXPIRE k 20 LT|EXPIRE k 20 XX|PEXPIRE k 90000|
EXPIRE k 1 NX XX|EXPIREAT k 1|EXPIREAT k 4000000000|TTL k|EXPIRETIME k|PERSIST k|RENAME k k|RENAMENX k k|
COPY k k|COPY k k REPLACE|SET k v NONSENSE|SET k|GET|EXPIRE k 10 NONSENSE|ECHO v|PING|PING v|
STRLEN|SETBIT k 1 2|BITPOS k 2
"""


@beside_redis
@pytest.mark.parametrize("seed", range(4))
def test_answers_are_those_of_redis(node, reference, seed):
    """Byte for byte; but of time they may be a second apart."""
    dice = random.Random(seed)
    forms = [form.strip() for form in FORMS.split("|")]
    said = []
    with Wire(node.address) as ours, Wire(reference) as theirs:
        for _ in range(3000):
            words = []
            for word in dice.choice(forms).split(" "):
                if word == "k":
                    word = dice.choice("abcd")
                    word = f"{{t}}{word}"
                elif word == "v":
                    word = f'"{any_value(dice)}"'
                elif word == "n":
                    word = any_number(dice)
                elif word == "t":
                    word = any_time(dice)
                words.append(word)
            line = " ".join(words)
            said.append(line)
            answers = [answer(wire, line) for wire in (ours, theirs)]
            if answers[0] != answers[1] and words[0] in ("TTL", "EXPIRETIME"):
                answers = [b"", b""] if abs(int(answers[0][1:]) - int(answers[1][1:])) < 2 else answers
            assert answers[0] == answers[1], "\n".join(said[-8:])


def answer(wire, line):
    wire.say(line + "\r\n")
    return read_reply(wire)


def read_reply(wire):
    head = wire.line()
    if head[:1] == b"$" and head != b"$-1\r\n":
        return head + wire.take(int(head[1:]) + 2)
    if head[:1] == b"*":
        return head + b"".join(read_reply(wire) for _ in range(int(head[1:])))
    return head


@beside_redis
def test_redis_benchmark_sends_nothing_unknown(node):
    done = subprocess.run(
        ["redis-benchmark", "-p", str(node.port), "-n", "500", "-c", "5", "-q", "-t",
         "ping_inline,ping_mbulk,set,get,incr,mset"],
        capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0 and "rror" not in done.stdout + done.stderr, done.stdout


@beside_redis
def test_redis_cli(node):
    def cli(*words):
        done = subprocess.run(["redis-cli", "-c", "-p", str(node.port), *words],
                              capture_output=True, text=True, timeout=DEADLINE_S)
        return done.stdout.strip()

    assert cli("set", "k", "v") == "OK" and cli("get", "k") == "v"
    assert cli("--scan") == "k"
    assert "no_such" in cli("no_such")
