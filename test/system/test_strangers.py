"""The peer port is open to whoever reaches it: what one may do there who is no node."""

import socket
import struct

import pytest

from harness import eventually, http
from strangers import (
    CLOCK,
    FORWARD,
    MEMBER,
    PROOF,
    REFUSED,
    WELCOME,
    Stranger,
    frame,
    nonce_of,
    proof_of,
)


def test_no_node_proves_the_secret_for_another(place):
    """Who asks node B, in the name of node A, what answers A's nonce, must not get in at A as B."""
    (place.directory / "secret").write_text("nobody knows\n")
    cluster = place.cluster(secret_file=place.directory / "secret").start()
    a, b, _ = cluster.nodes
    with Stranger(a) as at_a, Stranger(b) as at_b:
        kind, welcome = at_a.hello(b.number, a.number)
        assert kind == WELCOME
        kind, oracle = at_b.hello(a.number, b.number, nonce=nonce_of(welcome))
        assert kind == WELCOME
        at_a.send(PROOF, proof_of(oracle))
        at_a.send(CLOCK, (7).to_bytes(8, "little"))
        heard = at_a.hear()
        assert heard is not None and heard[0] == REFUSED


def test_nobody_is_dialed_on_a_strangers_word(place):
    """A node that waits to be added listens to the members of any cluster: if they know the secret."""
    (place.directory / "secret").write_text("nobody knows\n")
    node = place.node(2, secret_file=place.directory / "secret")
    node.options |= {"join": "1=127.0.0.1:9", "peer_listen": f"127.0.0.1:{node.peer_port}"}
    node.start()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        address = f"127.0.0.1:{trap.getsockname()[1]}".encode()
        stranger = eventually(lambda: Stranger(node), "it listens")
        with stranger:
            kind, _ = stranger.hello(7, 2, cluster=1, membership=MEMBER, index=9, address=address)
            assert kind == WELCOME
            stranger.send(PROOF, bytes(32))
            assert stranger.hear()[0] == REFUSED
            assert stranger.hear() is None
        eventually(lambda: http(node.admin, "/health"), "it has taken a turn")
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_silent_strangers_keep_no_node_out(place):
    cluster = place.cluster().start()
    victim = cluster.followers()[0]
    others = [node for node in cluster.nodes if node is not victim]
    silent = [Stranger(node) for node in others for _ in range(80)]
    victim.kill()
    victim.start_and_wait()
    for stranger in silent:
        assert stranger.hear() is None  # closed: it did not say who it is
        stranger.close()


def test_a_stranger_is_not_listened_to_for_long(place):
    """A frame between nodes may be 20 MiB long, but none from one who is not introduced."""
    node = place.cluster().start().leader()
    with Stranger(node) as stranger:
        stranger.say((20 << 20).to_bytes(4, "little") + bytes(64 << 10))
        assert stranger.hear() is None
    assert node.metric("quartet_peer_bad_frames_total") > 0


def test_a_forwarded_batch_that_no_entry_holds_is_refused(place):
    """A frame holds up to 20 MiB, an entry of the log 16."""
    cluster = place.cluster().start()
    leader = cluster.leader()
    other = cluster.followers()[0]
    other.kill()
    body = bytes(17 << 20)
    batch = struct.pack("<IQQIBII", other.number, 1 << 40, 1, 1, 0, 1, len(body)) + body
    forward = frame(FORWARD, batch, group=0)  # takes long, and who is silent is hung up on
    with Stranger(leader) as stranger:
        kind, _ = stranger.hello(other.number, leader.number)
        assert kind == WELCOME
        stranger.send(PROOF, bytes(32))
        stranger.say(forward)
        eventually(lambda: leader.metric("quartet_peer_bad_frames_total") > 0, "it is refused")
    assert leader.running()


def test_a_node_too_many_in_a_clusters_life_is_not_added(place):
    """The replicated state tells 64 nodes apart. A 65th would be served like any member, and what
    it forwards for its clients dropped without a word."""
    node = place.node()
    node.peers = f"1=127.0.0.1:{node.peer_port}"
    node.start_and_wait()

    def change(what, number, address="127.0.0.1:9"):
        return http(node.admin, f"/members?do={what}&id={number}&address={address}", "POST")

    def hears(number):
        with Stranger(node) as stranger:
            return stranger.hello(number, node.number)[0]

    for number in range(2, 65):
        if number % 8 == 0:  # who went is known for a while, and only so many are at a time
            eventually(lambda: hears(number - 1) == REFUSED, "it is forgotten")
        assert change("add", number)[0] == 200
        with Stranger(node) as stranger:
            assert stranger.hello(number, node.number)[0] == WELCOME
            stranger.send(PROOF, bytes(32))
            applied = node.status()["applied_index"]
            stranger.send(FORWARD, struct.pack("<IQQIBII", number, 1, 1, 1, 2, 0, 0), group=0)
            eventually(lambda: node.status()["applied_index"] > applied, "its life has begun")
        assert change("remove", number)[0] == 200
    status, words = change("add", 65)
    assert status == 409 and "give it the number of one that was removed" in words
    assert change("add", 17)[0] == 200
