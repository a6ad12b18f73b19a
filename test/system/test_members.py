"""`quartet members` on live clusters: growing, shrinking, joining, leaving, and what it says."""

import greenstalk
import pytest

from harness import Node, eventually, http, run
from load import Load
from test_cluster import more_puts


def members(node, *words):
    return run("members", "--admin", f"127.0.0.1:{node.admin}", *words)


def listed(node):
    """{id: role} as the leader sees it, asked of any node."""
    result = members(node, "list")
    rows = [line.split() for line in result.stdout.splitlines()[1:-1]]
    return {int(row[0]): row[1] for row in rows} if result.returncode == 0 else {}


def change(node, *words):
    """Asks until it is done, as a person would: a leader may be new, a learner not there yet."""

    def done():
        result = members(node, *words)
        return result if result.returncode == 0 else None

    return eventually(done, f"members {' '.join(map(str, words))}")


def joiner(place, cluster, number):
    peers = ",".join(f"{node.number}=127.0.0.1:{node.peer_port}" for node in cluster.nodes)
    node = place.node(number)
    node.options = {"join": peers, "peer_listen": f"127.0.0.1:{node.peer_port}"}
    return node.start()


def add(node, new):
    return change(node, "add", f"{new.number}=127.0.0.1:{new.peer_port}")


def voters(node):
    return sorted(number for number, role in listed(node).items() if role != "learner")


def test_a_queue_under_load_grows_to_five_and_sheds_its_leader(place):
    cluster = place.cluster().start()
    founders = list(cluster.nodes)
    with Load(cluster.nodes) as load:
        more_puts(load, 50)
        for number in (4, 5):
            new = joiner(place, cluster, number)
            add(cluster.nodes[0], new)
            change(cluster.nodes[1], "promote", number)
            cluster.nodes.append(new)
            more_puts(load, 50)
        assert voters(cluster.nodes[4]) == [1, 2, 3, 4, 5]
        for _ in range(2):  # the leader goes, and then the one after it, if it founded, too
            gone = cluster.leader(cluster.nodes)
            if gone not in founders:
                gone = next(node for node in cluster.nodes if node in founders)
            cluster.nodes.remove(gone)
            change(cluster.nodes[0], "remove", gone.number)
            eventually(lambda: gone.status()["membership"] == "removed", "it knows that it is gone")
            assert http(gone.admin, "/health") == (
                503, "no longer a member of the cluster: stop it, or add it again\n")
            more_puts(load, 50)
        load.stop()
    leader = cluster.leader()
    assert voters(leader) == sorted(node.number for node in cluster.nodes)
    load.check_nothing_lost(leader)
    cluster.wait_agreement()
    assert load.put_count() > 250


def test_what_clients_of_a_removed_node_held_goes_to_others_at_once(place):
    cluster = place.cluster().start()
    gone, stay = cluster.followers()[0], cluster.leader()
    with greenstalk.Client(gone.address) as holder, greenstalk.Client(stay.address) as other:
        job_id = holder.put("in hand", ttr=120)
        assert holder.reserve(timeout=5).id == job_id
        change(stay, "remove", gone.number)
        assert other.reserve(timeout=5).id == job_id  # a node's lease is 10 s, the job's 120 s


def test_a_member_that_joined_starts_again_from_its_log(place):
    cluster = place.cluster().start()
    new = joiner(place, cluster, 4)
    add(cluster.nodes[0], new)
    change(cluster.nodes[0], "promote", 4)
    cluster.nodes.append(new)
    for node in cluster.nodes:
        node.kill()
    for node in cluster.nodes:
        node.start()
    for node in cluster.nodes:
        node.wait_healthy()
    assert voters(new) == [1, 2, 3, 4]
    cluster.leader().kill()
    alive = [node for node in cluster.nodes if node.running()]
    eventually(lambda: any(n.status()["role"] == "leader" for n in alive), "another leader")
    with greenstalk.Client(alive[0].address) as client:
        client.put("three of four")


def test_one_that_was_away_learns_that_it_was_removed_and_can_come_back(place):
    cluster = place.cluster().start()
    away = cluster.followers()[0]
    away.kill()
    stay = [node for node in cluster.nodes if node is not away]
    change(stay[0], "remove", away.number)
    term = stay[0].status()["term"]
    away.start()
    eventually(lambda: away.status()["membership"] == "removed", "it is told so")
    with pytest.raises((OSError, greenstalk.Error)):
        with greenstalk.Client(away.address) as client:
            client.put("nothing here")
    assert stay[0].status()["term"] == term
    add(stay[1], away)
    change(stay[0], "promote", away.number)
    away.wait_healthy()
    assert voters(away) == [1, 2, 3]
    cluster.wait_agreement()


def test_a_node_alone_grows_into_a_cluster(place):
    first = place.node(1)
    first.peers = f"1=127.0.0.1:{first.peer_port}"
    first.start_and_wait()
    with greenstalk.Client(first.address) as client:
        job = client.put("from the time alone")
    new = place.node(2)
    new.options = {"join": first.peers, "peer_listen": f"127.0.0.1:{new.peer_port}"}
    new.start()
    add(first, new)
    change(first, "promote", 2)
    new.wait_healthy()
    with greenstalk.Client(new.address) as client:
        assert client.peek(job).body == "from the time alone"
    change(new, "remove", 1)
    eventually(lambda: http(new.admin, "/health")[0] == 200, "the second one goes on alone")
    with greenstalk.Client(new.address) as client:
        assert client.reserve(timeout=5).id == job


def test_what_cannot_be_is_explained(place):
    cluster = place.cluster().start()
    node = cluster.followers()[0]
    address = "127.0.0.1:1"
    for words, says in [
        (["add", f"1={address}"], "node 1 is a member already"),
        (["promote", "1"], "node 1 is a voter already"),
        (["promote", "9"], "node 9 is not a member: add it first"),
        (["remove", "9"], "node 9 is not a member"),
        (["transfer", "9"], "not another voter"),
    ]:
        result = members(node, *words)
        assert result.returncode == 1 and says in result.stderr, result
    for words in (["add", "4"], ["add", "x=y"], ["promote"], ["grow", "4"], [], ["list", "4"]):
        result = members(node, *words)
        assert result.returncode == 2 and "expected" in result.stderr, result
    assert add(node, Node(place.directory, 9)).stdout.startswith("node 9 is a learner")
    result = members(node, "promote", 9)
    assert result.returncode == 1 and "it was never heard" in result.stderr
    change(node, "remove", 9)
    target = cluster.followers()[0]
    assert members(node, "transfer", target.number).returncode == 0
    eventually(lambda: cluster.leader() is target, "it leads")
    alone = run("queue", "--node", 4, "--join", "4=127.0.0.1:1")
    assert alone.returncode == 2 and "names no one but this node" in alone.stderr
    both = run("queue", "--node", 1, "--peers", f"1={address}", "--join", f"2={address}")
    assert both.returncode == 2 and "either --peers" in both.stderr


@pytest.mark.parametrize(
    "address", ["nonsense", "a%0ab:7000", "a%20b:7000", "a%22%1bb:7000", ":7000", "a:", "a:0", "a:65536", "a:7x"]
)
def test_what_is_no_address_is_added_nowhere(place, address):
    node = place.node()
    node.peers = f"1=127.0.0.1:{node.peer_port}"
    node.start_and_wait()
    status, words = http(node.admin, f"/members?do=add&id=5&address={address}", "POST")
    assert (status, words) == (400, "an address is needed: add N=HOST:PORT\n")
    assert list(listed(node)) == [1]
