"""A node whose wall clock is wrong, on a live cluster: it says so, does not lead, and comes back."""

import os
import shutil
import subprocess
from pathlib import Path

import greenstalk
import pytest

from harness import eventually, http

SOURCE = Path(__file__).with_name("clock.c")


@pytest.fixture
def clocks(place):
    """A cluster, and what sets a node's clock off by so many seconds."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    library = place.directory / "clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    cluster = place.cluster()

    def file(node):
        return place.directory / f"off-{node.number}"

    def set_off(node, seconds):
        fresh = place.directory / "fresh"
        fresh.write_text(f"{seconds}\n")
        os.replace(fresh, file(node))

    for node in cluster.nodes:
        set_off(node, 0)
        node.env = {
            "LD_PRELOAD": str(library),
            "CLOCK_OFF": str(file(node)),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
    return cluster.start(), set_off


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
