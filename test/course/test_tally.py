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
    assert counts == ["2", "1", "1", "0", "1", "1"]


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


def test_it_says_why_orders_were_begun_more_than_once(shop):
    for number in (1, 2, 3, 4):
        shop.happened("producer", "sent", key=f"order-{number}", job=number)
        shop.printed(f"order-{number}")
    for number in (1, 2):  # the first attempt fails
        shop.happened("anna", "started", key=f"order-{number}", job=number, attempt=1)
        shop.happened("anna", "retry", key=f"order-{number}", job=number, attempt=1)
        shop.happened("ben", "started", key=f"order-{number}", job=number, attempt=2)
        shop.happened("ben", "done", key=f"order-{number}", job=number)
    assert shop.say("tally.py", "0")[1].endswith(
        "     2 were begun more than once; each has one ticket at most\n"
        "            2 because an attempt had failed (retry)\n"
    )
    shop.happened("anna", "started", key="order-3", job=3, attempt=1)  # and she dies
    shop.happened("ben", "started", key="order-3", job=3, attempt=2)
    shop.happened("ben", "done", key="order-3", job=3)
    shop.happened("producer", "sent", key="order-4", job=5)
    for job, end in ((4, "done"), (5, "duplicate")):
        shop.happened("ben", "started", key="order-4", job=job, attempt=1)
        shop.happened("ben", end, key="order-4", job=job)
    assert shop.say("tally.py", "0")[1].endswith(
        "     4 were begun more than once; each has one ticket at most\n"
        "            2 because an attempt had failed (retry)\n"
        "            1 because a worker had begun it and not ended it (killed, silent or cut off)\n"
        "            1 because the producer, unanswered, had sent it again\n"
    )


@pytest.mark.parametrize("end", ["done", "retry", "dead", "duplicate"])
def test_the_story_of_a_worker_that_was_idle_says_so(shop, end):
    """A kill that hit nothing must not look like one that was survived."""
    shop.happened("anna", "started", key="order-1", job=1, attempt=1)
    assert "had ended" not in shop.say("story.py", "anna")[1]
    shop.happened("anna", end, key="order-1", job=1)
    shop.happened("ben", "started", key="order-1", job=1, attempt=2)
    last = shop.say("story.py", "anna")[1].splitlines()[-1]
    assert last.startswith(f"anna had ended this attempt itself ({end})")
