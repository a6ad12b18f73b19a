"""The shop's worker and producer, one clause after the other, in both languages and without Docker:
each runs as a process against a queue, with a tap on the wire between them.

test/compose runs them all together and breaks things; here is what each of them decides.
"""

import json
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter

import pytest
from minis import DEADLINE_S, MINIS, NODE, Client, free_port
from queues import Tap, is_here, start_queue, wait_until
from test_checkers import modules

CLIENTS = MINIS.parent / "clients"
RUN = {"python": [sys.executable], "typescript": [NODE]}
SUFFIX = {"python": "py", "typescript": "ts"}
MAX_ATTEMPTS = 3
ALWAYS = 1_000_000


@pytest.fixture(params=list(RUN))
def language(request):
    return request.param


def install(language, place):
    """The programs and what they need from npm (Python's is in the environment of the tests)."""
    home = place / "clients"
    shutil.copytree(CLIENTS / language, home, ignore=shutil.ignore_patterns("node_modules"))
    if language == "typescript":
        (home / "node_modules").symlink_to(modules())
    return home


class Shop:
    """A queue behind a tap, and programs that are started beside it."""

    def __init__(self, place, language, kind="python"):
        self.place, self.language = place, language
        self.results = place / "results"
        self.port, self.kill_queue = start_queue(kind, place / "queue")
        self.tap = Tap(self.port)
        self.home = install(language, place)
        self.running = []

    def start(self, program, name="one", stderr=None, **settings):
        self.health = free_port()
        values = {
            "NAME": name,
            "QUEUE": f"127.0.0.1:{self.tap.port}",
            "RESULTS": self.results,
            "HEALTH_PORT": self.health,
            "MAX_ATTEMPTS": MAX_ATTEMPTS,
            **settings,
        }
        process = subprocess.Popen(
            [*RUN[self.language], f"{program}.{SUFFIX[self.language]}"],
            cwd=self.home,
            env={"PATH": "/usr/bin:/bin", **{key: str(value) for key, value in values.items()}},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        self.running.append(process)
        return process

    def put(self, key, ttr=60, **task):
        """As a producer does it; returns the job's id."""
        fields = {"key": key, "seat": "A1", "work_ms": 10, "fail_times": 0, "crash_times": 0}
        client = Client(self.port)
        assert client.ask("use tickets") == "USING tickets"
        id = client.put(json.dumps(fields | task), ttr=ttr)
        client.close()
        return id

    def events(self, *kinds):
        lines = [
            line
            for path in self.results.glob("*.jsonl")
            for line in path.read_text().splitlines()
            if line.endswith("}")
        ]
        return [event for event in map(json.loads, lines) if event["event"] in kinds]

    def wait_for(self, kind, count=1):
        return wait_until(
            lambda: len(self.events(kind)) >= count and self.events(kind), f"{count} x {kind}"
        )

    def tickets(self):
        return sorted(path.stem for path in (self.results / "tickets").glob("*.json"))

    def letters(self):
        """What lies in the dead tube."""
        client = Client(self.port)
        client.ask("watch tickets.dead")
        found = []
        while (job := client.reserve()) is not None:
            found.append(json.loads(job[1]))
        return found

    def close(self):
        for process in self.running:
            process.kill()
            process.wait(timeout=DEADLINE_S)
        self.tap.close()
        self.kill_queue()


@pytest.fixture
def shop(tmp_path, language):
    shop = Shop(tmp_path, language)
    yield shop
    shop.close()


# --- the worker decides about retries -------------------------------------------------------------


def test_it_reads_the_history_before_it_works_and_deletes_after(shop):
    job = str(shop.put("a"))
    shop.start("worker")
    shop.wait_for("done")
    said = [words[1:] for words in shop.tap.commands("stats-job", "release", "bury", "delete")]
    assert said == [("stats-job", job), ("delete", job)]
    assert shop.tickets() == ["a"]


def test_a_job_that_kills_its_worker_is_given_up_by_the_next_one(shop):
    job = shop.put("killer", crash_times=ALWAYS)
    for _ in range(MAX_ATTEMPTS):
        assert shop.start("worker").wait(timeout=DEADLINE_S) == 1
    shop.start("worker")
    (dead,) = shop.wait_for("dead")
    assert dead["reason"] == "its worker did not come back"
    assert len(shop.events("started")) == MAX_ATTEMPTS  # the last delivery was not worked on
    history = shop.letters()[0]["history"]
    # Why reserves is what is counted: none of these deliveries ended in one of the other two.
    assert (history["reserves"], history["releases"], history["timeouts"]) == (
        MAX_ATTEMPTS + 1,
        0,
        0,
    )
    client = Client(shop.port)
    assert client.ask(f"stats-job {job}") == "NOT_FOUND"


@pytest.mark.parametrize("kind", ["beanstalkd", "c", "python", "typescript"])
def test_a_worker_that_dies_changes_no_other_count_than_reserves(kind, tmp_path):
    """The fact that the worker's rule rests on, for each queue and for beanstalkd itself."""
    if not is_here(kind):
        pytest.skip(f"there is no {kind} here")
    port, kill = start_queue(kind, tmp_path / "queue")
    try:
        id = Client(port).put("x")
        for deliveries in (1, 2, 3):
            worker = Client(port)
            wait_until(lambda worker=worker: worker.reserve(1), "the job")
            stats = worker.stats_job(id)
            assert (stats["reserves"], stats["releases"], stats["timeouts"]) == (deliveries, 0, 0)
            worker.close()
    finally:
        kill()


def test_it_releases_with_the_delay_that_it_computed(shop):
    shop.put("b", fail_times=2)
    shop.start("worker")
    shop.wait_for("done")
    retries = shop.events("retry")
    released = [int(words[4]) for words in shop.tap.commands("release")]
    assert [retry["delay_s"] for retry in retries] == released
    assert [retry["attempt"] for retry in retries] == [1, 2]
    assert released[0] == 1 and released[1] in (1, 2)


def sample_delays(language, attempt, base_s, cap_s):
    folder = CLIENTS / language
    call = f"(%s({attempt}, {base_s}, {cap_s}))"
    program = {
        "python": "import backoff\nfor _ in range(300): print" + call % "backoff.retry_delay_s",
        "typescript": f'import {{ retryDelayS }} from "{folder}/backoff.ts";'
        + "for (let i = 0; i < 300; i++) console.log"
        + call % "retryDelayS",
    }[language]
    flags = {"python": ["-B", "-c"], "typescript": ["--input-type=module", "-e"]}[language]
    done = subprocess.run(
        [*RUN[language], *flags, program], cwd=folder, capture_output=True, text=True, check=True
    )
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize(
    ("attempt", "least_s", "longest_s"),
    [(1, 5, 10), (2, 10, 20), (3, 20, 40), (5, 50, 100), (60, 50, 100)],
)
def test_a_delay_doubles_has_chance_in_it_and_a_cap(language, attempt, least_s, longest_s):
    delays = sample_delays(language, attempt, base_s=10, cap_s=100)
    assert min(delays) >= least_s and max(delays) <= longest_s
    assert len(set(delays)) > (longest_s - least_s) // 2  # not all come back in one second
    assert min(delays) <= least_s + (longest_s - least_s) * 0.2
    assert max(delays) >= longest_s - (longest_s - least_s) * 0.2


def test_after_the_last_attempt_the_letter_is_put_first_and_then_the_job_deleted(shop):
    job = str(shop.put("poison", fail_times=ALWAYS))
    shop.start("worker")
    shop.wait_for("dead")
    assert len(shop.events("started")) == MAX_ATTEMPTS
    ends = [words[1] for words in shop.tap.commands("put", "release", "delete")]
    assert ends == ["release"] * (MAX_ATTEMPTS - 1) + ["put", "delete"]
    assert shop.tap.commands("delete")[0][2] == job
    (letter,) = shop.letters()
    assert json.loads(letter["body"])["key"] == "poison"
    assert "out of paper" in letter["reason"]
    assert letter["worker"] == "one"
    assert letter["history"]["reserves"] == MAX_ATTEMPTS
    assert letter["history"]["releases"] == MAX_ATTEMPTS - 1
    assert shop.tickets() == []


def test_what_is_no_task_is_given_up_at_once(shop):
    client = Client(shop.port)
    client.ask("use tickets")
    client.put("{not a task")
    shop.start("worker")
    shop.wait_for("dead")
    assert shop.events("started") == []
    assert shop.letters()[0]["body"] == "{not a task"


def test_it_touches_on_the_connection_that_reserved_and_keeps_its_job(shop):
    shop.put("slow", ttr=1, work_ms=3000)
    shop.start("worker")
    shop.wait_for("done")
    touches = shop.tap.commands("touch")
    (deleted,) = shop.tap.commands("delete")
    assert len(touches) >= 4
    assert {words[0] for words in touches} == {deleted[0]}
    assert len(shop.events("started")) == 1 and not shop.events("lease_lost")


def test_a_task_that_comes_twice_has_its_effect_once(shop):
    first, second = shop.put("same"), shop.put("same")
    shop.start("worker")
    shop.wait_for("duplicate")
    assert [event["job"] for event in shop.events("done", "duplicate")] == [first, second]
    assert shop.tickets() == ["same"]
    assert len(shop.tap.commands("delete")) == 2


# --- stopping, health, and other addresses --------------------------------------------------------


def test_told_to_stop_in_the_middle_of_the_work(shop):
    shop.put("in-hand", work_ms=2000)
    shop.put("next")
    worker = shop.start("worker")
    shop.wait_for("started")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=DEADLINE_S) == 0
    events = shop.events("started", "done", "stopped")
    assert [event["event"] for event in events] == ["started", "done", "stopped"]
    assert shop.tickets() == ["in-hand"]


@pytest.mark.parametrize("program", ["worker", "producer"])
def test_told_to_stop_while_idle_it_stops(shop, program):
    process = shop.start(program, PAUSE_MS=60000)
    wait_until(lambda: shop.tap.said, "its first words")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=DEADLINE_S) == 0


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return None


def ask_itself(shop):
    """What the Compose file's health check does; its exit code."""
    done = subprocess.run(
        [*RUN[shop.language], f"health.{SUFFIX[shop.language]}"],
        cwd=shop.home,
        env={"PATH": "/usr/bin:/bin", "HEALTH_PORT": str(shop.health)},
        timeout=DEADLINE_S,
    )
    return done.returncode


@pytest.mark.parametrize("program", ["worker", "producer"])
def test_health_says_whether_a_node_serves_it(shop, program):
    node = f"127.0.0.1:{shop.tap.port}"
    shop.start(program, PAUSE_MS=100)
    healthy = (200, {"status": "ok", "node": node})
    wait_until(lambda: get(shop.health, "/health") == healthy, "it to be healthy")
    assert get(shop.health, "/other")[0] == 404
    assert ask_itself(shop) == 0
    shop.tap.close()
    wait_until(lambda: get(shop.health, "/health") == (503, {"status": "connecting"}), "503")
    assert ask_itself(shop) == 1


def test_it_goes_to_the_next_address_when_its_node_is_gone_and_repeats_the_work(shop):
    other = Tap(shop.port)
    nobody = free_port()
    addresses = f"127.0.0.1:{nobody},127.0.0.1:{shop.tap.port},127.0.0.1:{other.port}"
    shop.put("a", work_ms=1500)
    shop.start("worker", QUEUE=addresses)
    shop.wait_for("started")
    shop.tap.close()
    shop.wait_for("node_gone")
    # The work was done; its delete never arrived. Delivered again, it is found in the ledger.
    shop.wait_for("duplicate")
    assert other.commands("delete") and not shop.tap.commands("delete")
    assert shop.tickets() == ["a"]
    other.close()


def test_a_node_that_is_silent_is_gone_too(shop):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        shop.put("a")
        shop.start("worker", QUEUE=f"127.0.0.1:{port},127.0.0.1:{shop.tap.port}")
        shop.wait_for("done")


# --- the producer ---------------------------------------------------------------------------------


def test_a_task_whose_answer_is_lost_is_sent_again_under_the_same_key(shop):
    shop.tap.cut_after = "put"
    producer = shop.start("producer", COUNT=1, FAIL_EVERY=0)
    assert producer.wait(timeout=DEADLINE_S) == 0
    (resend,), (sent,) = shop.events("resend"), shop.events("sent")
    assert resend["key"] == sent["key"]
    shop.start("worker", name="two")
    shop.wait_for("duplicate")
    assert shop.tickets() == [sent["key"]]  # two jobs, one ticket


def test_two_runs_of_a_producer_never_use_the_same_key(shop):
    for _ in range(2):
        producer = shop.start("producer", COUNT=5, PAUSE_MS=0)
        assert producer.wait(timeout=DEADLINE_S) == 0
    keys = Counter(event["key"] for event in shop.events("sent"))
    assert len(keys) == 10 and set(keys.values()) == {1}


# --- beanstalkd itself, and all of ours -----------------------------------------------------------


@pytest.mark.parametrize("kind", ["beanstalkd", "c", "python", "typescript"])
def test_the_same_programs_serve_every_queue(kind, language, tmp_path):
    if not is_here(kind):
        pytest.skip(f"there is no {kind} here")
    shop = Shop(tmp_path, language, kind)
    try:
        shop.put("poison", fail_times=ALWAYS)
        shop.start("producer", COUNT=8, PAUSE_MS=0, WORK_MS=10, FAIL_EVERY=4)
        shop.start("worker", name="two")
        shop.wait_for("done", 8)
        shop.wait_for("dead")
        assert shop.tickets() == sorted(event["key"] for event in shop.events("sent"))
        assert len(shop.events("retry")) == 2 * 2 + MAX_ATTEMPTS - 1
        assert len(shop.letters()) == 1
    finally:
        shop.close()


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"COUNT": "some"}, "COUNT=some: must be a whole number, 0 or more"),
        ({"QUEUE": "queue-1"}, "QUEUE=queue-1: must be host:port,host:port,..."),
    ],
)
def test_a_wrong_setting_is_one_clear_line(language, setting, complaint, tmp_path):
    done = subprocess.run(
        [*RUN[language], f"producer.{SUFFIX[language]}"],
        cwd=install(language, tmp_path),
        env={"PATH": "/usr/bin:/bin", **setting},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (done.returncode, done.stderr.strip()) == (2, complaint)


def test_a_health_port_that_is_taken_is_one_clear_line(shop):
    """By hand, without Docker, all clients share one machine's ports."""
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        for program in ("producer", "worker"):
            process = shop.start(program, HEALTH_PORT=port, stderr=subprocess.PIPE)
            _, said = process.communicate(timeout=DEADLINE_S)
            assert process.returncode == 2
            assert said.decode().startswith(f"HEALTH_PORT={port}: ")
            assert said.decode().endswith("; each program needs one of its own\n")
            assert said.count(b"\n") == 1
