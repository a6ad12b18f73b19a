#!/usr/bin/env python3
"""What clients notice of the network between nodes: how soon a cluster is there again after all links
dropped packets for a while, how soon a node that was cut off is level, and what it costs a reserve to
wait at a follower instead of at the leader. Three nodes; the outages need root and iproute2.

    make bench-links        or: bench/links.py --quartet build/quartet [--rounds 20] [--outage 14]
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test/system"))

WAITS = 300  # reserves


def say(name, values_ms, target):
    values = sorted(values_ms)
    print(
        f"{name:<58} median {statistics.median(values):8.2f} ms   worst {values[-1]:8.2f} ms   {target}",
        flush=True,
    )


def commit_of(node):
    return node.status()["commit_index"]


def outages(cluster, rounds, outage_s, eventually):
    """Milliseconds until somebody leads, and takes a put, after each outage of all links."""
    led, taken = [], []
    for _ in range(rounds):
        cluster.cut()
        time.sleep(outage_s)  # an outage is as long as it is
        cluster.mend()
        began = time.monotonic()
        eventually(lambda: any(n.status()["role"] == "leader" for n in cluster.nodes), "a leader",
                   every_s=0.005)
        led.append((time.monotonic() - began) * 1000)
        put_one(cluster.leader())
        taken.append((time.monotonic() - began) * 1000)
    return led, taken


def put_one(node):
    from harness import Wire

    with Wire(node.address) as wire:
        assert wire.ask("put 0 0 60 1\r\nx\r\n").startswith(b"INSERTED")


def cut_offs(cluster, rounds, outage_s, eventually):
    """Milliseconds until a node that was cut off for as long is level, with 10,000 entries more."""
    from harness import Wire

    level = []
    for _ in range(rounds):
        leader = cluster.leader()
        lonely = next(node for node in cluster.nodes if node is not leader)
        cluster.cut([lonely])
        until = time.monotonic() + outage_s
        wanted = commit_of(leader) + 10000
        with Wire(leader.address) as wire:
            while commit_of(leader) < wanted:
                for _ in range(100):
                    assert wire.ask("put 0 0 60 1\r\nx\r\n").startswith(b"INSERTED")
        time.sleep(max(0, until - time.monotonic()))
        wanted = commit_of(leader)
        cluster.mend()
        began = time.monotonic()
        eventually(lambda: lonely.status()["applied_index"] >= wanted, "level", every_s=0.005)
        level.append((time.monotonic() - began) * 1000)
    return level


def waits(producer, worker, count):
    """Milliseconds from before a put at one node to the job's arrival at a reserve at another."""
    from harness import Wire

    took = []
    with Wire(producer.address) as puts, Wire(worker.address) as takes:
        for wire in (puts, takes):
            wire.ask("use waits\r\n")
        takes.ask("watch waits\r\n")
        takes.ask("ignore default\r\n")
        for _ in range(count):
            takes.say("reserve\r\n")
            while producer.metric("quartet_queue_waiting") != 1:
                pass
            began = time.monotonic()
            assert puts.ask("put 0 0 60 1\r\nx\r\n").startswith(b"INSERTED")
            job = takes.line().split()[1].decode()
            took.append((time.monotonic() - began) * 1000)
            takes.take(3)
            assert takes.ask(f"delete {job}\r\n") == b"DELETED\r\n"
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quartet", default=str(ROOT / "build/quartet"))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--outage", type=float, default=14, help="seconds")
    options = parser.parse_args()
    os.environ["QUARTET"] = str(Path(options.quartet).resolve())
    from harness import Cluster, eventually
    from netns import Network, PlacedCluster

    with tempfile.TemporaryDirectory() as place:
        cluster = Cluster(Path(place)).start()
        try:
            leader, follower = cluster.leader(), cluster.followers()[0]
            at_leader = waits(leader, leader, WAITS)
            at_follower = waits(leader, follower, WAITS)
        finally:
            cluster.kill()
    say("put to a reserve that waits at the leader", at_leader, "")
    say("put at the leader to a reserve that waits at a follower", at_follower, "(2x the above)")
    network = Network()
    try:
        with tempfile.TemporaryDirectory() as place:
            cluster = PlacedCluster(network, Path(place)).start()
            try:
                led, taken = outages(cluster, options.rounds, options.outage, eventually)
                level = cut_offs(cluster, options.rounds, options.outage, eventually)
            finally:
                cluster.kill()
    finally:
        network.remove()
    what = f"after all links dropped packets for {options.outage:g} s"
    say(f"{what}: a leader", led, "(1000, worst 1500)")
    say(f"{what}: a put taken", taken, "")
    say("a node cut off as long, 10,000 entries behind: level", level, "(1000, worst 1500)")


if __name__ == "__main__":
    main()
