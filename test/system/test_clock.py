"""A node whose wall clock is wrong, on a live cluster: it says so, does not lead, and comes back."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import greenstalk
import pytest

from harness import eventually, http

SOURCE = Path(__file__).with_name("clock.c")


@pytest.fixture
def clock_library(place):
    """Makes a node that was not started yet have a clock of its own; returns what sets it off."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = place.directory / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)

    def give(node):
        file = place.directory / f"off-{node.number}"

        def set_off(seconds):
            fresh = place.directory / "fresh"
            fresh.write_text(f"{seconds}\n")
            os.replace(fresh, file)

        set_off(0)
        node.env = {
            "LD_PRELOAD": str(library),
            "CLOCK_OFF": str(file),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
        return set_off

    return give


@pytest.fixture
def clocks(place, clock_library):
    """A cluster, and what sets a node's clock off by so many seconds."""
    cluster = place.cluster()
    setters = {node.number: clock_library(node) for node in cluster.nodes}
    return cluster.start(), lambda node, seconds: setters[node.number](seconds)


def test_a_leader_whose_clock_is_off_says_so_and_hands_over(clocks):
    cluster, set_off = clocks
    old = cluster.leader()
    eventually(lambda: len(old.status()["clocks"]) == 2, "it knows the others' clocks")
    assert all(c["ahead_us_min"] < 200_000 and c["ahead_us_max"] > -200_000
               for c in old.status()["clocks"])
    with greenstalk.Client(old.address) as client:
        client.put("before")
        set_off(old, 3600)
        eventually(lambda: old.status()["clock_off"], "it knows that its clock is off")
        eventually(lambda: cluster.leader() is not old, "another one leads")
        client.put("after")  # on the same connection
    assert old.metric("quartet_clock_off") == 1
    assert "clock-off ahead_us=3" in old.output()
    assert http(old.admin, "/health")[0] == 200  # it serves on
    assert not any(node.status()["clock_off"] for node in cluster.nodes if node is not old)
    # Where it leads no more it is not sent to lead, and when the clock is right it may be again.
    http(old.admin, f"/members?do=transfer&id={old.number}", method="POST", timeout_s=20)
    assert cluster.leader() is not old
    set_off(old, 0)
    eventually(lambda: not old.status()["clock_off"], "its clock is right again")
    answers = []

    def leads():  # 200 says that the transfer has begun, and asked again it would be refused
        if cluster.leader() is old:
            return True
        answers.append(http(old.admin, f"/members?do=transfer&id={old.number}", "POST", 20)[0])
        return False

    eventually(leads, "it leads")
    assert 200 in answers


def test_where_no_quorum_agrees_nobody_is_refused(clocks):
    cluster, set_off = clocks
    for node, seconds in zip(cluster.nodes, (0, 100, 200)):
        set_off(node, seconds)
    for node in cluster.nodes:
        eventually(
            lambda node=node: max(
                abs(c["ahead_us_min"]) for c in node.status()["clocks"]) > 90_000_000,
            "it sees that the others are far off",
        )
    for _ in range(2):
        leader = cluster.leader()
        assert not any(node.status()["clock_off"] for node in cluster.nodes)
        leader.kill()
        leader.start_and_wait()
    with greenstalk.Client(cluster.leader().address) as client:
        client.put("served")


def delay_s(node, delay):
    """How long a job that was put with this delay takes to be ready."""
    began = time.monotonic()
    with greenstalk.Client(node.address, use="delayed", watch="delayed") as client:
        job = client.put("later", delay=delay)
        assert client.reserve(timeout=delay + 30).id == job
        client.delete(job)
    return time.monotonic() - began


def test_a_clock_that_was_wrong_once_delays_nothing_for_ever(clocks):
    """An hour ahead, for as long as it takes to be noticed: log time's calendar must not keep it."""
    cluster, set_off = clocks
    old = cluster.leader()
    set_off(old, 3600)
    with greenstalk.Client(old.address) as client:
        client.put("stamped an hour ahead")
    eventually(lambda: cluster.leader() is not old, "another one leads")
    set_off(old, 0)
    assert delay_s(cluster.leader(), 1) < 10
    eventually(
        lambda: all(node.status()["wall_ahead_us"] < 3_000_000 for node in cluster.nodes),
        "the calendar of the log is right again",
    )


def test_a_node_alone_gets_over_a_clock_that_was_wrong(place, clock_library):
    node = place.node(1)
    set_off = clock_library(node)
    node.start_and_wait()
    with greenstalk.Client(node.address) as client:
        set_off(3600)
        client.put("stamped an hour ahead")
        set_off(0)
    assert delay_s(node, 1) < 10
    assert "log-clock-set-back" in node.output()
    node.stop()
    node.start_and_wait()
    assert delay_s(node, 1) < 10


def test_a_restart_lengthens_no_delay(place):
    node = place.node(1).start_and_wait()
    with greenstalk.Client(node.address) as client:
        client.put("later", delay=3)
    until = time.monotonic() + 3
    node.stop()
    eventually(lambda: time.monotonic() > until, "its time has come", every_s=0.1)
    began = time.monotonic()
    node.start_and_wait()
    with greenstalk.Client(node.address) as client:
        client.reserve(timeout=10)
    assert time.monotonic() - began < 3
