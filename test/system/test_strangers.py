"""The peer port is open to whoever reaches it: what one may do there who is no node."""

from strangers import CLOCK, PROOF, REFUSED, WELCOME, Stranger, nonce_of, proof_of


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
