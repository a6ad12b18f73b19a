"""One node alone: what it keeps over restarts, and what it does about damage, a full disk, nonsense."""

import os
import signal
import socket
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import greenstalk
import pytest

from harness import DEADLINE_S, Wire, eventually, http, run

HEADER = 64  # of a segment, and 48 of a batch: specs/disk.md
MIB = 1 << 20


def put_many(node, count, size=20, first=0):
    """Numbered jobs; returns {id: body}."""
    with greenstalk.Client(node.address) as client:
        bodies = [f"job {first + i} ".ljust(size, ".") for i in range(count)]
        return {client.put(body): body for body in bodies}


def take_all(node):
    """Reserves and deletes everything that is ready; {id: body}."""
    found = {}
    with greenstalk.Client(node.address) as client:
        while True:
            try:
                job = client.reserve(timeout=0)
            except greenstalk.TimedOutError:
                return found
            found[job.id] = job.body
            client.delete(job)


# --- restarts ---------------------------------------------------------------------------------------


def test_kill_minus_9_loses_nothing(node):
    put = put_many(node, 100)
    node.kill()
    node.start_and_wait()
    assert take_all(node) == put


def test_deleted_jobs_stay_deleted(node):
    put_many(node, 10)
    take_all(node)
    node.kill()
    node.start_and_wait()
    assert take_all(node) == {}


def test_fsync_never_survives_kill_minus_9(place):
    node = place.node(fsync="never").start_and_wait()
    put = put_many(node, 100)
    node.kill()
    node.start_and_wait()
    assert take_all(node) == put


def test_states_survive(node):
    with greenstalk.Client(node.address) as client:
        delayed = client.put("delayed", delay=3600, priority=5)
        buried = client.put("buried")
        client.bury(client.reserve_job(buried), priority=9)
        client.reserve_job(client.put("held"))
    node.kill()
    node.start_and_wait()
    with greenstalk.Client(node.address) as client:
        assert client.stats_job(delayed)["state"] == "delayed"
        assert client.stats_job(buried)["state"] == "buried"
        assert client.stats_job(buried)["pri"] == 9
        assert client.reserve(timeout=0).body == "held"  # its holder is gone


def test_snapshots_replace_the_log(place):
    node = place.node(segment_bytes=65536, compact_bytes=262144).start_and_wait()
    kept = put_many(node, 10)
    for i in range(12):
        put_many(node, 100, size=1000, first=100 * i)
        with greenstalk.Client(node.address) as client:
            for _ in range(100):
                job = client.reserve(timeout=0)
                while job.id in kept:
                    client.bury(job)
                    job = client.reserve(timeout=0)
                client.delete(job)
    eventually(lambda: node.files("snapshot-*"), "a snapshot")
    eventually(
        lambda: sum(f.stat().st_size for f in node.files("log-*")) < 600000, "old segments go"
    )
    assert len(node.files("snapshot-*")) == 1
    node.kill()
    node.start_and_wait()
    with greenstalk.Client(node.address) as client:
        client.kick(1000)
    assert take_all(node) == kept


def test_sigterm_drains_and_exits_0(node):
    put = put_many(node, 10)
    with Wire(node.address) as waiting:
        waiting.say("reserve-with-timeout 0\r\nreserve\r\n")
        waiting.line()
        assert node.stop() == 0
        assert waiting.closed()
    assert "stopped" in node.output()
    node.start_and_wait()
    assert take_all(node) == put


def test_second_signal_exits_at_once(place):
    node = place.node().start_and_wait()
    node.signal(signal.SIGTERM)
    node.signal(signal.SIGINT)
    assert node.wait() in (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)


# --- whose directory --------------------------------------------------------------------------------


def test_directory_in_use(place, node):
    other = place.node()
    other.start()
    assert other.wait() == 1
    assert "in use by another process" in other.output()


def test_directory_of_another_node(place, node):
    put_many(node, 1)
    assert node.stop() == 0
    other = place.node(number=2)
    other.data = node.data
    other.start()
    assert other.wait() == 1
    last = other.output().strip().splitlines()[-1]
    assert "node 1" in last and "2" in last, last


def test_newer_format_is_refused(node):
    put_many(node, 1)
    assert node.stop() == 0
    segment = node.files("log-*[0-9a-f]")[-1]
    blob = bytearray(segment.read_bytes())
    blob[4] = 9
    blob[60:64] = crc32c(blob[:60]).to_bytes(4, "little")
    segment.write_bytes(blob)
    node.start()
    assert node.wait() == 1
    assert "is of log format 9, this quartet reads format 2" in node.output()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# --- torn and damaged -------------------------------------------------------------------------------


def batches(segment):
    """Offsets of the batches in a segment file."""
    blob = segment.read_bytes()
    offset, found = HEADER, []
    while blob[offset : offset + 4] == b"QBAT":
        found.append(offset)
        size = int.from_bytes(blob[offset + 4 : offset + 8], "little")
        offset += (48 + size + 1 + 7) // 8 * 8
    return found, offset


def newest_segment(node):
    return node.files("log-" + "[0-9a-f]" * 16)[-1]


def test_damage_in_the_middle_is_named_and_refused(node):
    put_many(node, 50)
    node.kill()
    segment = newest_segment(node)
    offsets, _ = batches(segment)
    where = offsets[len(offsets) // 2]
    with open(segment, "r+b") as file:
        file.seek(where + 60)
        byte = file.read(1)
        file.seek(where + 60)
        file.write(bytes([byte[0] ^ 0x40]))
    node.start()
    assert node.wait() == 1
    says = node.output()
    assert segment.name in says and str(where) in says, says

    shown = run("log", "show", "--data", node.data)
    assert shown.returncode == 1 and "damaged" in shown.stdout
    cut = run("log", "cut", "--data", node.data)
    assert cut.returncode == 0, cut
    assert (node.data / (segment.name + ".damaged")).exists()
    node.start_and_wait()
    left = take_all(node)
    assert 0 < len(left) < 50


def test_torn_tail_is_cut_and_said(node):
    put = put_many(node, 20)
    eventually(lambda: len(batches(newest_segment(node))[0]) > 20, "the log is written")
    node.kill()
    segment = newest_segment(node)
    found, end = batches(segment)
    with open(segment, "r+b") as file:  # a header that no body followed: no one was told of it
        file.seek(found[-1])
        last = file.read(48)
        sequence = int.from_bytes(last[16:24], "little")
        header = b"QBAT" + (4096).to_bytes(4, "little") + last[8:16]
        header += (sequence + 1).to_bytes(8, "little") + sequence.to_bytes(8, "little")
        header += bytes(8) + b"\x01\x02\x03\x04"
        file.seek(end)
        file.write(header + crc32c(header).to_bytes(4, "little"))
    node.start_and_wait()
    assert "torn" in node.output()
    assert take_all(node) == put


def test_log_of_a_healthy_node(node):
    put_many(node, 3)
    assert node.stop() == 0
    shown = run("log", "show", "--batches", "--data", node.data)
    assert shown.returncode == 0 and "clean" in shown.stdout
    last = [line for line in shown.stdout.splitlines() if " offset " in line][-1]
    assert last.endswith(" STOPPED") and " ENTRY " in shown.stdout
    cut = run("log", "cut", "--data", node.data)
    assert cut.returncode == 0 and "nothing to cut" in cut.stdout


def test_damaged_snapshot_is_named_and_refused(place):
    node = place.node(segment_bytes=65536, compact_bytes=131072)
    node.start_and_wait()
    with greenstalk.Client(node.address) as client:
        for i in range(30):
            client.put(f"{i}".ljust(20000, "."))
    eventually(lambda: node.files("snapshot-*"), "there is a snapshot")
    assert node.stop() == 0
    snapshot = node.files("snapshot-*")[-1]
    blob = bytearray(snapshot.read_bytes())
    first = 8 + int.from_bytes(blob[0:4], "little")  # the second chunk begins here
    blob[first + 100] ^= 1
    snapshot.write_bytes(blob)
    node.start()
    assert node.wait() == 1
    says = node.output()
    assert snapshot.name in says and f"offset {first}:" in says, says
    shown = run("log", "show", "--data", node.data)
    assert shown.returncode == 1 and f"damaged at offset {first}" in shown.stdout
    cut = run("log", "cut", "--data", node.data)
    assert cut.returncode == 1 and "cannot be cut" in cut.stdout
    snapshot.write_bytes(b"")  # as a copy to a full disk leaves it: damaged, not "none"
    node.log.unlink()
    node.start()
    assert node.wait() == 1
    assert f"{snapshot.name} at offset 0: damaged" in node.output(), node.output()
    shown = run("log", "show", "--data", node.data)
    assert shown.returncode == 1 and "damaged at offset 0" in shown.stdout


# --- a full disk (and test_full_disk.py) --------------------------------------------------------------


def test_full_disk_refuses_growth_and_lives(place, small_disk):
    node = place.node(directory=small_disk, segment_bytes=1 * MIB)
    node.log = place.directory / "node.log"
    node.start_and_wait()
    ballast = small_disk / "ballast"  # somebody else fills the disk
    with greenstalk.Client(node.address) as client:
        put = [client.put(f"job {i}") for i in range(50)]
        ballast.write_bytes(b"x" * (20 * MIB))

        def refused():
            try:
                put.append(client.put("more"))
            except greenstalk.OutOfMemoryError:
                return True
            return False

        eventually(refused, "growth is refused")
        client.bury(client.reserve(timeout=0))  # what does not grow works
        client.release(client.reserve(timeout=0))
        for job_id in put[10:]:
            client.delete(job_id)
        assert node.status()["disk_full"] and node.running()
        ballast.unlink()
        eventually(lambda: not refused(), "puts are accepted once there is room", every_s=0.2)
    node.kill()
    node.start_and_wait()
    assert "more" in take_all(node).values()  # now all is applied: counts are local
    with greenstalk.Client(node.address) as client:
        assert client.stats()["current-jobs-buried"] == 1


def test_a_disk_filled_in_one_go(place, small_disk):
    """Faster than any watch of once a second: the node looks at every new segment too."""
    node = place.node(directory=small_disk, segment_bytes=1 * MIB, compact_bytes=4 * MIB)
    node.log = place.directory / "node.log"
    node.start_and_wait()
    put = []
    with greenstalk.Client(node.address) as client:
        with pytest.raises(greenstalk.OutOfMemoryError):
            for _ in range(1000):
                put.append(client.put("x" * 50000))
        assert len(put) > 20
        client.delete(put.pop())
    node.kill()
    node.start_and_wait()
    assert sorted(take_all(node)) == sorted(put)


# --- nonsense ---------------------------------------------------------------------------------------

NONSENSE = [
    b"\x00" * 1000,
    os.urandom(3000),
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"put 1 2 3 4294967295\r\n" + b"y" * 1000,
    b"\r\n" * 500,
    b"put" + b" " * 300 + b"\r\n",
    b"QPER" + os.urandom(500),
    b"\xff" * 70000,
]


@pytest.mark.parametrize("port", ["port", "admin", "peer_port"])
def test_nonsense_on_every_port(place, port):
    node = place.cluster().start().leader()
    for bytes_ in NONSENSE:
        with socket.create_connection(("127.0.0.1", getattr(node, port)), timeout=5) as wire:
            try:
                wire.sendall(bytes_)
                wire.shutdown(socket.SHUT_WR)
                while wire.recv(65536):
                    pass
            except OSError:
                pass  # refused in the middle: as good
    assert node.running()
    put = put_many(node, 3)
    assert take_all(node) == put


def test_many_half_open_connections(node):
    wires = [Wire(node.address) for _ in range(200)]
    for wire in wires:
        wire.say("put 1 0 60 100\r\nhalf")
    put = put_many(node, 3)
    for wire in wires:
        wire.close()
    assert take_all(node) == put


def test_connections_max(place):
    node = place.node(connections_max=5).start_and_wait()
    wires = [Wire(node.address) for _ in range(5)]
    for wire in wires:
        assert wire.ask("list-tube-used\r\n") == b"USING default\r\n"
    with Wire(node.address) as sixth:
        assert sixth.line() == b"OUT_OF_MEMORY\r\n"  # and why, not silence
        assert sixth.closed()
    assert node.metric("quartet_clients_refused_total") == 1
    wires.pop().close()

    def fits():
        with Wire(node.address) as again:
            return again.ask("list-tube-used\r\n") == b"USING default\r\n"

    eventually(fits, "a place is free again")
    for wire in wires:
        wire.close()


def put_at_once(node, wires):
    """One put on each, in this order, all found readable in one poll; {wire: id}."""
    node.signal(signal.SIGSTOP)
    os.waitpid(node.process.pid, os.WUNTRACED)
    for wire in wires:
        wire.say("put 0 0 60 1\r\nx\r\n")
    node.signal(signal.SIGCONT)
    return {wire: int(wire.line().split()[1]) for wire in wires}


@pytest.mark.parametrize("fsync", ["never", "always"])
def test_who_was_served_longest_ago_comes_first(place, fsync):
    node = place.node(fsync=fsync).start_and_wait()
    wires = [Wire(node.address) for _ in range(200)]
    first = put_at_once(node, wires)
    second = put_at_once(node, wires[::-1])
    assert sorted(wires, key=second.get) == sorted(wires, key=first.get)


@pytest.mark.parametrize("fsync", ["never", "always"])
def test_more_readable_at_once_than_are_put_in_order(place, fsync):
    node = place.node(fsync=fsync).start_and_wait()
    wires = [Wire(node.address) for _ in range(700)]
    for wire in wires[::7]:
        wire.say("put 0 0 60 1\r\n")  # and then nothing: these go away among the others
    put_at_once(node, [wire for i, wire in enumerate(wires) if i % 7 != 0])
    node.signal(signal.SIGSTOP)
    os.waitpid(node.process.pid, os.WUNTRACED)
    for i, wire in enumerate(wires):
        wire.close() if i % 7 == 0 else wire.say("reserve\r\n")
    node.signal(signal.SIGCONT)
    rest = [wire for i, wire in enumerate(wires) if i % 7 != 0]
    assert len({wire.line() for wire in rest}) == len(rest) == 600


@pytest.mark.parametrize("fsync", ["always", "never"])
def test_replies_to_many_commands_at_once_are_whole_and_in_order(place, fsync):
    node = place.node(fsync=fsync).start_and_wait()
    asked, expected = b"", b""
    for number in range(1, 81):
        body = bytes([number]) * (number * number * 7)  # up to 44,800 bytes
        size = len(body)
        asked += b"put 0 0 60 %d\r\n%s\r\nreserve\r\ndelete %d\r\n" % (size, body, number)
        expected += b"INSERTED %d\r\nRESERVED %d %d\r\n" % (number, number, size)
        expected += body + b"\r\nDELETED\r\n"
    with Wire(node.address) as client:
        client.say(asked)
        assert client.take(len(expected)) == expected


def test_goes_to_sleep_after_a_busy_moment(node):
    with Wire(node.address) as client:
        for _ in range(200):
            assert client.ask("use other\r\n") == b"USING other\r\n"
    states = []

    def asleep():
        states.append(open(f"/proc/{node.process.pid}/stat").read().rsplit(")", 1)[1].split()[0])
        return len(states) >= 50 and set(states[-50:]) == {"S"}

    eventually(asleep, "the server sleeps", every_s=0.002)


def test_a_client_that_does_not_read(node):
    """Replies beyond the limit stop its reading, not the node, and none is lost."""
    with greenstalk.Client(node.address) as client:
        client.put("x" * 60000)
    with Wire(node.address) as lazy:
        lazy.socket.settimeout(0.5)
        said = 0
        try:
            for _ in range(400):
                lazy.say("peek-ready\r\n" * 5)
                said += 5
        except TimeoutError:
            pass
        put_many(node, 5)  # others are served
        lazy.socket.settimeout(DEADLINE_S)
        for _ in range(min(said, 200)):
            assert lazy.line() == b"FOUND 1 60000\r\n"
            assert len(lazy.take(60002)) == 60002


def test_idle_admin_connections_keep_nobody_out(node):
    idle = [socket.create_connection(("127.0.0.1", node.admin)) for _ in range(64)]
    for _ in range(8):
        assert http(node.admin, "/health")[0] == 200
    idle[0].settimeout(DEADLINE_S)
    assert idle[0].recv(1) == b""  # the oldest had to go
    for wire in idle:
        wire.close()


def most_memory(node):
    """The most that it ever held at a time, in bytes."""
    status = Path(f"/proc/{node.process.pid}/status")
    if not status.exists():
        pytest.skip("no /proc here")
    return int(status.read_text().split("VmHWM:")[1].split()[0]) << 10


def test_an_admin_who_does_not_read(node):
    """Pages are far larger than requests: who takes none of them is not served more and more."""
    with greenstalk.Client(node.address) as client:
        for number in range(300):
            client.use(f"tube-{number}")
            client.put("x")
    page = len(http(node.admin, "/metrics")[1])
    request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    count = (128 << 10) // len(request)
    before = most_memory(node)
    with Wire(("127.0.0.1", node.admin)) as lazy:
        lazy.say(request * count)
        for _ in range(20):
            assert http(node.admin, "/health")[0] == 200  # others are served
        assert most_memory(node) - before < count * page // 4
        for _ in range(count):
            assert lazy.line() == b"HTTP/1.1 200 OK\r\n"
            while (field := lazy.line()) != b"\r\n":
                if field.startswith(b"Content-Length:"):
                    size = int(field.split()[1])
            assert size > page // 2 and len(lazy.take(size)) == size


def test_memory_max(place):
    node = place.node(memory_max=2 * MIB).start_and_wait()
    put = []
    with greenstalk.Client(node.address) as client:
        with pytest.raises(greenstalk.OutOfMemoryError):
            for _ in range(100):
                put.append(client.put("x" * 60000))
        assert 20 < len(put) < 40
        client.bury(client.reserve(timeout=0))  # what does not grow works
        client.delete(put.pop())
        put.append(client.put("x" * 50000))
    node.kill()
    node.start_and_wait()
    with greenstalk.Client(node.address) as client:
        assert client.reserve_job(put[0]).id == put[0]  # counts are local: now all is applied
        assert client.stats()["total-jobs"] == len(put) + 1


def test_max_job_size(place):
    node = place.node(max_job_size=100).start_and_wait()
    with greenstalk.Client(node.address) as client:
        with pytest.raises(greenstalk.JobTooBigError):
            client.put("x" * 101)
        client.put("x" * 100)
        assert client.stats()["max-job-size"] == 100


# --- admin ------------------------------------------------------------------------------------------


def test_admin(node):
    put_many(node, 3)
    assert http(node.admin, "/health") == (200, "ok\n")
    assert node.status()["role"] == "leader"
    assert http(node.admin, "/nothing")[0] == 404
    assert http(node.admin, "/health", "POST")[0] == 405
    assert eventually(lambda: node.metric("quartet_log_sync_seconds_count"), "syncs are counted")
    assert eventually(lambda: node.metric("quartet_disk_free_bytes"), "free space is known")
    shown = run("status", "--admin", f"127.0.0.1:{node.admin}")
    assert shown.returncode == 0 and "role: leader" in shown.stdout
    assert run("status", "--check", "--admin", f"127.0.0.1:{node.admin}").returncode == 0


def asked_as(node, path, method="GET", **headers):
    """As a browser would, for a page that it shows: (status, text)."""
    with closing(HTTPConnection("127.0.0.1", node.admin, timeout=DEADLINE_S)) as browser:
        browser.request(method, path, headers={k.capitalize(): v for k, v in headers.items()})
        answer = browser.getresponse()
        return answer.status, answer.read().decode()


def test_probes_of_kubernetes(place):
    node = place.node(peers="1=127.0.0.1:1,2=127.0.0.1:2")  # nobody else is there
    node.start()
    eventually(lambda: http(node.admin, "/livez") == (200, "ok\n"), "it lives")
    assert http(node.admin, "/readyz")[0] == 503


def test_pages_from_elsewhere_reach_no_admin_port(place):
    node = place.node(admin_hosts="queue.example.org").start_and_wait()
    page = "/queue/policy?tube=work&attempts=3"
    here = f"localhost:{node.admin}"
    for status, headers in [
        (200, {"host": here, "origin": f"http://{here}"}),
        (200, {"host": "queue.example.org"}),
        (403, {"host": here, "origin": "http://evil.example"}),
        (403, {"host": here, "origin": "null"}),
        (421, {"host": "evil.example", "origin": "http://evil.example"}),
    ]:
        assert asked_as(node, page, "POST", **headers)[0] == status, headers
    status, words = asked_as(node, "/status", host="evil.example")
    assert status == 421 and "--admin-hosts" in words
    shown = run("status", "--check", "--admin", f"localhost:{node.admin}")
    assert shown.returncode == 0, shown.stderr


def test_metrics_are_well_formed(node):
    names = set()
    eventually(lambda: node.metric("quartet_turns_total"), "the host's metrics are there")
    for line in http(node.admin, "/metrics")[1].splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in names, f"{name} twice"
            names.add(name)
        elif not line.startswith("#"):
            float(line.rsplit(" ", 1)[1])
            assert line.startswith("quartet_"), line


def test_metrics_tell_ages_and_work_times_by_tube(node):
    with greenstalk.Client(node.address, use="mail", watch="mail") as client:
        client.put("one")
        client.put("two")
        client.delete(client.reserve(timeout=0))
    assert node.metric('quartet_queue_tube_jobs{tube="mail",state="ready"}') == 1
    for name in ("age_at_reserve", "reserve_to_delete"):
        histogram = f"quartet_queue_tube_{name}_seconds"
        assert node.metric(histogram + '_count{tube="mail"}') == 1
        assert node.metric(histogram + '_bucket{tube="mail",le="+Inf"}') == 1


def test_events_tell_what_raft_does(place):
    cluster = place.cluster().start()
    leader = cluster.leader()
    follower = cluster.followers()[0]
    with Wire(("127.0.0.1", follower.admin)) as wire:
        wire.say("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.line().startswith(b"HTTP/1.1 200 ")
        leader.kill()
        heard = []
        while not heard or f"leader={leader.number}" in heard[-1] or " leader=0" in heard[-1]:
            line = wire.line().decode()
            assert line, heard
            if line.startswith("data: ") and " leader=" in line:
                heard.append(line)
        assert all("role=" in line and "term=" in line for line in heard), heard


def test_retry_policy(node):
    admin = ("--admin", f"127.0.0.1:{node.admin}")
    shown = run("queue-policy", "show", "work", *admin)
    assert shown.returncode == 1 and "no policy" in shown.stderr
    set_ = run("queue-policy", "set", "work", "--attempts", 2, "--base-ms", 1, "--jitter", 0,
               "--dead-tube", "dead", *admin)
    assert set_.returncode == 0, set_
    assert "dead" in run("queue-policy", "show", "work", *admin).stdout
    with greenstalk.Client(node.address, use="work", watch=["work", "dead"]) as client:
        client.put("fails")
        for _ in range(2):
            job = client.reserve(timeout=DEADLINE_S)
            assert client.stats_job(job)["tube"] == "work"
            client.release(job)
        job = client.reserve(timeout=DEADLINE_S)
        assert client.stats_job(job)["tube"] == "dead" and job.body == "fails"
    assert run("queue-policy", "clear", "work", *admin).returncode == 0


def test_retry_policy_over_the_admin_port(node):
    page = "/queue/policy?tube=work"
    assert http(node.admin, page) == (404, "no policy for this tube\n")
    assert http(node.admin, page + "&attempts=1&base_ms=1", "POST") == (200, "ok\n")
    shown = http(node.admin, page)[1]
    assert "attempts-max: 1\n" in shown and "jitter-permille: 100\n" in shown
    for wrong in ("", "&attempts=1001", "&attempts=x", "&attempts=1&base_ms=0",
                  "&attempts=1&factor_permille=999", "&attempts=1&jitter_permille=1001",
                  "&attempts=1&dead_tube=-a"):
        status, says = http(node.admin, page + wrong, "POST")
        assert status == 400 and "must" in says, (wrong, says)
    assert http(node.admin, "/queue/policy?tube=-a")[0] == 400
    assert http(node.admin, page)[1] == shown
    with greenstalk.Client(node.address, use="work", watch="work") as client:
        client.put("fails")
        client.release(client.reserve(timeout=DEADLINE_S))
        assert client.peek_buried().body == "fails"  # no dead tube was named
    assert http(node.admin, page + "&attempts=0", "POST") == (200, "ok\n")
    assert http(node.admin, page)[0] == 404


def test_a_disk_filled_by_what_is_no_longer_needed(place, small_disk):
    """The log alone fills it, far below the size at which it would be compacted: a snapshot helps."""
    node = place.node(directory=small_disk, segment_bytes=1 * MIB)
    node.log = place.directory / "node.log"
    node.start_and_wait()
    kept = {}
    with greenstalk.Client(node.address) as client:
        for i in range(10):
            body = f"kept {i}"
            kept[client.put(body)] = body

        def round_trip():
            try:
                client.delete(client.put("x" * 50000))
                return True
            except greenstalk.OutOfMemoryError:
                return False

        eventually(lambda: not round_trip(), "the disk is full", every_s=0)
        assert node.status()["disk_full"]
        eventually(round_trip, "the log was shortened", every_s=0.2)
        assert not node.status()["disk_full"] and node.files("snapshot-*")
    node.kill()
    node.start_and_wait()
    assert take_all(node) == kept
