"""What a learner believes when it says "0 lost": the two programs that read the shop's journals."""

import json
import os
import subprocess
import sys

import pytest
from minis import MINIS

CLIENTS = MINIS.parent / "clients/python"


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


class Shop:
    def __init__(self, results):
        self.results = results
        (results / "tickets").mkdir()
        self.second = 0

    def happened(self, who, event, **fields):
        self.second += 1
        at = f"2026-11-23T22:18:{self.second:02}.000+00:00"
        with (self.results / f"{who}.jsonl").open("a") as journal:
            journal.write(json.dumps({"at": at, "who": who, "event": event, **fields}) + "\n")

    def printed(self, key):
        (self.results / "tickets" / f"{key}.json").write_text("{}")

    def say(self, program, *words):
        """(exit code, what it said)."""
        done = subprocess.run(
            [sys.executable, CLIENTS / program, *words],
            env={**os.environ, "RESULTS": str(self.results)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def test_a_story_is_told_in_the_order_of_time_across_journals(shop):
    shop.happened("producer", "sent", key="order-1", job=1)
    shop.happened("anna", "started", key="order-1", job=1, attempt=1)
    shop.happened("ben", "started", key="order-2", job=2, attempt=1)
    shop.happened("ben", "started", key="order-1", job=1, attempt=2)
    shop.happened("ben", "done", key="order-1", job=1)
    shop.happened("anna", "lease_lost", job=1)
    shop.happened("anna", "lease_lost", job=2)
    code, said = shop.say("story.py", "anna")
    assert code == 0
    lines = [line.split()[1:3] for line in said.splitlines()]
    assert said.splitlines()[0] == "order-1"
    assert lines[1:] == [
        ["producer", "sent"],
        ["anna", "started"],
        ["ben", "started"],
        ["ben", "done"],
        ["anna", "lease_lost"],
    ]
    assert shop.say("story.py", "order-1") == (code, said)


def test_an_order_that_nobody_knows_has_no_story(shop):
    code, said = shop.say("story.py", "order-9")
    assert code == 1 and "no order order-9" in said


def test_a_line_cut_off_by_a_kill_is_left_out(shop):
    shop.happened("producer", "sent", key="order-1", job=1)
    with (shop.results / "anna.jsonl").open("a") as journal:
        journal.write('{"at": "2026-11-23T22:1')
    assert shop.say("story.py", "order-1")[0] == 0


def test_every_order_has_an_end(shop):
    for key in ("order-1", "order-2"):
        shop.happened("producer", "sent", key=key, job=1)
    shop.happened("anna", "started", key="order-1", job=1, attempt=1)
    shop.happened("ben", "started", key="order-1", job=1, attempt=2)
    shop.printed("order-1")
    shop.happened("anna", "dead", job=2, body=json.dumps({"key": "order-2"}), history={})
    code, said = shop.say("tally.py", "0")
    assert code == 0
    counts = [line.split()[0] for line in said.splitlines()]
    assert counts == ["2", "1", "1", "0", "1"]


def test_a_shop_that_nobody_started_is_not_a_shop_that_lost_nothing(shop):
    code, said = shop.say("tally.py", "0")
    assert code == 1
    assert f"nobody has written a journal in {shop.results}" in said
    assert "lost" not in said


def test_neither_is_one_whose_queue_has_not_answered(shop):
    shop.happened("producer", "resend", key="order-1", reason="timed out")
    code, said = shop.say("tally.py", "0")
    assert code == 1
    assert "the queue has not acknowledged an order yet" in said
    assert "lost" not in said


def test_a_lost_order_is_named_and_fails(shop):
    shop.happened("producer", "sent", key="order-1", job=1)
    shop.happened("producer", "sent", key="order-2", job=2)
    shop.happened("anna", "started", key="order-2", job=2, attempt=1)
    shop.printed("order-1")
    code, said = shop.say("tally.py", "0")
    assert code == 1
    assert "     1 not finished in 0 s: still in the queue, or lost\n       order-2\n" in said


def test_it_waits_for_what_is_under_way(shop):
    shop.happened("producer", "sent", key="order-1", job=1)
    waiting = subprocess.Popen(
        [sys.executable, CLIENTS / "tally.py", "30"],
        env={**os.environ, "RESULTS": str(shop.results)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "1 of 1 orders are under way" in waiting.stdout.readline()
    shop.printed("order-1")
    said, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 0 and "     0 lost" in said


@pytest.mark.parametrize(
    ("name", "program"), [("tally", "tally.py 5"), ("story", "story.py 5")], ids=["tally", "story"]
)
def test_the_command_says_when_the_shop_does_not_run(name, program, tmp_path):
    """`docker compose ps` of a shop without a producer says nothing, and with one its number."""

    def say():
        done = subprocess.run(
            [MINIS.parent / name, "5"],
            env={"PATH": f"{tmp_path}{os.pathsep}/usr/bin:/bin", "IMPL": "python"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\ncase "$2" in ps) printf "$PS" ;; *) echo "$*" ;; esac\n')
    docker.chmod(0o755)
    code, out, err = say()
    assert (code, out) == (1, "")
    assert f"./{name}: the shop of python does not run" in err
    docker.write_text(docker.read_text().replace("$PS", "0a1b"))
    assert say() == (0, f"compose exec -T producer python {program}\n", "")
