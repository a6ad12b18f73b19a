"""Levels of the store, on a real cluster: what a leader acknowledges alone, what all voters have,
and tokens that are passed from one connection to another."""

import signal

import pytest
import redis

from harness import DEADLINE_S, eventually


@pytest.fixture
def cluster(place):
    """Its leader has time to acknowledge something after it has lost the others."""
    return place.cluster(
        system="store", redirect="off", election_timeout_ms=1500, heartbeat_ms=100).start()


def client_of(node):
    return redis.Redis(host=node.host, port=node.port, socket_timeout=DEADLINE_S,
                       decode_responses=True)


def ask(client, *words):
    return client.execute_command(*words)


def answer(node, *words):
    """What a command is answered, or the error in its place; None while nobody answers."""
    try:
        with client_of(node) as client:
            return ask(client, *words)
    except redis.ResponseError as error:
        return str(error)
    except redis.RedisError:
        return None


def test_levels_of_writes_and_who_has_them(cluster):
    leader = cluster.leader()
    eventually(lambda: answer(leader, "CONSISTENCY", "all", "SET", "k", "v") == "OK",
               "every voter has a write within a second")
    stopped = next(node for node in cluster.nodes if node is not leader)
    stopped.signal(signal.SIGSTOP)
    try:
        said = answer(leader, "CONSISTENCY", "all", "SET", "k", "w")
        assert said in ("2 of 3; the write stands", "NOTALL 2 of 3; the write stands")
        assert answer(leader, "GET", "k") == "w"
        with client_of(leader) as client:
            client.set("k", "x")
            assert ask(client, "WAIT", 1, 0) == 1
            assert ask(client, "WAIT", 2, 50) == 1
            assert ask(client, "WAITAOF", 1, 1, 0) == [1, 1]
            assert ask(client, "CONSISTENCY", "leader", "SET", "k", "y") == "OK"
            assert ask(client, "WAIT", 1, 0) == 1
            assert client.get("k") == "y"
    finally:
        stopped.signal(signal.SIGCONT)
    with client_of(leader) as client:
        client.set("k", "z")
        assert ask(client, "WAIT", 2, 0) == 2


def test_a_token_carries_a_session_to_another_node(cluster):
    with client_of(cluster.leader()) as client:
        token = None
        for i in range(20):
            client.set("k", i)
            token = ask(client, "CONSISTENCY", "TOKEN")
            for node in cluster.nodes:
                with client_of(node) as other:
                    ask(other, "CONSISTENCY", "READ", "session")
                    ask(other, "CONSISTENCY", "AFTER", token)
                    assert other.get("k") == str(i)
        group, term, index = token.split(":")
        assert group == "0" and int(term) > 0 and int(index) > 20
        with client_of(cluster.leader()) as other:
            ask(other, "CONSISTENCY", "AFTER", f"0:{term}:{int(index) + 1000}")
            with pytest.raises(redis.ResponseError, match="has not got to what the token names"):
                ask(other, "CONSISTENCY", "session", "GET", "k")
            assert ask(other, "CONSISTENCY", "local", "GET", "k") == "19"


def lose_a_write(cluster, key):
    """The token of a write that a leader acknowledged alone and took with it; None: it did not lead
    any more when it was asked."""
    leader, others = cluster.leader(), cluster.followers()
    with client_of(leader) as client:
        client.set(key, "old")
        for node in others:
            node.kill()
        try:
            said = ask(client, "CONSISTENCY", "leader", "SET", key, "new")
            token = ask(client, "CONSISTENCY", "TOKEN") if said == "OK" else None
        except redis.RedisError:
            token = None
    leader.kill()
    for node in others:
        node.start()
    cluster.leader(among=others)
    leader.start_and_wait()
    return token


def test_what_a_leader_alone_acknowledged_may_be_lost_and_is_told(cluster):
    keys = iter(range(100))
    token = eventually(
        lambda: lose_a_write(cluster, f"k{next(keys)}"), "a leader acknowledges alone")
    key = f"k{next(keys) - 1}"
    for node in cluster.nodes:
        with client_of(node) as client:
            assert client.get(key) == "old"
            ask(client, "CONSISTENCY", "AFTER", token)
            with pytest.raises(redis.ResponseError, match="a leader alone acknowledged"):
                ask(client, "CONSISTENCY", "session", "GET", key)
            assert ask(client, "CONSISTENCY", "session", "GET", key) == "old"
    cluster.wait_agreement()
