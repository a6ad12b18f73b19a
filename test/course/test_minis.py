"""The queue, step by step, in both languages: what each step can do, and what it cannot yet.

A step that is naive has a test that shows it fail: the chapter's incident is that failure.
"""

import difflib
import resource
import select
import signal
import urllib.error
import urllib.request

import pytest
from minis import DEADLINE_S, MINIS, PROGRAMS, STEPS, SUFFIX, Mini

LINES_MAX = {"queue": 150, "log": 60}
FILE_BYTES_MAX = 4096
NEW_LINES_MAX = 60  # a page asks for no more to be read


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


@pytest.fixture
def mini(language, tmp_path):
    """mini("step2"): the queue of that step, running; all its data in one folder."""
    started = []

    def start(step):
        started.append(Mini(language, step, tmp_path).start())
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()


# --- step 1: in memory ----------------------------------------------------------------------------


def test_step1_hands_out_the_most_urgent_job_and_among_equals_the_oldest(mini):
    client = mini("step1").client()
    for body, priority in (("first", 5), ("second", 5), ("urgent", 1)):
        client.put(body, priority)
    assert [client.reserve()[1] for _ in range(3)] == ["urgent", "first", "second"]
    assert client.reserve() is None


def test_step1_loses_the_job_of_a_worker_that_dies(mini):
    queue = mini("step1")
    shop, worker, other = queue.client(), queue.client(), queue.client()
    shop.put("ticket for seat 12")
    assert worker.reserve()[1] == "ticket for seat 12"
    worker.close()
    assert other.reserve(1) is None


def test_step1_has_no_acknowledgement(mini):
    client = mini("step1").client()
    assert client.ask("delete 1") == "UNKNOWN_COMMAND"


# --- step 2: leases -------------------------------------------------------------------------------


def test_step2_gives_the_job_of_a_worker_that_dies_to_another(mini):
    queue = mini("step2")
    shop, worker, other = queue.client(), queue.client(), queue.client()
    id = shop.put("ticket for seat 12")
    assert worker.reserve() == (id, "ticket for seat 12")
    assert other.reserve() is None
    worker.close()
    assert other.reserve(5) == (id, "ticket for seat 12")
    assert other.ask(f"delete {id}") == "DELETED"


def test_step2_ends_the_lease_of_a_worker_that_is_silent(mini):
    queue = mini("step2")
    worker, other = queue.client(), queue.client()
    id = worker.put("slow", ttr=1)
    assert worker.reserve()[0] == id
    assert other.reserve(5)[0] == id
    for command in (f"delete {id}", f"release {id} 0 0", f"touch {id}"):
        assert worker.ask(command) == "NOT_FOUND"  # it is no longer its own
    assert other.ask(f"delete {id}") == "DELETED"


def test_step2_lets_a_worker_that_touches_keep_its_job(mini):
    queue = mini("step2")
    worker, other = queue.client(), queue.client()
    id = worker.put("slow", ttr=2)
    worker.reserve()
    other.say("reserve-with-timeout 3")
    while not select.select([other.socket], [], [], 0.3)[0]:
        assert worker.ask(f"touch {id}") == "TOUCHED"
    assert other.hear() == "TIMED_OUT"


def test_step2_gives_a_released_job_to_whoever_waits(mini):
    queue = mini("step2")
    worker, other = queue.client(), queue.client()
    id = worker.put("try again")
    worker.reserve()
    other.say("reserve")
    assert worker.ask(f"release {id} 7 0") == "RELEASED"
    assert other.hear() == (f"RESERVED {id} 9", "try again")


def test_step2_forgets_everything_in_a_crash(mini):
    queue = mini("step2")
    queue.client().put("ticket for seat 12")
    queue.kill()
    assert mini("step2").client().reserve() is None


# --- step 3: the log ------------------------------------------------------------------------------


@pytest.fixture(params=["step3", "step4"])
def logged(request):
    return request.param


def test_what_was_acknowledged_survives_kill_9(mini, logged):
    queue = mini(logged)
    client = queue.client()
    kept = [client.put(f"job {n} \xff\x00") for n in range(20)]
    for _ in range(5):
        assert client.ask(f"delete {client.reserve()[0]}") == "DELETED"
    held = client.reserve()  # its worker is gone after the restart: ready again
    queue.kill()
    after = mini(logged).client()
    assert [after.reserve() for _ in range(15)] == [
        (id, f"job {id - 1} \xff\x00") for id in kept[5:]
    ]
    assert held[0] == kept[5]
    assert after.reserve() is None
    assert after.put("next") == kept[-1] + 1


def bounded_files():
    """In a new process: a file that grows beyond this is refused, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))


def test_a_queue_that_cannot_write_its_log_ends_and_answers_nothing(language, logged, tmp_path):
    queue = Mini(language, logged, tmp_path)
    queue.start(preexec_fn=bounded_files)
    client = queue.client()
    client.put("small")
    client.say(f"put 0 0 60 {FILE_BYTES_MAX}", "x" * FILE_BYTES_MAX)
    assert client.hear() == ""
    said = queue.process.communicate(timeout=DEADLINE_S)[0]
    assert queue.process.returncode == 1
    assert len(said.splitlines()) == 1 and said.startswith("the log cannot be written: ")
    queue.start()  # what it had begun to write is a torn tail
    after = queue.client()
    assert after.reserve() == (1, "small") and after.reserve() is None
    queue.kill()


def test_a_torn_tail_is_cut_at_every_byte(mini, logged):
    queue = mini(logged)
    client = queue.client()
    client.put("whole")
    client.put("torn")
    queue.kill()
    text = queue.log().read_bytes()
    last = text.rstrip(b"\n").rfind(b"\n") + 1
    for size in (last + 1, last + 8, last + 9, (last + len(text)) // 2, len(text) - 1):
        queue.log().write_bytes(text[:size])
        queue.start()
        again = queue.client()
        assert again.reserve() == (1, "whole")
        assert again.reserve() is None
        assert again.put("after") == 2
        queue.kill()


@pytest.mark.parametrize("port", ["abc", "65536", "-1", ""])
def test_a_port_that_is_none_is_refused(mini, port):
    queue = mini("step1").kill()
    said = queue.refuses(port)
    assert said == f"PORT is {port}, which is no port: give it a number up to 65535\n"


def test_damage_that_is_no_torn_tail_is_refused(mini, logged):
    queue = mini(logged)
    client = queue.client()
    client.put("first")
    client.put("second")
    queue.kill()
    lines = queue.log().read_bytes().splitlines(keepends=True)
    damaged = lines[1].replace(b"first", b"fisrt")
    assert damaged != lines[1]
    queue.log().write_bytes(b"".join([lines[0], damaged, *lines[2:]]))
    said = queue.refuses()
    assert "queue.log, line 2: damaged, and good lines follow" in said
    assert "refusing to start" in said


def test_damage_to_the_last_line_looks_torn_and_is_cut(mini, logged):
    """What the page on the end of a log admits: a promise is lost, for nothing good follows it."""
    queue = mini(logged)
    client = queue.client()
    client.put("first")
    client.put("second")
    queue.kill()
    text = queue.log().read_bytes()
    assert text.count(b"second") == 1 and text.rstrip(b"\n").rfind(b"\n") < text.find(b"second")
    queue.log().write_bytes(text.replace(b"second", b"sXcond"))
    queue.start()
    again = queue.client()
    assert again.reserve() == (1, "first") and again.reserve() is None
    queue.kill()


# --- step 4: delays -------------------------------------------------------------------------------


def test_step4_brings_a_job_back_after_its_delay_and_counts(mini):
    client = mini("step4").client()
    id = client.put("mail", delay=1)
    assert client.stats_job(id)["state"] == "delayed"
    assert client.reserve() is None
    assert client.reserve(5)[0] == id
    assert client.ask(f"release {id} 0 1") == "RELEASED"
    assert client.reserve() is None
    assert client.reserve(5)[0] == id
    stats = client.stats_job(id)
    assert (stats["reserves"], stats["releases"], stats["timeouts"]) == (2, 1, 0)


def test_step4_remembers_delays_and_counts_through_a_crash(mini):
    queue = mini("step4")
    client = queue.client()
    id = client.put("mail", ttr=1)
    client.reserve()
    assert client.reserve(5)[0] == id  # its lease ran out
    assert client.ask(f"release {id} 0 60") == "RELEASED"
    queue.kill()
    after = mini("step4").client()
    stats = after.stats_job(id)
    assert (stats["state"], stats["reserves"], stats["timeouts"]) == ("delayed", 2, 1)
    assert after.ask("kick 1") == "KICKED 1"
    assert after.reserve()[0] == id


def test_step4_buries_and_kicks(mini):
    client = mini("step4").client()
    buried, delayed = client.put("broken"), client.put("later", delay=60)
    client.reserve()
    assert client.ask(f"bury {buried} 0") == "BURIED"
    assert client.reserve() is None
    assert client.ask("kick 9") == "KICKED 1"
    assert client.reserve()[0] == buried
    assert client.ask("kick 9") == "KICKED 1"
    assert client.reserve()[0] == delayed


# --- all of them ----------------------------------------------------------------------------------


@pytest.fixture(params=STEPS)
def any_step(request):
    return request.param


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("nonsense", "UNKNOWN_COMMAND"),
        ("put a 0 1 1", "BAD_FORMAT"),
        ("put 0 0 1", "BAD_FORMAT"),
        ("put 0 0 1 4294967296", "BAD_FORMAT"),
        ("use -tube", "BAD_FORMAT"),
        ("use " + "t" * 201, "BAD_FORMAT"),
        ("x" * 5000, "BAD_FORMAT"),
        ("ignore default", "NOT_IGNORED"),
        ("put 0 0 1 1\r\nxyz", "EXPECTED_CRLF"),
        ("put 0 0 1 70000\r\n" + "x" * 70000, "JOB_TOO_BIG"),
        ("__init__", "UNKNOWN_COMMAND"),
        ("constructor", "UNKNOWN_COMMAND"),
        ("close", "UNKNOWN_COMMAND"),
    ],
)
def test_bad_input_gets_a_clear_error_and_the_connection_goes_on(language, tmp_path, said, heard):
    queue = Mini(language, "step4", tmp_path).start()
    try:
        client = queue.client()
        assert client.ask(said) == heard
        client.say("use end")
        assert any(client.hear() == "USING end" for _ in range(2))  # xyz leaves a line behind
    finally:
        queue.kill()


def test_commands_behind_a_reserve_wait_for_it(mini, any_step):
    queue = mini(any_step)
    worker, shop = queue.client(), queue.client()
    worker.say("reserve", "use mail", "watch mail")
    id = shop.put("x")
    assert worker.hear() == (f"RESERVED {id} 1", "x")
    assert [worker.hear(), worker.hear()] == ["USING mail", "WATCHING 2"]


def test_a_worker_gets_jobs_of_the_tubes_it_watches_only(mini, any_step):
    queue = mini(any_step)
    shop, worker = queue.client(), queue.client()
    assert shop.ask("use mail") == "USING mail"
    shop.put("letter")
    assert worker.reserve() is None
    assert worker.ask("watch mail") == "WATCHING 2"
    assert worker.reserve()[1] == "letter"


def test_health_and_a_graceful_stop(mini, any_step):
    queue = mini(any_step)
    url = f"http://127.0.0.1:{queue.admin}"
    assert urllib.request.urlopen(f"{url}/health", timeout=5).status == 200
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}/other", timeout=5)
    queue.process.terminate()
    assert "stopped" in queue.process.communicate(timeout=10)[0]
    assert queue.process.returncode == 0


def test_an_unknown_step_is_one_clear_line(language, tmp_path):
    said = Mini(language, "step9", tmp_path).refuses()
    assert said.strip().endswith("step1|step2|step3|step4")


def test_a_port_that_is_taken_is_one_clear_line(language, tmp_path):
    queue = Mini(language, "step1", tmp_path).start()
    try:
        said = Mini(language, "step1", tmp_path).refuses(queue.port)
    finally:
        queue.kill()
    assert said.startswith("cannot listen: ") and "still up?" in said
    assert len(said.splitlines()) == 1


def test_who_cannot_listen_leaves_the_log_of_the_other_alone(mini):
    queue = mini("step3")
    client = queue.client()  # it stays: its end would be in the log
    client.put("ticket for seat 12")
    before = queue.log().read_bytes()
    assert queue.refuses(queue.port).startswith("cannot listen: ")
    assert queue.log().read_bytes() == before


# --- small enough to be read ----------------------------------------------------------------------


def lines_of(language, step, name):
    path = MINIS / language / step / f"{name}.{SUFFIX[language]}"
    return [line for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def test_each_file_is_short_and_each_step_adds_little(language):
    before = {"queue": [], "log": []}
    for step in STEPS:
        new = 0
        for name, limit in LINES_MAX.items():
            lines = lines_of(language, step, name)
            assert len(lines) <= limit, (step, name)
            diff = difflib.unified_diff(before[name], lines, n=0, lineterm="")
            new += sum(line.startswith("+") and not line.startswith("+++") for line in diff)
            before[name] = lines
        assert new <= NEW_LINES_MAX, (step, new)
