"""Three nodes, and what must survive what: every acknowledged job is counted."""

import shutil
import signal
import socket
import time

import greenstalk
import pytest

from harness import DEADLINE_S, Wire, eventually, free_port, http, run
from load import Load


def more_puts(load, count):
    have = load.put_count()
    eventually(lambda: load.put_count() >= have + count, f"{count} more acknowledged puts")


def test_any_node_serves_the_same_queue(cluster):
    clients = [greenstalk.Client(node.address) for node in cluster.nodes]
    put = {client.put(f"by {i}") for i, client in enumerate(clients)}
    taken = set()
    for client in clients:
        job = client.reserve(timeout=10)
        taken.add(job.id)
        client.delete(job)
    assert put == taken
    for client in clients:
        client.close()
    cluster.wait_agreement()


def test_a_reserve_on_one_node_gets_a_put_on_another(cluster):
    first, second = cluster.followers()
    with Wire(first.address) as waiting, greenstalk.Client(second.address) as client:
        waiting.say("reserve\r\n")
        eventually(lambda: client.stats_tube("default")["current-waiting"] == 1, "it waits")
        job_id = client.put("across")
        assert waiting.line() == f"RESERVED {job_id} 6\r\n".encode()
        assert waiting.line() == b"across\r\n"


def test_a_reserve_that_waits_at_a_follower_hears_at_once(place):
    """Not at the leader's next heartbeat, which is seldom here, so that it would show."""
    heartbeat_s = 1.5
    cluster = place.cluster(heartbeat_ms=int(heartbeat_s * 1000), election_timeout_ms=3000).start()
    leader, follower = cluster.leader(), cluster.followers()[0]
    slowest_s = 0
    with Wire(leader.address) as producer, Wire(follower.address) as worker:
        for i in range(5):
            worker.say("reserve-with-timeout 30\r\n")
            eventually(lambda: leader.metric("quartet_queue_waiting") == 1, "the reserve waits")
            began = time.monotonic()
            assert producer.ask(f"put 0 0 60 1\r\n{i}\r\n").startswith(b"INSERTED")
            job = worker.line().split()[1].decode()
            slowest_s = max(slowest_s, time.monotonic() - began)
            assert worker.take(3) == b"%d\r\n" % i
            assert worker.ask(f"delete {job}\r\n") == b"DELETED\r\n"
    assert slowest_s < heartbeat_s / 2


def test_a_client_that_sends_no_more_still_gets_its_answers(cluster):
    """As `printf ... | nc` does: the end of its input comes before the replies of a cluster."""
    for node in cluster.nodes:
        with Wire(node.address) as wire:
            wire.say("put 0 0 60 2\r\nhi\r\npeek-ready\r\nuse other\r\npeek-ready\r\n")
            wire.end()
            assert wire.line().startswith(b"INSERTED ")
            assert wire.line().startswith(b"FOUND ")
            assert wire.line() == b"hi\r\n"
            assert wire.line() == b"USING other\r\n"
            assert wire.line() == b"NOT_FOUND\r\n"
            assert wire.line() == b""


def test_all_that_a_client_said_before_it_fell_silent_is_done(cluster):
    """Also behind a command that holds up those behind it: a kick, a reserve that waits."""
    for node in cluster.nodes:
        with Wire(node.address) as wire:
            wire.say("use k2\r\nkick 257\r\nput 0 0 60 2\r\nhi\r\nwatch k2\r\nignore default\r\n")
            wire.say("reserve\r\nreserve\r\nput 0 0 60 2\r\nho\r\nreserve-with-timeout 9\r\n")
            wire.end()
            assert wire.line() == b"USING k2\r\n"
            assert wire.line() == b"KICKED 0\r\n"
            assert wire.line().startswith(b"INSERTED ")
            assert [wire.line(), wire.line()] == [b"WATCHING 2\r\n", b"WATCHING 1\r\n"]
            assert wire.line().startswith(b"RESERVED ") and wire.line() == b"hi\r\n"
            assert wire.line() == b"TIMED_OUT\r\n"
            assert wire.line().startswith(b"INSERTED ")
            assert wire.line().startswith(b"RESERVED ") and wire.line() == b"ho\r\n"
            assert wire.line() == b""
        with greenstalk.Client(node.address, watch="k2", use="k2") as client:
            for _ in range(2):  # they came back when their worker went
                client.delete(client.reserve(timeout=10))


def test_a_client_that_sends_no_more_is_given_no_job_that_comes_later(cluster):
    first, second = cluster.followers()
    with Wire(first.address) as gone, greenstalk.Client(second.address) as client:
        gone.say("reserve\r\n")
        gone.end()
        assert gone.line() == b"TIMED_OUT\r\n"
        assert gone.line() == b""
        eventually(lambda: client.stats_tube("default")["current-waiting"] == 0, "it is forgotten")
        job_id = client.put("for one who reads")
        assert client.reserve(timeout=10).id == job_id


def test_nothing_happens_and_each_job_has_one_holder(cluster):
    with Load(cluster.nodes, producers=2, workers=4, calm=True) as load:
        more_puts(load, 300)
        load.stop()
    load.check_nothing_lost(cluster.leader())


def test_kill_minus_9_of_each_node_in_turn(cluster):
    with Load(cluster.nodes) as load:
        more_puts(load, 50)
        for victim in cluster.nodes:
            victim.kill()
            more_puts(load, 50)
            victim.start_and_wait()
            more_puts(load, 20)
        load.stop()
    load.check_nothing_lost(cluster.leader())
    cluster.wait_agreement()


def test_the_leader_killed_again_and_again(cluster):
    with Load(cluster.nodes) as load:
        for _ in range(4):
            more_puts(load, 30)
            victim = cluster.leader()
            victim.kill()
            more_puts(load, 30)
            victim.start_and_wait()
        load.stop()
    load.check_nothing_lost(cluster.leader())


def test_all_killed_at_once(cluster):
    with Load(cluster.nodes) as load:
        more_puts(load, 100)
        cluster.kill()
        for node in cluster.nodes:
            node.start()
        for node in cluster.nodes:
            node.wait_healthy()
        more_puts(load, 20)
        load.stop()
    load.check_nothing_lost(cluster.leader())


def test_a_paused_leader_is_replaced_and_comes_back(cluster):
    with Load(cluster.nodes) as load:
        more_puts(load, 50)
        paused = cluster.leader()
        others = [node for node in cluster.nodes if node is not paused]
        paused.signal(signal.SIGSTOP)
        try:
            assert cluster.leader(among=others) is not paused
            more_puts(load, 50)
        finally:
            paused.signal(signal.SIGCONT)
        paused.wait_healthy()
        more_puts(load, 50)
        load.stop()
    load.check_nothing_lost(paused)
    cluster.wait_agreement()


def test_failover_is_quick(cluster):
    with Load(cluster.nodes, producers=3, workers=1) as load:
        more_puts(load, 30)
        leader = cluster.leader()
        leader.kill()
        killed_at = time.monotonic()
        eventually(lambda: load.last_put_at > killed_at + 0.001, "a put by the new leader")
        assert load.last_put_at - killed_at < 10  # the bench measures; this only sees that it is
        load.stop()


def test_a_wiped_directory_rejoins(cluster):
    with Load(cluster.nodes) as load:
        more_puts(load, 50)
        victim = cluster.followers()[0]
        victim.kill()
        shutil.rmtree(victim.data)
        more_puts(load, 20)
        victim.start_and_wait()
        more_puts(load, 20)
        others = [node for node in cluster.nodes if node is not victim]
        others[0].kill()  # now the one that was wiped is needed for a majority
        more_puts(load, 20)
        others[0].start_and_wait()
        load.stop()
    load.check_nothing_lost(cluster.leader())
    cluster.wait_agreement()


def test_a_follower_far_behind_takes_a_snapshot(place):
    cluster = place.cluster(segment_bytes=65536, compact_bytes=131072).start()
    follower = cluster.followers()[0]
    follower.kill()
    leader = cluster.leader(among=[n for n in cluster.nodes if n is not follower])
    with greenstalk.Client(leader.address) as client:
        for i in range(30):
            job_id = client.put(f"{i}".ljust(20000, "."))
            if i % 3:
                client.delete(job_id)
    eventually(lambda: leader.files("snapshot-*"), "the leader has a snapshot")
    follower.start_and_wait()
    cluster.wait_agreement()
    with greenstalk.Client(follower.address) as client:
        assert client.stats_tube("default")["current-jobs-ready"] == 10


def test_damage_on_one_node_is_repaired_by_its_peers(cluster):
    with greenstalk.Client(cluster.nodes[0].address) as client:
        for i in range(50):
            client.put(f"job {i}")
    victim = cluster.followers()[0]
    victim.kill()
    segment = victim.files("log-" + "[0-9a-f]" * 16)[-1]
    with open(segment, "r+b") as file:
        file.seek(2000)
        byte = file.read(1)
        file.seek(2000)
        file.write(bytes([byte[0] ^ 1]))
    cut = run("log", "cut", "--data", victim.data)
    assert cut.returncode == 1 and "its peers repair it" in cut.stdout
    for earlier in range(8):
        (victim.data / f"log-{earlier + 0x100:016x}.damaged").touch()
    victim.start_and_wait()
    aside = victim.data / (segment.name + ".damaged")
    eventually(aside.exists, "the damaged segment is set aside")
    eventually(lambda: "is deleted: 8 newer files" in victim.output(), "the oldest is deleted")
    assert "damaged" in victim.output()
    cluster.wait_agreement()
    with greenstalk.Client(cluster.leader().address) as client:
        client.put("one more")
    cluster.wait_agreement()
    victim.kill()
    victim.start_and_wait()
    assert len(victim.files("log-*.damaged")) == 8
    assert victim.output().count("kept as") == 1  # the gap that is left is no new damage
    assert victim.status()["trusted"]
    cluster.wait_agreement()


def test_damaged_snapshot_and_lost_log_are_repaired_by_the_peers(place):
    cluster = place.cluster(segment_bytes=65536, compact_bytes=131072).start()
    with greenstalk.Client(cluster.leader().address) as client:
        for i in range(30):
            client.put(f"{i}".ljust(20000, "."))
    damaged, logless = cluster.followers()
    for victim in (damaged, logless):
        cluster.wait_agreement()
        eventually(lambda: victim.files("snapshot-*"), "there is a snapshot")
        victim.kill()
        if victim is damaged:
            with open(victim.files("snapshot-*")[-1], "r+b") as file:
                file.seek(1000)
                file.write(b"\xff\x00\xff")
        else:
            for segment in victim.files("log-*"):
                segment.unlink()
        victim.start_and_wait()
        cluster.wait_agreement()
    eventually(lambda: damaged.files("snapshot-*.damaged"), "the damaged snapshot is set aside")
    with greenstalk.Client(cluster.leader().address) as client:
        assert client.stats_tube("default")["current-jobs-ready"] == 30


def test_no_majority_no_acknowledgement(cluster):
    leader = cluster.leader()
    for node in cluster.followers():
        node.kill()
    with Wire(leader.address) as wire:
        wire.say("put 0 0 60 1\r\nx\r\n")
        answer = wire.line()  # refused, or closed: never INSERTED
    assert not answer.startswith(b"INSERTED"), answer
    for node in cluster.nodes:
        if not node.running():
            node.start()
    for node in cluster.nodes:
        node.wait_healthy()
    with greenstalk.Client(leader.address) as client:
        client.put("again")


def test_replies_behind_one_that_waits_are_bounded(cluster):
    """What can be answered at once stands behind a put that no majority takes: not without end."""
    leader, followers = cluster.leader(), cluster.followers()
    for node in followers:
        node.signal(signal.SIGSTOP)
    with Wire(leader.address) as wire:
        wire.say("put 0 0 60 1\r\nx\r\n")
        wire.socket.settimeout(1)
        said = 0
        try:
            while said < 64 << 20:  # of replies, eleven times as much
                said += wire.socket.send(b"\r\n" * 50000)
        except TimeoutError:
            pass
        for node in followers:
            node.signal(signal.SIGCONT)
        assert said < 64 << 20, "it went on reading"
        wire.socket.settimeout(DEADLINE_S)
        assert wire.line() == b"INSERTED 1\r\n"
        for _ in range(said // 2):
            assert wire.line() == b"UNKNOWN_COMMAND\r\n"


def test_clients_that_went_while_no_one_led_share_what_tells_of_it(cluster):
    """The ends of their sessions are kept until someone leads: not an entry of the log for each."""
    left, *others = cluster.nodes
    for node in others:
        node.kill()
    eventually(lambda: left.status()["leader"] == 0, "it knows of no leader")
    for _ in range(2000):
        with Wire(left.address) as wire:
            wire.say("put 0 0 60 1\r\nx\r\n")
    with Wire(left.address) as wire:
        for _ in range(3):  # what they asked is refused, then they end, then that is kept
            assert wire.ask("put 0 0 60 1\r\nx\r\n") == b"DRAINING\r\n"
    for node in others:
        node.start()
    for node in cluster.nodes:
        node.wait_healthy()
    with greenstalk.Client(left.address) as client:
        client.put("the first that is taken")
    assert left.status()["last_index"] < 500
    assert left.status()["sessions"] <= 1


def test_without_a_leader_commands_are_refused_in_the_protocols_words(cluster):
    leader = cluster.leader()
    left, other = cluster.followers()
    leader.kill()
    other.kill()
    eventually(lambda: left.status()["leader"] == 0, "it knows of no leader")
    with Wire(left.address) as wire:
        assert wire.ask("put 0 0 60 1\r\nx\r\n") == b"DRAINING\r\n"
        assert wire.ask("reserve-with-timeout 0\r\n") == b"INTERNAL_ERROR\r\n"
        assert wire.ask("delete 1\r\n") == b"INTERNAL_ERROR\r\n"


def test_no_majority_no_health(cluster):
    leader = cluster.leader()
    for node in cluster.followers():
        node.kill()
    eventually(lambda: not leader.status()["healthy"], "it knows that it cannot lead")


def test_peers_of_another_cluster_are_refused(place):
    cluster = place.cluster().start()
    stranger = place.cluster(directory=place.directory / "other").start()
    node = stranger.nodes[2]
    stranger.kill()  # or it would not look for its peers anywhere else than where its log has them
    refused = cluster.nodes[0].metric("quartet_peer_refused_total")
    # It believes in the wrong peers: the other cluster's first two.
    node.peers = ",".join(
        f"{n.number}=127.0.0.1:{n.peer_port}" for n in (*cluster.nodes[:2], node)
    )
    node.start()
    eventually(
        lambda: cluster.nodes[0].metric("quartet_peer_refused_total") > refused, "it is refused"
    )
    with greenstalk.Client(cluster.nodes[0].address) as client:
        client.put("all is well")
    assert cluster.nodes[0].status()["healthy"]


def test_peers_with_another_secret_are_refused(place):
    (place.directory / "one").write_text("secret one\n")
    (place.directory / "two").write_text("secret two\n")
    cluster = place.cluster(secret_file=place.directory / "one").start()
    victim = cluster.followers()[0]
    victim.kill()
    victim.options["secret_file"] = place.directory / "two"
    victim.start()
    eventually(
        lambda: cluster.leader().metric("quartet_peer_refused_total") > 0, "it is refused"
    )
    with pytest.raises(AssertionError):
        eventually(lambda: victim.status()["healthy"], "healthy all the same", deadline_s=2)
    victim.kill()
    victim.options["secret_file"] = place.directory / "one"
    victim.start_and_wait()


def test_who_meets_a_node_that_founded_alone_hears_what_to_do(place):
    cluster = place.cluster()
    alone, *others = cluster.nodes
    peers, alone.peers = alone.peers, None
    alone.start_and_wait().stop()
    alone.peers = peers
    for node in cluster.nodes:
        node.start()
    for node in others:
        told = "peer-refuses-us peer=1 why=not a member of the cluster there; see quartet members"
        eventually(lambda node=node, told=told: told in node.output(), "it is told")


def test_a_member_is_not_started_as_a_node_alone(cluster):
    victim = cluster.followers()[0]
    victim.stop()
    peers, victim.peers = victim.peers, None
    victim.start()
    assert victim.wait() == 1
    assert "start it with the --peers" in victim.output()
    victim.peers = peers
    victim.start_and_wait()


def test_a_node_that_moved_hears_why_nobody_finds_it(cluster):
    victim = cluster.followers()[0]
    victim.stop()
    peers, moved = victim.peers, free_port()
    victim.peers = peers.replace(f":{victim.peer_port}", f":{moved}")
    victim.start()
    said = f"address-differs members=127.0.0.1:{victim.peer_port} peers=127.0.0.1:{moved} why="
    eventually(lambda: said in victim.output(), "it is said")
    assert victim.stop() == 0
    victim.peers = peers
    victim.start_and_wait()


def test_an_unknown_peer_name_is_reported_and_not_fatal(place):
    node = place.node()
    node.peers = f"1=127.0.0.1:{node.peer_port},2=no-such-host.invalid:7000"
    node.start()
    eventually(lambda: "no-such-host.invalid" in node.output().split("data in")[-1], "it is said")
    assert node.running()
    assert node.stop() == 0


def test_drain_of_a_node_under_load(cluster):
    with Load(cluster.nodes) as load:
        more_puts(load, 50)
        for node in cluster.nodes:
            assert node.stop() == 0
            more_puts(load, 20)
            node.start_and_wait()
        load.stop()
    load.check_nothing_lost(cluster.leader())


def test_nonsense_between_peers_changes_nothing(cluster):
    for node in cluster.nodes:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", node.peer_port)) as wire:
                wire.sendall(b"\x01" * 2000)
    cluster.wait_agreement()
    with greenstalk.Client(cluster.nodes[0].address) as client:
        client.put("fine")


def test_leadership_goes_where_it_is_sent_and_nothing_is_lost(cluster):
    with Load(cluster.nodes) as load:
        more_puts(load, 50)
        for _ in range(2):
            for target in cluster.nodes:
                leader = cluster.leader()
                if leader is target:
                    continue
                query = f"/members?do=transfer&id={target.number}"
                assert http(leader.admin, query, "POST")[0] == 200
                eventually(lambda: cluster.leader() is target, f"node {target.number} leads")
                more_puts(load, 20)
        load.stop()
    load.check_nothing_lost(cluster.leader())
    cluster.wait_agreement()


def test_a_transfer_that_cannot_be_says_why(cluster):
    leader = cluster.leader()
    for query, status, says in [
        ("id=9", 409, "not another voter"),
        (f"id={leader.number}", 409, "not another voter"),
        ("id=x", 400, ""),
        ("", 400, ""),
    ]:
        answer = http(leader.admin, f"/members?do=transfer&{query}", "POST")
        assert answer[0] == status and says in answer[1], answer
    assert cluster.leader() is leader


def test_verbose_tells_every_message(place):
    cluster = place.cluster()
    for node in cluster.nodes:
        node.env = {"QUARTET_VERBOSE": "1"}
    cluster.start()
    leader = cluster.leader()
    with greenstalk.Client(leader.address) as client:
        client.put("seen")
    told = f"sends message=append from={leader.number}"
    eventually(lambda: told in leader.output(), "the leader tells what it sends")
    for node in cluster.followers():
        eventually(lambda: f"hears message=append from={leader.number}" in node.output(), "heard")
        eventually(lambda: "sends message=append-reply" in node.output(), "answered, once durable")
    # Two of three elect; the third may have been unreachable still.
    assert "sends message=vote " in leader.output()
    assert any("hears message=vote " in node.output() for node in cluster.nodes)
