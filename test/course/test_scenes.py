"""The scenes that the pages of session 4 draw: what they show is what their captions say."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCENES = Path(__file__).resolve().parents[2] / "distributed-systems-course/tools/scenes.py"


def scene(name, place):
    events = place / "events"
    subprocess.run([sys.executable, SCENES, name, events], check=True, timeout=60)
    return [json.loads(line) for line in events.read_text().splitlines()]


def said(events, to, since=0):
    return [one["text"] for one in events[since:] if one.get("to") == to]


def at(events, text):
    return next(i for i, one in enumerate(events) if one["text"] == text)


def test_a_sale_on_one_disk_dies_with_it_and_one_on_two_does_not(tmp_path):
    events = scene("copies", tmp_path)
    assert said(events, "customer") == ["OK", "OK", "anna", "(nil)"]
    lost = [one["text"] for one in events if one.get("lost")]
    assert lost == ["WRITE seat:12 ben"] * 2
    assert any(one["text"] == "is killed" for one in events)


def test_another_leads_and_the_old_one_takes_everything(tmp_path):
    events = scene("election", tmp_path)
    killed, back = at(events, "is killed"), at(events, "starts again, with its disk")
    asked, voted = at(events, "ASK for term 2"), at(events, "VOTE: yes, in term 2")
    assert killed < asked < voted < at(events, "majority SET seat:12 carla") < back
    assert said(events, "customer", killed) == ["OK"]
    assert said(events, "node 2", back) == ["ALL?", "ACK: on my disk"]
    ends = [one["state"]["node 1"] for one in events[back:] if "node 1" in one.get("state", {})]
    assert ends[-2]["seat:12"] == "ben" and ends[-1] == {"seat:12": "carla"}


def test_two_believe_that_they_lead_and_one_can_sell(tmp_path):
    events = scene("two-leaders", tmp_path)
    healed = at(events, "is connected again")
    assert said(events, "Ben")[0] == "the connection closes"
    assert said(events, "Carla")[0] == "OK"
    led = [i for i, one in enumerate(events) if one["text"] == "BEAT: I lead term 2"]
    assert led[0] < at(events, "majority SET seat:12 carla") < at(events, "the connection closes")
    assert said(events, "Ben", healed) == ["ben"]  # the hole: session 9
    assert said(events, "Carla", healed) == ["carla"]
    assert "ALL?" not in said(events, "node 2", healed)  # the versions are the same


@pytest.mark.parametrize("words", [[], ["nothing", "events"]])
def test_a_scene_that_there_is_not_is_one_clear_line(words):
    done = subprocess.run(
        [sys.executable, SCENES, *words], capture_output=True, text=True, timeout=60, check=False
    )
    said = "scenes.py copies|election|two-leaders EVENTS\n"
    assert (done.returncode, done.stderr) == (2, said)
