#!/usr/bin/env python3
"""How much faster than the time it simulates the simulator is, on one core.

    python3 bench/sim.py [--quartet build/quartet] [--seeds 400] [--rounds 3]

All faults of the default, all invariants, and the systems' own judges are on. A ratio against wall
time is what one waits for; on a machine that others use too it says as much about them. So each
run's own processor time stands beside it, and the median of the rounds is taken of both.
"""

import argparse
import re
import resource
import statistics
import subprocess
import sys
import time

WORLDS = [("raft", 3), ("raft", 5), ("queue", 3), ("queue", 5)]
TARGETS = {("raft", 3): 1000, ("queue", 3): 500}  # simulated over real time


def measure(quartet, system, nodes, seeds):
    """(seconds simulated, wall seconds, processor seconds, client operations a second)"""
    command = [quartet, "sim", system, "--nodes", str(nodes), "--seeds", f"1..{seeds}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    done = subprocess.run([*command, "--jobs", "1"], capture_output=True, text=True)
    wall_s = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}")
    cpu_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    simulated_s = float(re.findall(r"([\d.]+) s simulated", done.stdout)[-1])
    operations = float(re.findall(r"([\d.]+) client operations", done.stdout)[-1])
    return simulated_s, wall_s, cpu_s, operations


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quartet", default="build/quartet")
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"seeds 1..{options.seeds}, {options.rounds} rounds, medians")
    print("world            client ops/s   simulated/wall   simulated/processor   at least")
    for system, nodes in WORLDS:
        rounds = [
            measure(options.quartet, system, nodes, options.seeds) for _ in range(options.rounds)
        ]
        wall = statistics.median(simulated / wall_s for simulated, wall_s, _, _ in rounds)
        cpu = statistics.median(simulated / cpu_s for simulated, _, cpu_s, _ in rounds)
        target = TARGETS.get((system, nodes))
        print(
            f"{system:5} {nodes} nodes {rounds[0][3]:16.0f} {wall:15.0f}x {cpu:20.0f}x"
            f"   {f'{target}x' if target else ''}"
        )


if __name__ == "__main__":
    main()
