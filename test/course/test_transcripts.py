"""The transcripts: of the programs as they are, and the tool that makes them."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from minis import Mini

COURSE = Path(__file__).resolve().parents[2] / "distributed-systems-course"
TOOLS = COURSE / "tools"
WAIT_S = 20


def transcripts(course, *arguments, **env):
    return subprocess.run(
        [sys.executable, course / "tools/transcripts.py", *arguments],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_they_are_those_of_the_programs_as_they_are():
    done = transcripts(COURSE, "--check")
    assert done.returncode == 0, done.stdout


@pytest.fixture
def small(tmp_path):
    """A course of one program, whose transcript says `good day`."""
    (tmp_path / "transcripts").mkdir()
    (tmp_path / "examples").mkdir()
    shutil.copytree(TOOLS, tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(COURSE / "transcripts/lib.sh", tmp_path / "transcripts/lib.sh")
    (tmp_path / "examples/hello.py").write_text("print('good day')\n")
    script = '# uses: examples/hello.py\n# must: good day\nprogram "$examples" hello\n'
    (tmp_path / "transcripts/one.sh").write_text(script)
    assert "made one" in transcripts(tmp_path).stdout
    return tmp_path


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_run_is_kept_with_its_hash_and_its_time(small):
    head, *lines = (small / "transcripts/one.txt").read_text().splitlines()
    assert lines == ["$ python hello.py", "good day"]
    mark, sum_, seconds = head.split()
    assert mark == "#!" and len(sum_) == 16 and 0 <= float(seconds) < 30
    assert transcripts(small, "--check").stdout == ""
    assert transcripts(small).stdout == ""  # nothing to do


@pytest.mark.parametrize("name", ["examples/hello.py", "transcripts/one.sh"])
def test_a_change_of_the_program_or_the_commands_makes_it_stale(small, name):
    (small / name).write_text((small / name).read_text() + "# more\n")
    done = transcripts(small, "--check")
    assert done.returncode == 1
    assert done.stdout.startswith("transcripts/one.sh:1: one.txt is stale")
    assert transcripts(small).stdout == "made one\n"


def test_another_output_alone_does_not(small):
    change(small / "transcripts/one.txt", "good day", "good day to you")
    assert transcripts(small, "--check").returncode == 0


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("examples/hello.py", "day", "bye", "transcripts/one.txt:1: it lacks the line: good day"),
        (
            "transcripts/one.sh",
            "# must: good day\n",
            "",
            "one.sh:1: it names no line that must appear",
        ),
        (
            "transcripts/one.sh",
            "hello.py\n",
            "gone.py\n",
            "one.sh:1: it uses examples/gone.py, which",
        ),
        ("examples/hello.py", "print", "assert False,", "one.sh: exit code 1"),
    ],
)
def test_what_is_wrong_is_said(small, name, old, new, complaint):
    change(small / name, old, new)
    done = transcripts(small)
    assert done.returncode == 1 and complaint in done.stdout


def test_a_name_that_is_not_there(small):
    assert transcripts(small, "two").returncode == 2


def test_watch_makes_it_anew_when_the_program_changes(small):
    command = [sys.executable, small / "tools/transcripts.py", "--watch"]
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        change(small / "examples/hello.py", "good day", "good day, good day")
        assert watcher.stdout.readline() == "made one\n"
        assert (small / "transcripts/one.txt").read_text().endswith("good day, good day\n")
    finally:
        watcher.terminate()
        watcher.wait(WAIT_S)
        watcher.stdout.close()


# --- the shop under Docker


DOCKER = """#!/bin/sh
[ "$1" = compose ] && [ "$2" != version ] || exit 0 # there is nothing yet, but Compose
echo "$IMPL $2" >>{calls}
case "$2" in {fails}) echo "no room" >&2; exit 1 ;; esac
"""
SHOP = """# shop: python
# must: ./shop up
start_shop
"""


def copy_shop(examples):
    """At ports that nobody has."""
    (examples / "01-queue").mkdir()
    for path in (COURSE / "examples").glob("shop*.py"):
        shutil.copy(path, examples)
    for name in ("shop", "say.py"):
        shutil.copy(COURSE / "examples/01-queue" / name, examples / "01-queue")
    with (
        socket.create_server(("127.0.0.1", 0)) as free,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        ports = [one.getsockname()[1] for one in (free, two)]
    change(examples / "01-queue/shop", "port=11300", f"port={ports[0]}")
    change(examples / "01-queue/shop", "admin=9000", f"admin={ports[1]}")


@pytest.fixture
def shop(small):
    """A course with one transcript of the shop, and a docker that writes down what it is told."""

    def make(fails="nothing"):
        copy_shop(small / "examples")
        (small / "transcripts/one.sh").write_text(SHOP)
        (small / "docker").write_text(DOCKER.format(calls=small / "calls", fails=fails))
        (small / "docker").chmod(0o755)
        done = transcripts(small, PATH=f"{small}{os.pathsep}{os.environ['PATH']}")
        return done, (small / "calls").read_text().splitlines()

    return make


def test_the_images_are_built_before_the_run_whose_time_counts(shop, small):
    done, calls = shop()
    assert done.stdout == "made one\n"
    assert calls == ["python build", "python down", "python up", "python down"]
    lines = (small / "transcripts/one.txt").read_text().splitlines()[1:]
    assert lines == ["$ ./shop up python"]


@pytest.mark.parametrize(
    ("fails", "calls"), [("build", ["build"]), ("up", ["build", "down", "up", "down"])]
)
def test_a_shop_that_does_not_start_is_told_and_removed(shop, fails, calls):
    done, called = shop(fails)
    assert done.returncode == 1
    assert "exit code 1" in done.stdout and "no room" in done.stdout
    assert called == [f"python {call}" for call in calls]


# --- the logs of runs, for diagrams


def test_say_says_what_the_queue_answers(tmp_path):
    queue = Mini("python", "step2", tmp_path).start()
    try:

        def say(*words):
            command = [
                sys.executable,
                COURSE / "examples/01-queue/say.py",
                "--port",
                queue.port,
                *words,
            ]
            done = subprocess.run(
                [str(w) for w in command], capture_output=True, text=True, timeout=30
            )
            return done.stdout.splitlines()

        assert say("put 0 0 60 7", "seat 11") == ["INSERTED 1"]
        assert say("reserve-with-timeout 1") == ["RESERVED 1 7", "seat 11"]
        assert say("delete 7") == ["NOT_FOUND"]
    finally:
        queue.kill()


def test_a_run_leaves_its_events(tmp_path):
    """tap.py between a client and a queue: it sees all, and changes nothing."""
    queue = Mini("python", "step2", tmp_path).start()
    events = tmp_path / "events"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, TOOLS / "tap.py", port, queue.port, events, "shop"]
    tap = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    try:
        assert tap.stdout.readline() == "listens\n"
        done = subprocess.run(
            [
                sys.executable,
                COURSE / "examples/01-queue/say.py",
                "--port",
                str(port),
                "put 0 0 60 2",
                "ab",
            ],
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.stdout == "INSERTED 1\n", done.stderr
    finally:
        time_out = time.monotonic() + WAIT_S
        tap.terminate()
        tap.wait(max(0, time_out - time.monotonic()))
        tap.stdout.close()
        queue.kill()
    said = [json.loads(line) for line in events.read_text().splitlines()]
    assert [(one.get("from"), one["text"], one.get("body")) for one in said][:2] == [
        ("shop", "put 0 0 60 2", "ab"),
        ("queue", "INSERTED 1", ""),
    ]


@pytest.mark.parametrize(
    ("topic", "seed", "sold"), [("01-timeout", 531, 2), ("02-delivery", 7, None)]
)
def test_what_is_observed_is_what_the_program_says(topic, seed, sold, tmp_path):
    program = COURSE / "examples/concepts" / topic / "python/main.py"
    events = tmp_path / "events"
    command = [sys.executable, TOOLS / "observe.py", program, str(seed), events]
    subprocess.run(command, check=True, timeout=30, env={**os.environ})
    said = [json.loads(line) for line in events.read_text().splitlines()]
    told = subprocess.run(
        [sys.executable, program, str(seed)], capture_output=True, text=True, timeout=30
    ).stdout
    if topic == "01-timeout":
        parts = [one["part"].split(": ", 1)[1] for one in said if "part" in one]
        assert len(parts) == 4 and all(part in told for part in parts)
        assert sum(one["text"] == "sold" for one in said if "who" in one) == sold
        return
    sales, way = {}, ""
    for one in said:
        way = one.get("part", way)
        sales.setdefault(way, []).append(one.get("text") == "sells the seat")
    for line in told.splitlines():
        name, count = line[:30].strip(), int(line[30:].split()[0])
        assert sum(sales[name]) >= count
    assert sum(sales["at least once, and a key"]) == 20
