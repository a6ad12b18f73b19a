"""The store over many groups: each leads some slots, and clients that no one here wrote find them."""

import pytest

from harness import Wire, eventually
from stores import client_of, cluster_client, run_ioredis, sure

GROUPS = 12


@pytest.fixture
def cluster(place):
    return place.cluster(system="store", groups=GROUPS).start()


def led_by(node):
    """The groups with slots that this node leads."""
    groups = node.status()["groups"]
    return [one["group"] for one in groups if one["group"] > 0 and one["leader"] == node.number]


def test_leaders_go_home_and_every_key_is_found(cluster):
    with sure(lambda: cluster_client(cluster.nodes)) as client:
        for i in range(200):
            assert sure(lambda: client.set(f"k{i}", i))  # noqa: B023
        eventually(lambda: [len(led_by(node)) for node in cluster.nodes] == [4, 4, 4],
                   "each node leads a third")
        keys = sorted(b"k%d" % i for i in range(200))

        def found():
            """By what each node leads, while none of that moves."""
            before = [led_by(node) for node in cluster.nodes]
            scanned, listed, count = [], [], 0
            for node in cluster.nodes:
                with client_of(node) as one:
                    scanned += one.scan_iter(count=7)
                    listed += one.keys("*")
                    count += one.dbsize()
                    assert one.randomkey() in keys
                    assert one.info("keyspace")["db0"]["keys"] == 200
            if before != [led_by(node) for node in cluster.nodes]:
                return None
            return sorted(scanned), sorted(listed), count

        assert eventually(found, "no leader moves meanwhile") == (keys, keys, 200)
        assert sorted(sure(lambda: list(client.scan_iter()))) == keys
        with Wire(cluster.nodes[0].address) as wire:
            assert wire.ask("MSET k1 a k2 b\r\n").startswith(b"-CROSSSLOT ")
        sure(client.flushall)
        eventually(lambda: sum(count_of(node) for node in cluster.nodes) == 0, "all is flushed")
    cluster.wait_agreement()


def count_of(node):
    with client_of(node) as one:
        return one.dbsize()


def test_a_node_that_is_killed_stops_no_slot_and_loses_none(cluster):
    """redis-py; a key is written once, so that what is asked again does no harm."""
    client = sure(lambda: cluster_client(cluster.nodes))
    for i in range(300):
        if i in (60, 200):
            cluster.nodes[i // 100].kill()
        if i == 150:
            cluster.nodes[0].start_and_wait()
        key = f"k{i}"
        sure(lambda: client.set(key, i))  # noqa: B023
    assert [sure(lambda: client.get(f"k{i}")) for i in range(300)] == [  # noqa: B023
        b"%d" % i for i in range(300)]
    client.close()
    cluster.nodes[2].start_and_wait()
    cluster.wait_agreement()
    for node in cluster.nodes:
        with client_of(node) as one:
            assert one.execute_command("CONSISTENCY", "local", "DBSIZE") == 300


NODE_PROGRAM = """
import Redis from "ioredis";
const [victim, ...ports] = process.argv.slice(2).map(Number);
const nodes = ports.map((port) => ({ host: "127.0.0.1", port }));
const cluster = new Redis.Cluster(nodes, { retryDelayOnClusterDown: 200 });
const sure = async (act) => {
  for (let tries = 0; ; tries++) {
    try { return await act(); } catch (error) {
      if (tries === 200) throw error;
      await new Promise((then) => setTimeout(then, 200));
    }
  }
};
cluster.on("error", () => {});
for (let i = 0; i < 300; i++) {
  if (i === 100) process.kill(victim, "SIGKILL");
  await sure(() => cluster.set(`k${i}`, i));
}
const wrong = [];
for (let i = 0; i < 300; i++) if (await sure(() => cluster.get(`k${i}`)) !== String(i)) wrong.push(i);
console.log(JSON.stringify(wrong));
cluster.disconnect();
"""


def test_ioredis_goes_on_when_a_node_is_killed(cluster, tmp_path):
    victim = cluster.nodes[1]
    assert run_ioredis(tmp_path, NODE_PROGRAM, cluster.nodes, victim.process.pid) == []


def test_nodes_with_another_number_of_groups_are_told_so(place):
    cluster = place.cluster(system="store", groups=3)
    cluster.nodes[1].options = {"groups": 4}
    for node in cluster.nodes:
        node.start()
    eventually(lambda: "another number of groups; give all nodes the same --groups" in
               cluster.nodes[0].output(), "a node says what is wrong")


def test_a_node_alone_has_many_too_and_keeps_them(place):
    node = place.node(system="store", groups=GROUPS).start_and_wait()
    with client_of(node) as client:
        for i in range(100):
            assert client.set(f"k{i}", i)
        assert client.dbsize() == 100
    node.kill()
    node.start_and_wait()
    with client_of(node) as client:
        assert client.dbsize() == 100 and client.get("k7") == b"7"
        with client.pipeline(transaction=False) as pipe:
            for _ in range(20):
                pipe.dbsize().get("k1").keys("k1*").set("k1", "x").scan(0)
            answers = pipe.execute()
        assert answers[0::5] == [100] * 20 and answers[3::5] == [True] * 20
        assert answers[1::5] == [b"1"] + [b"x"] * 19
        assert {len(keys) for keys in answers[2::5]} == {11}
    assert node.stop() == 0
