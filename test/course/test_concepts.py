"""The small programs of the chapters: both languages say the same, and each shows what its page
says that it shows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from minis import MINIS, NODE, PROGRAMS, Mini, free_port

CONCEPTS = MINIS.parents[1] / "concepts"
EXAMPLE = MINIS.parent
TOPICS = sorted(path.name for path in CONCEPTS.iterdir() if (path / "python").is_dir())
LINES_MAX = 100


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(topic, seed=7):
    return output(sys.executable, CONCEPTS / topic / "python/main.py", str(seed))


@pytest.mark.parametrize("topic", TOPICS)
def test_both_languages_say_the_same(topic):
    for seed in (1, 7, 42):
        typescript = output(NODE, CONCEPTS / topic / "typescript/main.ts", str(seed))
        assert python(topic, seed) == typescript


@pytest.mark.parametrize("topic", TOPICS)
def test_a_program_is_short_and_runs_without_a_seed(topic):
    for name in ("python/main.py", "typescript/main.ts"):
        assert len((CONCEPTS / topic / name).read_text().splitlines()) < LINES_MAX
    output(sys.executable, CONCEPTS / topic / "python/main.py")
    output(NODE, CONCEPTS / topic / "typescript/main.ts")


def test_timeouts_hide_sold_seats_and_unsold_ones():
    rows = python("01-timeout").splitlines()[1:-2]
    ends = [row.split("timeout")[1].strip() for row in rows if "timeout" in row]
    assert any(end.startswith("sold") for end in ends)
    assert any(not end.startswith("sold") for end in ends)


def test_each_promise_about_delivery_loses_or_repeats_what_it_may():
    for seed in range(1, 20):
        rows = [row.split() for row in python("02-delivery", seed).splitlines()]
        most, least, keyed = ([int(word) for word in row if word.isdecimal()] for row in rows)
        assert most[2] == 0 and least[1] == 0 and keyed[1:] == [0, 0]
    assert most[1] > 0 and least[2] > 0


def test_no_number_of_messengers_is_safe():
    alone = [int(row.split()[-1]) for row in python("03-two-generals").splitlines()[1:-1]]
    assert all(count > 0 for count in alone)
    assert alone == sorted(alone, reverse=True)


def test_only_chance_pulls_a_crowd_apart():
    at_once, doubling, jitter = python("04-backoff").splitlines()[1::2]
    assert "still not all served" in at_once
    assert "still not all served" in doubling
    assert "all served after" in jitter


def test_a_longer_lease_is_paid_for_by_the_tasks_of_the_dead():
    rows = [row.split() for row in python("05-lease").splitlines()[1:]]
    twice, with_touch, waited = ([int(row[i]) for row in rows] for i in (2, 3, 4))
    assert twice == sorted(twice, reverse=True) and twice[0] > 0
    assert waited == sorted(waited) and waited[0] > 0
    # touch helps with long work and not with a worker that stands still
    assert all(touched <= plain for touched, plain in zip(with_touch, twice, strict=True))
    assert 0 < with_touch[0] < twice[0]


def test_only_one_order_of_steps_keeps_every_promise():
    for seed in range(1, 20):
        first, second, third = (
            [int(word) for word in row.split()[-2:]]
            for row in python("06-persist", seed).splitlines()[2:]
        )
        assert first[0] > 0 and first[1] > 0
        assert second[0] == 0 and second[1] > 0  # what killing the program does not show
        assert third == [0, 0]


def test_whatever_gives_way_something_does():
    rows = [row[22:].replace(" s ", " ").split() for row in python("07-backpressure").splitlines()]
    unlimited, refusing, waiting = ([int(word) for word in row] for row in rows[1:])
    assert unlimited[0] > 1000 and unlimited[1] > 60 and unlimited[2:] == [0, 0]
    assert refusing[0] == 100 and refusing[1] < 15 and refusing[2] > 0
    assert waiting[0] == 100 and waiting[1] < 15 and waiting[2] == 0 and waiting[3] > 0


@pytest.mark.parametrize("language", PROGRAMS)
@pytest.mark.parametrize(
    ("step", "seats"), [("step1", ["12", "13"]), ("step2", ["11", "12", "13"])]
)
def test_the_incident_of_session_2(language, step, seats, tmp_path):
    queue = Mini(language, step, tmp_path).start()
    try:
        for program in ([sys.executable, "incident.py"], [NODE, "incident.ts"]):
            said = output(program[0], EXAMPLE / program[1], str(queue.port))
            taken = [
                line.split("'")[1] for line in said.splitlines() if line.startswith("Ben  takes")
            ]
            assert sorted(taken) == [f"seat {seat}" for seat in seats]
    finally:
        queue.kill()


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_careless_worker_fails_at_once_again_and_again(language, tmp_path):
    queue = Mini(language, "step4", tmp_path).start()
    try:
        for program in ([sys.executable, "careless.py"], [NODE, "careless.ts"]):
            said = output(program[0], EXAMPLE / program[1], str(queue.port))
            assert said.count("fails") == 10 and said.endswith("enough\n")
    finally:
        queue.kill()


@pytest.mark.parametrize(
    "program",
    [
        (NODE, "incident.ts"),
        (NODE, "careless.ts"),
        (sys.executable, "incident.py"),
        (sys.executable, "careless.py"),
        (sys.executable, "say.py", "quit"),
    ],
    ids=lambda program: program[1],
)
def test_a_queue_that_does_not_run_is_one_clear_line(program):
    interpreter, name, *said = program
    port = str(free_port())
    words = ["--port", port, *said] if said else [port]
    done = subprocess.run(
        [interpreter, EXAMPLE / name, *words], capture_output=True, text=True, timeout=60
    )
    said = f"no queue listens at port {port}: start one in another terminal\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)


# --- in a container


@pytest.mark.parametrize("language", PROGRAMS)
def test_what_the_container_runs_is_the_same_program(language):
    """compose.yaml runs run.sh in an image that has the language; here its folder is at hand."""
    path = {"python": Path(sys.executable).parent, "typescript": Path(NODE).parent}[language]
    done = subprocess.run(
        ["/bin/sh", "run.sh", language, "01-timeout", "7"],
        cwd=CONCEPTS,
        env={"PATH": f"{path}{os.pathsep}/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == python("01-timeout", 7), done.stderr


@pytest.mark.parametrize("words", [[], ["09-nothing"], ["../01-queue"]])
def test_a_program_that_is_not_there_is_answered_with_those_that_are(words):
    done = subprocess.run(
        ["/bin/sh", "run.sh", "python", *words],
        cwd=CONCEPTS,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.split()[-len(TOPICS) :] == TOPICS
