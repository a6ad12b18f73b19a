#!/usr/bin/env python3
"""`make bench-snapshot`: what clients notice while a large machine is snapshotted.

Three nodes of `quartet queue`, filled with one GiB of jobs. Then, each under a load of
put-reserve-delete on the leader:

    quiet    nothing else: what the same load sees on its own
    disk     until the leader has cut a snapshot to its disk
    wiped    a follower is killed, its disk is wiped, and it takes a snapshot from the leader
    behind   a follower stands still until the log has left it behind, and takes a snapshot in place
             of the machine that it still holds

No single call into a node may take longer than 5 ms: the host times each, and /metrics shows them
as quartet_step_seconds. See README.md beside this file. Exit 0: everything was measured; 1: not.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path) != HERE] + [HERE]

from harness import report  # noqa: E402
from harness.load import Load, LoadError  # noqa: E402
from harness.servers import HOST, ServerError, Yard, wait_until  # noqa: E402

MIB = 1 << 20
STEP_S_MAX = 0.005
PHASE_TIMEOUT_S = 600
SETTLE_S = 2  # /metrics is written once a second


def metrics(node):
    """Every line of /metrics without labels but those of the step histogram."""
    connection = http.client.HTTPConnection(HOST, node.admin, timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    found = {}
    for line in text.splitlines():
        if not line.startswith("#") and " " in line:
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def total(node, name):
    return metrics(node)["quartet_" + name]


class Steps:
    """What the calls into one node took between two looks at its metrics."""

    def __init__(self, node, role):
        self.node, self.role = node, role
        self.before, self.peak_bytes = self.look(), 0

    def look(self):
        try:
            return metrics(self.node)
        except (OSError, http.client.HTTPException):
            return {}

    def again(self):
        """It was started anew, and counts from zero."""
        self.before = {}

    def watch_memory(self):
        try:
            self.peak_bytes = max(self.peak_bytes, self.node.memory_bytes())
        except (OSError, ServerError, AttributeError):
            pass

    def result(self):
        after = self.look()

        def grew(name):
            return after[name] - self.before.get(name, 0)

        calls = grew("quartet_step_seconds_count")
        bounds = [
            (float(name.split('"')[1]), name)
            for name in after
            if name.startswith("quartet_step_seconds_bucket") and "Inf" not in name
        ]
        within = [bound for bound, name in sorted(bounds) if grew(name) == calls]
        longest = after["quartet_step_longest_seconds"]
        is_new = longest > self.before.get("quartet_step_longest_seconds", 0)
        slow = calls - grew(f'quartet_step_seconds_bucket{{le="{STEP_S_MAX:.6f}"}}')
        return {
            "role": self.role,
            "calls": int(calls),
            "over_5_ms": int(slow),
            # Exact when it is the longest since the start, else the bound of its histogram's cell.
            "longest_ms": 1000 * (longest if is_new or not within else within[0]),
            "exact": is_new,
            "memory_peak_mib": self.peak_bytes / MIB,
            "memory_after_mib": self.node.memory_bytes() / MIB,
        }


class Loop(threading.Thread):
    """The load, in runs of a second, until told to stop."""

    def __init__(self, bench, leader, payload):
        super().__init__(daemon=True)
        self.bench, self.leader, self.payload = bench, leader, payload
        self.done, self.runs, self.problem = threading.Event(), [], None

    def run(self):
        try:
            while not self.done.is_set():
                self.runs.append(self.bench.cycle(self.leader, self.payload))
        except (LoadError, OSError) as problem:
            self.problem = problem

    def stop(self):
        self.done.set()
        self.join()
        if self.problem is not None:
            raise LoadError(str(self.problem))

    def result(self):
        operations = sum(run["ops"] for run in self.runs)
        return {
            "ops_per_s": operations / sum(run["seconds"] for run in self.runs),
            "p99_ms": max(run["p99_us"] for run in self.runs) / 1000,
            "max_ms": max(run["max_us"] for run in self.runs) / 1000,
        }


class Bench:
    def __init__(self, options, yard):
        self.options, self.yard = options, yard
        self.load = Load(options.load, 1, 0)
        self.rows, self.case = [], ""

    def say(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)

    def cycle(self, leader, payload):
        return self.load.timed(
            "cycle", leader, payload=payload, connections=self.options.connections, priorities=1024
        )

    def phase(self, name, leader, watched, payload, act, over):
        """Acts under load until it is over; one row for the clients, one for each node watched."""
        steps = [Steps(leader, "leader")] + [Steps(node, "follower") for node in watched]
        loop = Loop(self, leader, payload)
        loop.start()
        began = time.monotonic()
        try:
            act(steps)
            while not over():
                if loop.problem is not None:
                    break
                if time.monotonic() - began > PHASE_TIMEOUT_S:
                    raise ServerError(f"{name}: not over within {PHASE_TIMEOUT_S} s")
                for each in steps:
                    each.watch_memory()
                time.sleep(0.05)
            seconds = time.monotonic() - began
            time.sleep(SETTLE_S)  # what follows upon it, as the freeing of memory, counts too
        finally:
            loop.stop()
        time.sleep(SETTLE_S)
        row = {"case": self.case, "phase": name, "seconds": seconds, "clients": loop.result(),
               "nodes": [each.result() for each in steps]}
        self.rows.append(row)
        self.say(line(row))

    def run_case(self, payload):
        jobs = int(self.options.gib * (1 << 30) / (payload + self.options.overhead))
        self.case = f"{jobs:,} jobs of {payload} bytes"
        print(f"{self.case}:", file=sys.stderr, flush=True)
        with self.yard.quartet_cluster(self.options.fsync) as cluster:
            leader = cluster.leader()
            self.load.fill(leader, jobs, payload)
            leader = cluster.leader()
            follower = next(node for node in cluster.nodes if node is not leader)
            self.say(f"filled: {leader.memory_bytes() / MIB:.0f} MiB resident, longest call "
                     f"{1000 * total(leader, 'step_longest_seconds'):.1f} ms")
            for name in self.options.phases:
                getattr(self, name)(leader, follower, payload)

    # --- the phases ---

    def quiet(self, leader, follower, payload):
        until = time.monotonic() + 3
        self.phase("quiet", leader, [follower], payload, lambda steps: None,
                   lambda: time.monotonic() > until)

    def disk(self, leader, follower, payload):
        written = total(leader, "snapshots_written_total")
        self.phase("disk", leader, [follower], payload, lambda steps: None,
                   lambda: total(leader, "snapshots_written_total") > written)

    def wiped(self, leader, follower, payload):
        def wipe(steps):
            follower.stop(signal.SIGKILL)
            shutil.rmtree(follower.data_directory)
            follower.spawn()
            wait_until("the wiped node's /metrics", steps[1].look)
            steps[1].again()

        self.phase("wiped", leader, [follower], payload, wipe,
                   lambda: self.caught_up(leader, follower, 0))

    def behind(self, leader, follower, payload):
        installed = total(follower, "snapshots_installed_total")

        def stand_still(steps):
            begin = total(leader, "log_written_bytes_total")
            follower.process.send_signal(signal.SIGSTOP)
            try:
                wait_until("a log that leaves the follower behind",
                           lambda: self.left_behind(leader, begin), PHASE_TIMEOUT_S)
            finally:
                follower.process.send_signal(signal.SIGCONT)

        self.phase("behind", leader, [follower], payload, stand_still,
                   lambda: self.caught_up(leader, follower, installed))

    def left_behind(self, leader, begin):
        time.sleep(0.2)
        return total(leader, "log_written_bytes_total") - begin > self.options.behind_mib * MIB

    def caught_up(self, leader, follower, installed):
        try:
            found = metrics(follower)
        except (OSError, http.client.HTTPException):
            return False
        if found.get("quartet_snapshots_installed_total", 0) <= installed:
            return False
        ahead = total(leader, "applied_index")
        return found.get("quartet_applied_index", 0) + 10000 > ahead


def line(row):
    clients = row["clients"]
    text = (f"{row['phase']}: {row['seconds']:.1f} s, clients {clients['ops_per_s']:,.0f} op/s, "
            f"p99 {clients['p99_ms']:.1f} ms, longest {clients['max_ms']:.1f} ms")
    for node in row["nodes"]:
        text += (f"; {node['role']} {'' if node['exact'] else 'at most '}"
                 f"{node['longest_ms']:.2f} ms a call, {node['over_5_ms']} of {node['calls']:,} "
                 f"over 5 ms, {node['memory_peak_mib']:.0f} MiB at most, "
                 f"{node['memory_after_mib']:.0f} after")
    return text


def table(rows):
    lines = ["| jobs | phase | seconds | op/s | p99, max ms | longest call of leader, follower ms "
             "| calls over 5 ms | memory after, MiB |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        clients, nodes = row["clients"], row["nodes"]
        longest = ", ".join(("" if n["exact"] else "< ") + f"{n['longest_ms']:.2f}" for n in nodes)
        lines.append(
            f"| {row['case']} | {row['phase']} | {row['seconds']:.1f} | {clients['ops_per_s']:,.0f}"
            f" | {clients['p99_ms']:.1f}, {clients['max_ms']:.1f} | {longest} | "
            + ", ".join(str(n["over_5_ms"]) for n in nodes) + " | "
            + ", ".join(f"{n['memory_after_mib']:.0f}" for n in nodes) + " |")
    return "\n".join(lines)


def parse_options():
    root = os.path.dirname(HERE)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quartet", default=os.path.join(root, "build", "quartet"))
    add("--load", help="load generator (bench/quartet-load beside --quartet)")
    add("--gib", type=float, default=1.0, help="size of the machine (1)")
    add("--payloads", default="1024,64", help="bytes of a job, one case each (1024,64)")
    add("--overhead", type=int, default=120, help="bytes of memory beside a job's body (120)")
    add("--connections", type=int, default=16)
    add("--phases", default="quiet,disk,wiped,behind")
    add("--fsync", choices=("always", "never"), default="always")
    add("--behind-mib", type=int, default=100, help="log that leaves a follower behind (100)")
    add("--quick", action="store_true", help="a sixteenth of the size; not for quoting")
    add("--data", default="/var/tmp", help="where the servers' directories go (/var/tmp)")
    add("--port-base", type=int, default=23000)
    add("--json", help="where all figures go (bench-snapshot.json beside --quartet)")
    options = parser.parse_args()
    built = os.path.dirname(os.path.abspath(options.quartet))
    options.load = options.load or os.path.join(built, "bench", "quartet-load")
    options.json = options.json or os.path.join(built, "bench-snapshot.json")
    options.phases = options.phases.split(",")
    unknown = [name for name in options.phases if name not in ("quiet", "disk", "wiped", "behind")]
    if unknown:
        parser.error(f"no such phase: {', '.join(unknown)}")
    if options.quick:
        options.gib /= 16
    for program in (options.load, options.quartet):
        if not os.access(program, os.X_OK):
            parser.error(f"{program} is not there: build first")
    return options


def main():
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    yard = Yard(options.data, options.port_base, None, options.quartet)
    bench, failed = Bench(options, yard), None
    neighbours = report.Neighbours()
    try:
        for payload in map(int, options.payloads.split(",")):
            bench.run_case(payload)
    except (LoadError, ServerError, OSError) as problem:
        failed = f"{bench.case}: {problem}"
    finally:
        yard.clear()
    share = neighbours.share()
    print(table(bench.rows))
    if share is not None:
        print(f"\nOthers used {100 * share:.0f} % of the processors meanwhile.")
    with open(options.json, "w", encoding="utf-8") as out:
        json.dump({"others": share, "rows": bench.rows, "failed": failed}, out, indent=1)
    if failed:
        print(f"\n**Not all was measured**: {failed}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
