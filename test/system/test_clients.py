"""One node and clients that no one here wrote: greenstalk and pystalk from PyPI, jackd from npm."""

import os
import shutil
import subprocess
import threading
import time

import greenstalk
import pystalk
import pytest

from harness import DEADLINE_S, eventually


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One node for all tests here; each uses tubes of its own."""
    from harness import Node

    node = Node(tmp_path_factory.mktemp("clients")).start_and_wait()
    yield node
    node.kill()


@pytest.fixture
def tube(request):
    return request.node.name.replace("[", "-").replace("]", "")


@pytest.fixture
def client(shared, tube):
    with greenstalk.Client(shared.address, use=tube, watch=tube) as client:
        yield client


# --- greenstalk: every command it has ---------------------------------------------------------------


def test_put_reserve_delete(client):
    put = client.put("hello")
    job = client.reserve(timeout=0)
    assert (job.id, job.body) == (put, "hello")
    client.delete(job)
    with pytest.raises(greenstalk.NotFoundError):
        client.delete(job)
    with pytest.raises(greenstalk.TimedOutError):
        client.reserve(timeout=0)


def test_priority_then_order_of_arrival(client):
    low, first, second, urgent = (client.put(str(p), priority=p) for p in (9, 5, 5, 1))
    assert [client.reserve(0).id for _ in range(4)] == [urgent, first, second, low]


def test_delay_and_kick(client):
    job_id = client.put("later", delay=3600)
    assert client.stats_job(job_id)["state"] == "delayed"
    assert client.peek_delayed().id == job_id
    assert client.kick(10) == 1
    assert client.reserve(0).id == job_id


def test_a_delayed_job_becomes_ready(client):
    job_id = client.put("soon", delay=1)
    began = time.monotonic()
    assert client.reserve(timeout=DEADLINE_S).id == job_id
    assert time.monotonic() - began > 0.9


def test_bury_and_kick_job(client):
    job_id = client.put("bad")
    client.bury(client.reserve(0), priority=7)
    assert client.peek_buried().id == job_id
    assert client.stats_job(job_id)["pri"] == 7
    client.kick_job(job_id)
    assert client.stats_job(job_id)["state"] == "ready"
    with pytest.raises(greenstalk.NotFoundError):
        client.kick_job(job_id)


def test_release_with_priority_and_delay(client):
    job_id = client.put("again")
    client.release(client.reserve(0), priority=3, delay=3600)
    stats = client.stats_job(job_id)
    assert (stats["state"], stats["pri"], stats["releases"]) == ("delayed", 3, 1)


def test_time_to_run(client):
    job_id = client.put("slow", ttr=1)
    assert client.reserve(0).id == job_id
    with pytest.raises(greenstalk.DeadlineSoonError):
        client.reserve(timeout=DEADLINE_S)
    again = eventually(lambda: try_reserve(client), "the job comes back after its time to run")
    assert again.id == job_id
    assert client.stats_job(job_id)["timeouts"] == 1


def try_reserve(client):
    try:
        return client.reserve(timeout=1)
    except greenstalk.DeadlineSoonError:
        return None


def test_touch_extends_the_reservation(client):
    job = client.reserve_job(client.put("long", ttr=100))

    def time_passed():  # the queue's clock is its log: a put moves it
        client.put("tick")
        return client.stats_job(job)["time-left"] < 99

    eventually(time_passed, "time passes")
    client.touch(job)
    assert client.stats_job(job)["time-left"] >= 99


def test_tubes(client, tube):
    assert client.using() == tube and client.watching() == [tube]
    assert client.watch("another-" + tube) == 2
    assert client.ignore(tube) == 1
    with pytest.raises(greenstalk.NotIgnoredError):
        client.ignore("another-" + tube)
    assert {tube, "another-" + tube} <= set(client.tubes())
    client.use("third-" + tube)
    assert client.using() == "third-" + tube


def test_peeks(client):
    with pytest.raises(greenstalk.NotFoundError):
        client.peek_ready()
    job_id = client.put("seen")
    assert client.peek(job_id).body == client.peek_ready().body == "seen"
    with pytest.raises(greenstalk.NotFoundError):
        client.peek(job_id + 1000000)


def test_stats(client, tube):
    client.put("x")
    stats = client.stats_tube(tube)
    assert (stats["name"], stats["current-jobs-ready"], stats["total-jobs"]) == (tube, 1, 1)
    whole = client.stats()
    assert whole["current-jobs-ready"] >= 1 and whole["current-connections"] >= 1
    assert whole["version"].startswith("1.13")


def test_pause_tube(client, tube):
    client.put("x")
    client.pause_tube(tube, 3600)
    with pytest.raises(greenstalk.TimedOutError):
        client.reserve(timeout=0)
    client.pause_tube(tube, 0)
    assert client.reserve(timeout=DEADLINE_S).body == "x"


def test_a_waiting_reserve_gets_the_next_job(shared, client, tube):
    got = []
    with greenstalk.Client(shared.address, watch=tube) as other:
        waiting = threading.Thread(target=lambda: got.append(other.reserve(DEADLINE_S)))
        waiting.start()
        eventually(lambda: client.stats_tube(tube)["current-waiting"] == 1, "it waits")
        job_id = client.put("for you")
        waiting.join(DEADLINE_S)
    assert [job.id for job in got] == [job_id]


def test_a_closed_connection_gives_its_jobs_back(shared, client, tube):
    job_id = client.put("held")
    other = greenstalk.Client(shared.address, watch=tube)
    assert other.reserve(0).id == job_id
    other.close()
    assert client.reserve(timeout=DEADLINE_S).id == job_id


def test_job_too_big_and_the_largest(client):
    with pytest.raises(greenstalk.JobTooBigError):
        client.put("x" * 65536)
    client.put("x" * 65535)
    assert len(client.reserve(0).body) == 65535


def test_binary_body(shared, tube):
    with greenstalk.Client(shared.address, encoding=None, use=tube, watch=tube) as client:
        body = bytes(range(256)) * 4 + b"\r\n"
        client.put(body)
        assert client.reserve(0).body == body


# --- pystalk ------------------------------------------------------------------------------------------


def test_pystalk(shared, tube):
    client = pystalk.BeanstalkClient("127.0.0.1", shared.port, auto_decode=True)
    client.use(tube)
    client.watch(tube)
    assert client.watchlist == {tube}
    _, job_id = client.put_job("first", ttr=60)
    client.put_job_into(tube, "second")
    job = client.reserve_job(timeout=0)
    assert (job.job_id, job.job_data) == (job_id, "first")
    client.release_job(job.job_id, delay=0)
    assert client.stats_job(job_id)["releases"] == 1
    assert sorted(j.job_data for j in client.reserve_iter()) == ["first", "second"]
    client.bury_job(job_id)
    assert client.peek_buried().job_id == job_id
    assert client.kick_jobs(5)[1] == 1
    assert client.stats_tube(tube)["current-jobs-ready"] == 1
    client.pause_tube(tube, 10)
    client.unpause_tube(tube)
    client.delete_job(job_id)
    assert tube in client.list_tubes()
    assert client.stats()["cmd-put"] >= 2
    client.close()


# --- jackd --------------------------------------------------------------------------------------------

JACKD = """
const Jackd = require('jackd');
const assert = require('assert');
const [host, port, tube] = process.argv.slice(2);
(async () => {
    const client = new Jackd();
    await client.connect({ host, port: Number(port) });
    await client.use(tube);
    await client.watch(tube);
    await client.ignore('default');
    const id = await client.put({ object: 'payload' }, { priority: 1, delay: 0, ttr: 60 });
    const job = await client.reserve();
    assert.strictEqual(String(job.id), String(id));
    assert.deepStrictEqual(JSON.parse(job.payload), { object: 'payload' });
    await client.touch(id);
    await client.release(id);
    await client.reserveWithTimeout(0);
    await client.bury(id);
    await client.kickJob(id);
    assert.match(await client.statsTube(tube), /current-jobs-ready: 1/);
    assert.match(await client.statsJob(id), /kicks: 1/);
    const many = await Promise.all([...Array(50).keys()].map((n) => client.put(`many ${n}`)));
    assert.strictEqual(new Set(many.map(String)).size, 50);
    await client.delete(id);
    await assert.rejects(client.delete(id), /NOT_FOUND/);
    await client.quit();
    console.log('all well');
})().catch((error) => { console.error(error); process.exit(1); });
"""


def test_jackd(shared, tube, tmp_path):
    node = shutil.which("node")
    modules = os.environ.get("NODE_PATH", "")
    if node is None or not os.path.isdir(os.path.join(modules, "jackd")):
        pytest.skip("no node, or no jackd where NODE_PATH points")
    script = tmp_path / "client.js"
    script.write_text(JACKD)
    done = subprocess.run([node, script, "127.0.0.1", str(shared.port), tube], text=True,
                          capture_output=True, timeout=DEADLINE_S)
    assert done.stdout == "all well\n", done.stderr
