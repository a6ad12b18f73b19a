"""The small programs of the chapters: both languages say the same, and bad input is answered. What
each of them shows, test_claims.py says."""

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


@pytest.mark.parametrize(
    "program", [(sys.executable, "python/main.py"), (NODE, "typescript/main.ts")]
)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["abc"], "the seed is 'abc': it has to be a whole number from 0 to 999999999"),
        (["-1"], "the seed is '-1': it has to be a whole number from 0 to 999999999"),
        (["1e3"], "the seed is '1e3': it has to be a whole number from 0 to 999999999"),
        (
            ["1000000000"],
            "the seed is '1000000000': it has to be a whole number from 0 to 999999999",
        ),
        ([""], "the seed is '': it has to be a whole number from 0 to 999999999"),
        (["7", "8"], "one seed, such as 7, or --seeds 1..100"),
        (["--seeds", "7"], "one seed, such as 7, or --seeds 1..100"),
        (["--seeds", "1..b"], "the seed is 'b': it has to be a whole number from 0 to 999999999"),
        (["--seeds", "3..2"], "--seeds 3..2: the first comes behind the last"),
    ],
    ids=" ".join,
)
def test_a_seed_that_is_no_number_is_one_clear_line(program, words, said):
    interpreter, name = program
    done = subprocess.run(
        [interpreter, CONCEPTS / "01-timeout" / name, *words],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said + "\n")


def test_a_seed_that_was_drawn_can_be_used_again():
    drawn = output(sys.executable, CONCEPTS / "01-timeout/python/main.py")
    head, rest = drawn.split("\n", 1)
    assert rest == python("01-timeout", head.removeprefix("seed "))


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


@pytest.mark.parametrize("name", ["incident", "careless"])
@pytest.mark.parametrize("word", ["abc", "-1", "70000", ""])
def test_a_port_that_is_none_is_one_clear_line(name, word):
    for interpreter, suffix in ((sys.executable, "py"), (NODE, "ts")):
        done = subprocess.run(
            [interpreter, EXAMPLE / f"{name}.{suffix}", word],
            capture_output=True,
            text=True,
            timeout=60,
        )
        said = f"'{word}' is no port: give a number up to 65535\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


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
