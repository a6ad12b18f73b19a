"""Links that die without a word: packets are dropped, not refused, and nobody hears of it.

TCP then tries again ever more seldom, so that a network that is back after a minute is not noticed
for another one by those who only wait. How soon a cluster is level again is measured by
bench/links.py; here the bounds are generous, and far below what TCP alone would take.
"""

import time

import greenstalk

from harness import eventually

SOON_S = 5


def put(node, body, timeout_s=1):
    """A put that was acknowledged, or False."""
    try:
        with greenstalk.Client(node.address, use="dead-links") as client:
            client.put(body)
        return True
    except (OSError, greenstalk.Error):
        return False


def lasts(seconds):
    """An outage is as long as it is: nothing is waited for here but its end."""
    until = time.monotonic() + seconds
    eventually(lambda: time.monotonic() >= until, "the outage is over", seconds + 1, 0.1)


def accepts_within(nodes, seconds, body):
    """Some node takes a put within so many seconds; how many it took."""
    began = time.monotonic()
    eventually(lambda: any(put(node, body) for node in nodes), "a put is taken", seconds)
    return time.monotonic() - began


def test_all_links_drop_packets_and_work_again(placed_cluster):
    assert put(placed_cluster.leader(), "before")
    placed_cluster.cut()
    eventually(lambda: all(n.status()["leader"] == 0 for n in placed_cluster.nodes), "none leads")
    lasts(14)  # TCP's next attempt is up to 13 s away by now
    placed_cluster.mend()
    began = time.monotonic()
    placed_cluster.leader()
    assert time.monotonic() - began < SOON_S
    accepts_within(placed_cluster.nodes, SOON_S, "after")


def test_a_node_that_was_cut_off_is_level_soon(placed_cluster):
    leader = placed_cluster.leader()
    lonely = next(node for node in placed_cluster.nodes if node is not leader)
    placed_cluster.cut([lonely])
    with greenstalk.Client(leader.address, use="dead-links") as client:
        for i in range(500):
            client.put(f"job {i}")
    lasts(14)
    placed_cluster.mend()
    wanted = placed_cluster.leader().status()["commit_index"]
    began = time.monotonic()
    eventually(lambda: lonely.status()["applied_index"] >= wanted, "it is level", SOON_S)
    print(f"level after {time.monotonic() - began:.2f} s")


def test_a_node_that_died_silently_comes_back_elsewhere_under_its_name(placed_cluster):
    """No FIN, no RST: its machine is no more. The others hold links that nobody answers."""
    leader = placed_cluster.leader()
    lost = next(node for node in placed_cluster.nodes if node is not leader)
    lost.place.cut()
    lost.kill()
    placed_cluster.move(lost)
    assert put(leader, "while it is gone")
    lost.start_and_wait()
    eventually(
        lambda: lost.status()["applied_index"] >= leader.status()["commit_index"],
        "it has what was put meanwhile",
        SOON_S,
    )


