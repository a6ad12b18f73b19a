"""A disk whose reserve is used up too: nothing is acknowledged on it, and the node lives."""

import errno
import socket

import greenstalk
import pytest

from harness import Wire, eventually, run

MIB = 1 << 20
AT_ONCE = 16  # or a slow disk under the other nodes makes the test slow, too
STUCK = "is used up too"


def fill_up(disk):
    """Takes all that is free, and what becomes free by the way."""
    ballast = disk / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (MIB, 4096):
            with pytest.raises(OSError) as full:
                while True:
                    file.write(b"x" * size)
            assert full.value.errno == errno.ENOSPC
    return ballast


def put_many(client, size):
    """How many of them were acknowledged. While nobody leads, some may be refused."""
    client.say((b"put 0 0 60 %d\r\n" % size + b"x" * size + b"\r\n") * AT_ONCE)
    answers = [client.line().split()[0] for _ in range(AT_ONCE)]
    assert set(answers) <= {b"INSERTED", b"DRAINING"}
    return answers.count(b"INSERTED")


def test_a_leader_whose_disk_takes_nothing_more_hands_over(place, small_disk):
    cluster = place.cluster(segment_bytes=1 * MIB)
    full, other = cluster.nodes[0], cluster.nodes[1]
    full.data = small_disk / "queue-1"
    cluster.start()
    if cluster.leader() is not full:
        handed = run("members", "transfer", 1, "--admin", f"127.0.0.1:{other.admin}")
        assert handed.returncode == 0, handed
        eventually(lambda: cluster.leader() is full, "node 1 leads")
    ballast = fill_up(small_disk)
    put = 0
    with Wire(other.address) as client:

        def handed_over():
            nonlocal put
            put += put_many(client, 10 if STUCK in full.output() else 60000)
            return "disk-stuck" in full.output() and cluster.leader() is not full

        eventually(handed_over, "another node leads", every_s=0)
        assert STUCK in full.output() and full.running()
        put += put_many(client, 10)
        ballast.unlink()
        cluster.wait_agreement()
        assert "the log grows again" in full.output()
    with greenstalk.Client(other.address) as client:
        assert client.stats()["current-jobs-ready"] == put


def answers(connection, size):
    """Bytes of replies, up to `size`, or what came before a moment of silence."""
    got = b""
    while len(got) < size:
        try:
            got += connection.recv(size - len(got))
        except TimeoutError:
            break
    assert got.replace(b"TOUCHED\r\n", b"") in (b"", b"TOUCHED\r\n"[: len(got) % 9]), got[:80]
    return len(got)


def touch_until_stuck(node, disk, connection):
    """Fills the disk, and then the log with what grows nothing else: (ballast, bytes not answered)."""
    connection.settimeout(0.5)
    connection.sendall(b"put 0 0 600 2\r\nhi\r\nreserve\r\n")
    eventually(lambda: connection.recv(100).endswith(b"hi\r\n"), "a job is held")
    ballast = fill_up(disk)
    owed = 0
    while STUCK not in node.output():
        connection.sendall(b"touch 1\r\n" * 500)
        owed += 500 * len("TOUCHED\r\n")
        owed -= answers(connection, owed)
    return ballast, owed


def test_alone_it_answers_once_there_is_room(place, small_disk):
    node = place.node(segment_bytes=1 * MIB)
    node.data = small_disk / "queue-1"
    node.start_and_wait()
    with socket.create_connection(node.address) as connection:
        ballast, owed = touch_until_stuck(node, small_disk, connection)
        assert owed > 0 and node.status()["disk_full"]
        ballast.unlink()
        connection.settimeout(20)
        assert answers(connection, owed) == owed
    node.stop()
    assert "the log grows again" in node.output()


def test_a_node_that_waits_for_room_can_be_stopped(place, small_disk):
    node = place.node(segment_bytes=1 * MIB)
    node.data = small_disk / "queue-1"
    node.start_and_wait()
    with socket.create_connection(node.address) as connection:
        touch_until_stuck(node, small_disk, connection)
        assert node.stop() == 0
    assert "not drained" in node.output()
