"""Several nodes of the store: clients that no one here wrote are sent to who leads, and lose nothing."""

import pytest
import redis

from harness import Wire, eventually, free_port
from stores import client_of, cluster_client, run_ioredis, sure


@pytest.fixture
def cluster(place):
    return place.cluster(system="store").start()


def told(node, *words):
    """The answer, or the error, of one node."""
    with client_of(node) as client:
        try:
            return client.execute_command(*words)
        except redis.RedisError as error:
            return f"{type(error).__name__} {error}"


def test_redis_py_as_a_cluster(cluster):
    with sure(lambda: cluster_client(cluster.nodes)) as client:
        for i in range(50):
            assert sure(lambda: client.set(f"k{i}", i))  # noqa: B023
        assert [sure(lambda: client.get(f"k{i}")) for i in range(50)] == [  # noqa: B023
            b"%d" % i for i in range(50)]
        assert sure(lambda: client.execute_command("CONSISTENCY", "lease", "GET", "k1")) == b"1"
        assert sorted(sure(lambda: list(client.scan_iter("k1*")))) == sorted(
            [b"k1"] + [b"k1%d" % i for i in range(10)])
        assert sure(client.dbsize) == 50
        assert sure(client.flushall) and sure(client.dbsize) == 0


NODE_PROGRAM = """
import Redis from "ioredis";
const ports = process.argv.slice(2).map(Number);
const cluster = new Redis.Cluster(ports.map((port) => ({ host: "127.0.0.1", port })));
await cluster.set("k", "v");
await cluster.mset("{a}1", "one", "{a}2", "two");
const pipe = await cluster.pipeline().set("n", 1).get("n").get("k").exec();
console.log(JSON.stringify([
  await cluster.get("k"), await cluster.mget("{a}1", "{a}2"), pipe, await cluster.set("k", "w", "NX"),
]));
await cluster.quit();
"""


def test_ioredis_as_a_cluster(cluster, tmp_path):
    assert run_ioredis(tmp_path, NODE_PROGRAM, cluster.nodes) == [
        "v", ["one", "two"], [[None, "OK"], [None, "1"], [None, "v"]], None]


def test_who_does_not_lead_redirects_and_lists_who_does(cluster):
    def asked():
        leader = cluster.leader()
        follower = next(node for node in cluster.nodes if node is not leader)
        with Wire(follower.address) as wire:
            moved = wire.ask("SET k v\r\n")
        slots = told(follower, "CLUSTER", "SLOTS")
        return moved == b"-MOVED 7629 127.0.0.1:%d\r\n" % leader.port and slots == told(
            leader, "CLUSTER", "SLOTS") and slots[0][:2] == [0, 16383] and (
                slots[0][2][1] == leader.port) and len(slots[0]) == 5

    eventually(asked, "a follower says who leads")


def test_a_client_is_told_of_the_place_it_came_in_by(place):
    cluster = place.cluster(system="store")
    ports = {node.number: free_port() for node in cluster.nodes}
    for node in cluster.nodes:  # a second --listen beside its first
        node.options["listen"] = f"127.0.0.1:{ports[node.number]}"
        node.options["announce"] = f"store-{node.number}:6379,[::1]:{ports[node.number]}"
    cluster.start()

    def asked():
        leader = cluster.leader()
        follower = next(node for node in cluster.nodes if node is not leader)
        with Wire(follower.address) as first, Wire((follower.host, ports[follower.number])) as second:
            said = [wire.ask("GET k\r\n") for wire in (first, second)]
        return said == [b"-MOVED 7629 store-%d:6379\r\n" % leader.number,
                        b"-MOVED 7629 ::1:%d\r\n" % ports[leader.number]]

    eventually(asked, "a follower names what the leader announces at each place")


def test_without_redirects_any_node_serves_the_same_store(place):
    cluster = place.cluster(system="store", redirect="off").start()
    clients = [client_of(node) for node in cluster.nodes]
    for i, client in enumerate(clients):
        assert sure(lambda: client.set(f"by {i}", i))  # noqa: B023
    for node, client in zip(cluster.nodes, clients):
        assert [sure(lambda: client.get(f"by {i}")) for i in range(3)] == [  # noqa: B023
            b"0", b"1", b"2"]
        assert told(node, "CLUSTER", "SLOTS")[0][2][1] == node.port
    for client in clients:
        client.close()
    cluster.wait_agreement()


def test_what_was_acknowledged_survives_kill_9_of_leaders(cluster):
    """Under one writer in the cluster mode of its client. What failed may be there or not, and may
    have come late."""
    kept, unknown = {}, {}
    client = sure(lambda: cluster_client(cluster.nodes))
    for number in range(600):
        if number in (150, 350):
            cluster.leader().kill()
        if number in (300, 500):
            for node in cluster.nodes:
                if not node.running():
                    node.start_and_wait()
        key = f"k{number % 40}"
        try:
            client.set(key, number)
            kept[key] = number
        except redis.RedisError:
            unknown.setdefault(key, set()).add(number)
            client = sure(lambda: connected(cluster))
    cluster.wait_agreement()
    for node in cluster.nodes:
        for key, number in kept.items():
            value = int(told(node, "CONSISTENCY", "local", "GET", key))
            assert value == number or value in unknown.get(key, ()), key


def connected(cluster):
    client = cluster_client(cluster.nodes)
    client.get("k")
    return client


def test_without_a_majority_nothing_is_acknowledged(cluster):
    with sure(lambda: cluster_client(cluster.nodes)) as client:
        assert sure(lambda: client.set("k", "old"))
    survivor = cluster.nodes[0]
    eventually(lambda: told(survivor, "CONSISTENCY", "local", "GET", "k") == b"old", "it came there")
    for node in cluster.nodes[1:]:
        node.kill()
    eventually(lambda: "ClusterDown" in str(told(survivor, "CLUSTER", "SLOTS")), "it is cut off")
    assert told(survivor, "CONSISTENCY", "local", "GET", "k") == b"old"
    with client_of(survivor) as client, pytest.raises((redis.ConnectionError, redis.ResponseError)):
        client.set("k", "new")
