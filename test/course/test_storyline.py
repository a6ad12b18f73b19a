"""The story of a reader's own run, as a picture: journals, then events, then one HTML file."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from minis import MINIS

COURSE = Path(__file__).resolve().parents[2] / "distributed-systems-course"
sys.path[:0] = [str(COURSE / "tools"), str(MINIS.parent / "clients/python")]

from storyline import as_lines, storyline  # noqa: E402 (lie in the course)


def happened(second, who, event, **fields):
    return {"at": f"2026-11-23T22:18:{second:02}.250Z", "who": who, "event": event, **fields}


STORY = [
    happened(1, "producer", "sent", key="order-1", job=1),
    happened(2, "anna", "started", key="order-1", job=1, attempt=1),
    happened(9, "ben", "started", key="order-1", job=1, attempt=2),
    happened(9, "ben", "done", key="order-1", job=1),
    happened(10, "anna", "lease_lost", job=1),
]


def test_the_journals_of_an_order_or_of_a_worker(tmp_path):
    for event in STORY:
        with (tmp_path / f"{event['who']}.jsonl").open("a") as journal:
            journal.write(json.dumps(event) + "\n")
    for name, code, said in (
        ("order-1", 0, as_lines(STORY)),
        ("anna", 0, as_lines(STORY)),
        ("carl", 1, "no order carl"),
    ):
        command = [sys.executable, MINIS.parent / "clients/python/storyline.py", name]
        env = {**os.environ, "RESULTS": str(tmp_path)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)
        assert done.returncode == code
        assert (done.stdout or done.stderr).startswith(said)


def draw(tmp_path, text, *words, **more):
    page = tmp_path / "story.html"
    command = [sys.executable, COURSE / "tools/draw.py", "-", page, *words]
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=60, check=False, **more
    )
    return done, page


def test_a_story_becomes_messages_with_times_since_its_beginning():
    said = [
        (line["at"], line.get("from", line.get("who")), line["text"]) for line in storyline(STORY)
    ]
    assert said == [
        (0.0, "producer", "put: job 1"),
        (1.0, "queue", "job 1"),
        (8.0, "queue", "job 1, attempt 2"),
        (8.0, "ben", "prints the ticket"),
        (8.0, "ben", "delete job 1"),
        (9.0, "anna", "has lost the lease of job 1"),
    ]


def test_who_holds_the_job_is_told():
    states = [line["state"] for line in storyline(STORY) if "state" in line]
    assert states == [
        {"anna": {"holds": "job 1"}},
        {"ben": {"holds": "job 1"}},
        {"ben": {"holds": ""}},
        {"anna": {"holds": ""}},
    ]


@pytest.mark.parametrize(
    ("event", "fields", "words"),
    [
        ("resend", {"reason": "timed out"}, "no answer (timed out): sends it again"),
        ("duplicate", {"job": 2}, "the ticket is there already"),
        ("retry", {"job": 2, "reason": "no paper"}, "release job 2: no paper"),
        ("dead", {"job": 2, "reason": "no paper"}, "job 2 to the dead tube: no paper"),
        ("node_gone", {"reason": "gone"}, "node_gone"),
    ],
)
def test_each_event_of_a_journal_has_its_words(event, fields, words):
    assert storyline([happened(1, "anna", event, **fields)])[0]["text"] == words


def test_one_file_holds_all_that_the_picture_needs(tmp_path):
    if shutil.which("esbuild") is None:
        pytest.skip("no esbuild here")
    done, page = draw(tmp_path, as_lines(STORY), "--title", "The story of <order-1>")
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert 'data-play="lanes"' in text and "The story of &lt;order-1&gt;" in text
    assert "job 1, attempt 2" in text and "requestAnimationFrame" in text
    assert not re.search(r'(src|href)="(?!#)', text)  # it asks nobody for anything


def test_without_esbuild_it_stands_still_and_says_so(tmp_path):
    done, page = draw(tmp_path, as_lines(STORY), env={"PATH": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "there is no esbuild here" in done.stderr and "stands still" in done.stderr
    assert '<svg class="spacetime' in page.read_text() and "data-play" not in page.read_text()


def test_what_is_no_event_is_refused_with_its_line(tmp_path):
    text = as_lines(STORY) + json.dumps({"at": 99, "who": "anna"}) + "\n"
    done, page = draw(tmp_path, text)
    assert done.returncode == 1 and not page.exists()
    assert re.search(r"^draw: .*stdin:7: a note needs 'text'$", done.stderr, re.MULTILINE)
    done, page = draw(tmp_path, "")
    assert done.returncode == 1 and "0 events" in done.stderr
