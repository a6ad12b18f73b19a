"""TLS at every port: who gets in, who does not, and what both are told."""

import signal
import ssl

import pytest
import trustme

from harness import Wire, eventually, run

PUT = b"put 0 0 60 1\r\nx\r\n"
MIB = 1 << 20


class Authority:
    """Signs certificates, and keeps them as files."""

    def __init__(self, directory, name):
        self.ca = trustme.CA()
        self.directory = directory / name
        self.directory.mkdir()
        self.file = self.directory / "ca.pem"
        self.ca.cert_pem.write_to_path(self.file)

    def issue(self, name, *identities):
        """(certificate, key), overwritten where they are there already."""
        cert, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        issued = self.ca.issue_cert(*(identities or ("127.0.0.1", "localhost")))
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return cert, key

    def trusted(self, certificate=None):
        """What a client checks and shows."""
        context = ssl.create_default_context(cafile=str(self.file))
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "ours")


@pytest.fixture
def stranger(tmp_path):
    return Authority(tmp_path, "theirs")


def under_tls(node, authority, certificate=None, **more):
    cert, key = certificate or authority.issue(f"node-{node.number}")
    node.options |= {"tls_cert": cert, "tls_key": key, **more}
    node.tls = authority.trusted()
    return node


@pytest.fixture
def secure(place, authority):
    return under_tls(place.node(), authority).start_and_wait()


def refused(node, context):
    """Whether the handshake fails; TLS 1.3 lets a client find out when it reads."""
    try:
        with Wire(node.address, tls=context) as wire:
            return wire.ask(PUT) == b""
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return True


# --- clients ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_under_tls(secure, authority, version):
    context = authority.trusted()
    context.minimum_version = context.maximum_version = version
    with Wire(secure.address, tls=context) as wire:
        assert wire.socket.version() == version.name.replace("_", ".")
        assert wire.ask(PUT) == b"INSERTED 1\r\n"
        assert wire.ask("reserve\r\n") == b"RESERVED 1 1\r\n"


def test_older_versions_are_refused(secure, authority):
    context = authority.trusted()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert refused(secure, context)


def test_large_and_many_at_once(secure, authority):
    """More than a record, a read, and what the kernel takes at a time; nobody reads meanwhile."""
    body = bytes(range(256)) * 255
    with Wire(secure.address, tls=authority.trusted()) as wire:
        for _ in range(200):
            wire.say(b"put 0 0 60 %d\r\n%s\r\n" % (len(body), body))
        for number in range(200):
            assert wire.line() == b"INSERTED %d\r\n" % (number + 1)
        wire.say(b"reserve\r\n" * 200)
        for number in range(200):
            assert wire.line() == b"RESERVED %d %d\r\n" % (number + 1, len(body))
            assert wire.take(len(body) + 2) == body + b"\r\n"


def test_quit_says_goodbye(secure, authority):
    """An end without TLS's own would look like one that somebody cut."""
    with Wire(secure.address, tls=authority.trusted()) as wire:
        wire.say(PUT + b"quit\r\n")
        assert wire.line() == b"INSERTED 1\r\n"
        wire.socket.suppress_ragged_eofs = False
        assert wire.socket.recv(1) == b""


def test_in_the_clear_at_a_tls_port(secure, authority):
    with Wire(secure.address) as wire:
        assert wire.ask(PUT) == b""
    eventually(lambda: "TLS with a client that connected: what came is not TLS" in secure.output(),
               "the log says why")
    with Wire(secure.address, tls=authority.trusted()) as wire:
        assert wire.ask(PUT) == b"INSERTED 1\r\n"
    eventually(lambda: secure.metric("quartet_tls_failures_total") >= 1, "it is counted")


def test_tls_at_a_port_in_the_clear(node, authority):
    with pytest.raises((ssl.SSLError, OSError)):
        Wire(node.address, tls=authority.trusted())
    eventually(lambda: "a connection speaks TLS, and this node does not" in node.output(),
               "the log says why")


def test_clients_need_a_certificate(place, authority, stranger):
    own = authority.issue("client", "somebody")
    node = under_tls(place.node(), authority, tls_client_ca=authority.file)
    node.tls = authority.trusted(own)
    node.start_and_wait()
    assert refused(node, authority.trusted())
    foreign = authority.trusted()
    foreign.load_cert_chain(*stranger.issue("client", "somebody"))
    assert refused(node, foreign)
    with Wire(node.address, tls=authority.trusted(own)) as wire:
        assert wire.ask(PUT) == b"INSERTED 1\r\n"


def test_commands_ask_by_tls(place, authority):
    own = authority.issue("operator", "operator")
    node = under_tls(place.node(), authority, tls_client_ca=authority.file)
    node.tls = authority.trusted(own)
    node.start_and_wait()
    admin = ["--admin", f"127.0.0.1:{node.admin}"]
    asked = run("status", *admin)
    assert asked.returncode == 1
    assert "and without TLS (--tls-ca)?" in asked.stderr or "does not answer" in asked.stderr
    by_tls = [*admin, "--tls-ca", authority.file, "--tls-cert", own[0], "--tls-key", own[1]]
    assert "leader" in run("status", *by_tls).stdout
    assert run("members", "list", *by_tls).returncode == 0
    wrong = run("status", *admin, "--tls-ca", own[0])
    assert wrong.returncode == 1 and "TLS with 127.0.0.1: " in wrong.stderr


# --- certificates that change ------------------------------------------------------------------------


def serial(node, authority):
    with Wire(node.address, tls=authority.trusted()) as wire:
        return wire.socket.getpeercert()["serialNumber"]


def test_certificates_are_read_anew(place, authority):
    files = authority.issue("node")
    node = under_tls(place.node(), authority, certificate=files).start_and_wait()
    ends = node.metric("quartet_tls_certificate_ends_seconds")
    first = serial(node, authority)
    with Wire(node.address, tls=authority.trusted()) as before:
        authority.issue("node")
        node.signal(signal.SIGHUP)
        eventually(lambda: serial(node, authority) != first, "the new certificate is shown")
        second = serial(node, authority)
        files[0].write_text("no certificate")
        node.signal(signal.SIGHUP)
        eventually(lambda: "the certificates that are in use stay" in node.output(), "it says so")
        assert f"{files[0]}: " in node.output()
        assert serial(node, authority) == second
        assert before.ask(PUT) == b"INSERTED 1\r\n"
    assert ends > 1.7e9


def test_mistakes(tmp_path, authority):
    cert, key = authority.issue("node")
    other = authority.issue("other")[1]
    base = ["queue", "--data", tmp_path / "d", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    peers = ["--peers", "1=127.0.0.1:1,2=127.0.0.1:2"]
    for words, said in [
        (["--tls-key", key], "--tls-key: needs --tls-cert FILE"),
        (["--tls-cert", cert], "--tls-cert: needs --tls-key FILE"),
        (["--tls-cert", tmp_path / "no", "--tls-key", key], "/no: "),
        (["--tls-cert", cert, "--tls-key", other], f"{other}: "),
        (["--tls-cert", cert, "--tls-key", key, "--tls-client-ca", key], f"{key}: "),
        (["--tls-cert", cert, "--tls-key", key, *peers], "it needs --tls-peer-ca FILE"),
    ]:
        result = run(*base, *words)
        assert result.returncode == 2, words
        assert said in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "d").exists()


# --- nodes ------------------------------------------------------------------------------------------


def test_nodes_among_themselves(place, authority, stranger):
    """Three agree under TLS; a fourth of another authority is no peer, whatever it says."""
    cluster = place.cluster()
    for node in cluster.nodes:
        under_tls(node, authority, tls_peer_ca=authority.file)
    cluster.start()
    with Wire(cluster.leader().address, tls=authority.trusted()) as wire:
        assert wire.ask(PUT) == b"INSERTED 1\r\n"
    cluster.wait_agreement()
    cluster.leader().kill()
    alive = [node for node in cluster.nodes if node.running()]
    with Wire(cluster.leader(alive).address, tls=authority.trusted()) as wire:
        assert wire.ask(PUT) == b"INSERTED 2\r\n"

    dead = next(node for node in cluster.nodes if not node.running())
    cert, key = stranger.issue("node")
    dead.options |= {"tls_cert": cert, "tls_key": key, "tls_peer_ca": authority.file}
    dead.start()
    eventually(lambda: any("TLS with a peer that connected: " in n.output() for n in alive),
               "it is not let in")
    cert, key = authority.issue("again")
    dead.kill()
    dead.options |= {"tls_cert": cert, "tls_key": key}
    dead.tls = authority.trusted()
    dead.start_and_wait()
    cluster.wait_agreement()


def test_a_node_that_is_not_who_was_dialed(place, authority):
    """By the same authority, for another name: the dialer does not take it for the peer."""
    cluster = place.cluster()
    for node in cluster.nodes:
        identity = "127.0.0.1" if node.number < 3 else "elsewhere.example"
        certificate = authority.issue(f"n{node.number}", identity)
        under_tls(node, authority, certificate=certificate, tls_peer_ca=authority.file)
        node.start()
    first = cluster.nodes[0]
    eventually(lambda: "TLS with a peer that was dialed: IP address mismatch" in first.output(),
               "the name is checked")
    assert Wire(first.address, tls=authority.trusted())
