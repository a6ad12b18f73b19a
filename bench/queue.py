#!/usr/bin/env python3
"""`make bench-queue`: quartet queue and beanstalkd side by side, in one run, alternating.

Starts every server itself, in fresh directories on one file system, measures the rows of the
table of targets, and prints the table. See README.md beside this file. Exit 0: every row was
measured (met or missed); 1: some row could not be; 2: bad usage.
"""

import argparse
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time

# `make` wants this file called queue.py, and the standard library has a module of that name: look
# there first, here last.
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [path for path in sys.path if os.path.abspath(path) != HERE] + [HERE]

from harness import report  # noqa: E402
from harness.load import Load, LoadError  # noqa: E402
from harness.report import Result  # noqa: E402
from harness.servers import ServerError, Yard, ask, wait_until  # noqa: E402

MIB = 1 << 20
JOB_BYTES = 64
ANSWER_TIMEOUT_S = 300
SETTLE_TIMEOUT_S = 60
PACE_US = 5000
REAL_TIME_PRIORITY = 10
EMBARGO_TIMEOUTS = 2.2  # a node that came back gives no vote for so many election timeouts


class Bench:
    """The options of a run, and how its two sides take turns."""

    def __init__(self, options, yard, load):
        self.options, self.yard, self.load = options, yard, load
        self.rounds = options.rounds

    @property
    def has_ours(self):
        return self.options.control or self.options.quartet is not None

    @property
    def has_cluster(self):
        return self.options.quartet is not None and not self.options.control

    def ours(self, durability):
        """A single node of ours; in a control run, beanstalkd in its place."""
        make = self.yard.beanstalkd if self.options.control else self.yard.quartet
        return make(durability)

    def peer(self, durability):
        return self.yard.beanstalkd(durability)

    def cluster(self):
        return self.yard.quartet_cluster("always")

    def alternate(self, ours, peer):
        """Calls ours, peer, ours, peer, ...: what they returned, round by round. Ours may be
        None: not to be measured."""
        left, right = [], []
        for number in range(self.rounds):
            self.say(f"round {number + 1} of {self.rounds}")
            if ours is not None:
                left.append(ours())
            right.append(peer())
        return left, right

    def alternate_single(self, measure):
        """The same for measure(make), where make(durability) is one node of either side."""
        ours = (lambda: measure(self.ours)) if self.has_ours else None
        return self.alternate(ours, lambda: measure(self.peer))

    def say(self, text):
        print(f"  {text}", file=sys.stderr, flush=True)


def each(key, results):
    return [r[key] for r in results]


def speed(row, case, sides, at_least=None, p99_at_most=None):
    """The two lines that a measurement of speed gives."""
    left, right = sides
    for key, name, unit, least, most in (
        ("ops_per_s", case, "op/s", at_least, None),
        ("p99_us", case + ", p99", "us", None, p99_at_most),
    ):
        yield Result(
            row, name, unit, each(key, left), each(key, right), at_least=least, at_most=most
        )


def single_node(bench, row, mode, durability, connections, pipeline=1, **targets):
    def measure(make):
        with make(durability) as server:
            return bench.load.timed(mode, server, connections=connections, pipeline=pipeline)

    case = f"{mode}, {connections} conn" + (f" x {pipeline}" if pipeline > 1 else "")
    yield from speed(row, case, bench.alternate_single(measure), **targets)


def row_fsync_put(bench):
    """single node, fsync before every acknowledgement"""
    targets = {
        1: {"at_least": 0.95},
        16: {},
        64: {"at_least": 8},
        256: {"at_least": 12, "p99_at_most": 0.2},
    }
    for connections, target in targets.items():
        yield from single_node(bench, "fsync-put", "put", "always", connections, **target)


def row_never(bench):
    """single node, no fsync, against beanstalkd without a binlog"""
    for mode in ("put", "cycle"):
        for connections in (1, 16, 64, 256):
            yield from single_node(
                bench, "never", mode, "never", connections, at_least=1, p99_at_most=1
            )


def row_pipelined(bench):
    """the same with 16 commands in flight on each connection"""
    for mode in ("put", "cycle"):
        for connections in (1, 16, 64, 256):
            yield from single_node(
                bench, "pipelined", mode, "never", connections, pipeline=16, at_least=2
            )


def row_three(bench):
    """three nodes, a majority's fsync before each acknowledgement, clients on the leader"""
    for connections, at_least in ((1, 0.4), (64, 4), (256, 7)):

        def ours():
            with bench.cluster() as cluster:
                return bench.load.timed("put", cluster.leader(), connections=connections)

        def peer():
            with bench.peer("always") as server:
                return bench.load.timed("put", server, connections=connections)

        sides = bench.alternate(ours if bench.has_cluster else None, peer)
        yield from speed("three", f"put, {connections} conn", sides, at_least=at_least)


def row_one_write(bench):
    """one write at a time into three idle nodes, against the floor of this machine"""
    for case, pace_us in (("back to back", 0), (f"one each {PACE_US // 1000} ms", PACE_US)):

        def ours():
            with bench.cluster() as cluster:
                return bench.load.timed("put", cluster.leader(), pace_us=pace_us)

        def floor():
            return bench.load.run(
                "reference",
                dir=bench.yard.root,
                seconds=bench.load.seconds,
                warmup=bench.load.warmup,
                pace_us=pace_us,
            )

        left, right = bench.alternate(ours if bench.has_cluster else None, floor)
        yield Result(
            "one-write",
            f"put, p50, {case}",
            "us",
            each("p50_us", left),
            each("p50_us", right),
            peer_name="floor",
            at_most=2,
        )


def row_failover(bench):
    """the leader killed, until the next acknowledged put, in election timeouts"""
    if not bench.has_cluster:
        bench.say("needs a cluster of ours: skipped")
        yield Result("failover", "gap", "ms", peer_name="election timeout", at_most=3)
        return
    gaps, timeouts = [], []
    with bench.cluster() as cluster:
        for number in range(bench.options.kills):
            bench.say(f"kill {number + 1} of {bench.options.kills}")
            leader = cluster.leader()
            timeouts.append(leader.status().get("election_timeout_us"))
            order = [leader] + [n for n in cluster.nodes if n is not leader]
            result = bench.load.run(
                "failover",
                addresses=",".join(n.address for n in order),
                kill=leader.pid,
            )
            leader.process.wait()
            gaps.append(result["gap_us"] / 1000)
            leader.spawn()
            wait_until("the killed node is back", leader.answers)
            cluster.leader()
            time.sleep(EMBARGO_TIMEOUTS * (timeouts[-1] or 0) / 1e6)  # a cluster at rest
    known = [t / 1000 for t in timeouts if t]
    note = f"worst of {len(gaps)}: {max(gaps):.0f} ms"
    if len(known) < len(gaps):
        note += "; /status names no election_timeout_us, so there is no ratio"
    # Rounds here are kills: the judged ratio is the median over all of them.
    yield Result(
        "failover",
        f"gap, median of {len(gaps)}",
        "ms",
        gaps,
        known if len(known) == len(gaps) else [],
        peer_name="election timeout",
        at_most=3,
        note=note,
    )


def row_memory(bench):
    """resident memory that 1,000,000 ready jobs of 64 bytes cost"""
    jobs = bench.options.jobs

    def measure(make):
        with make("never") as server:
            before = server.memory_bytes()
            bench.load.fill(server, jobs, JOB_BYTES)
            after = server.memory_bytes()
            peak = server.memory_bytes("VmHWM")
        return {"bytes": (after - before) / jobs, "peak": (peak - before) / jobs}

    left, right = bench.alternate_single(measure)
    case = f"{jobs:,} jobs of {JOB_BYTES} bytes"
    yield Result(
        "memory", case, "byte/job", each("bytes", left), each("bytes", right), at_most=1
    )
    yield Result("memory", case + ", peak", "byte/job", each("peak", left), each("peak", right))


def row_growth(bench):
    """processor time per command when there is much of something, against when there is little"""
    little = {"prefill": 1000, "tubes": 1, "connections": 64}
    cases = {
        f"{bench.options.jobs:,} jobs": (little, {**little, "prefill": bench.options.jobs}),
        # Each put goes to another tube, each job is reserved by its id; so in the small case too.
        "10,000 tubes": (
            {**little, "rotate": True},
            {**little, "rotate": True, "tubes": 10000, "prefill": 10000},
        ),
        "5,000 connections": (little, {**little, "connections": 5000}),
        "5,000 connections, 64 at work": (little, {**little, "idle": 4936}),
    }

    def cost(make, shape):
        with make("never") as server:
            result = bench.load.timed("cycle", server, priorities=1024, **shape)
        return {
            "cpu": 1e6 * result["server_cpu_s"] / result["ops"],
            "wall": 1e6 / result["ops_per_s"],
        }

    def growth(make, small, large):
        before, after = cost(make, small), cost(make, large)
        return {
            "before": before["cpu"],
            "after": after["cpu"],
            "growth": after["cpu"] / before["cpu"],
            "wall": after["wall"] / before["wall"],
        }

    for case, (small, large) in cases.items():
        left, right = bench.alternate_single(lambda make: growth(make, small, large))
        yield Result(
            "growth",
            f"{case}: cost of a command, against ours with little",
            "us",
            each("after", left),
            each("before", left),
            peer_name="ours, little",
            at_most=1.5,
        )
        yield Result(
            "growth",
            f"{case}: growth of that cost",
            "x",
            each("growth", left),
            each("growth", right),
            at_most=1,
            note=growth_note("beanstalkd", right) + (growth_note("; ours", left) if left else ""),
        )


def growth_note(name, rounds):
    before, after, wall = (statistics.median(each(k, rounds)) for k in ("before", "after", "wall"))
    return f"{name} {before:.1f} to {after:.1f} us of processor, {wall:.2f}x by wall clock"


def time_to_answer(server):
    """Starts a stopped server; seconds until it has answered with one of its jobs."""
    started = time.monotonic()
    server.spawn()

    def found():
        if server.process.poll() is not None:
            raise ServerError(f"{server.name} did not come back: {server.output()}")
        try:
            # A connection may be taken long before the answer: wait on it, do not come again.
            replies = ask(
                server.port, b"use load-0\r\npeek-ready\r\n", ANSWER_TIMEOUT_S, lines=2
            )
        except OSError:
            return False
        return replies[1].startswith("FOUND ")

    wait_until("an answer after the restart", found, ANSWER_TIMEOUT_S)
    return time.monotonic() - started


def ready_jobs(server):
    for line in ask(server.port, b"stats\r\n", ANSWER_TIMEOUT_S, lines=10):
        if line.startswith("current-jobs-ready: "):
            return int(line.split()[1])
    raise ServerError(f"{server.name}: stats without current-jobs-ready")


def row_restart(bench):
    """from the start of the process to its first answer, with 1,000,000 jobs on disk"""
    jobs = bench.options.jobs

    def measure(make):
        with make("log") as server:
            bench.load.fill(server, jobs, JOB_BYTES)
            server.stop()
            seconds = time_to_answer(server)
            found = ready_jobs(server)
            if found != jobs:
                raise ServerError(f"{server.name} came back with {found} of {jobs} jobs")
        return {"seconds": seconds}

    left, right = bench.alternate_single(measure)
    yield Result(
        "restart",
        f"first answer, {jobs:,} jobs",
        "s",
        each("seconds", left),
        each("seconds", right),
        at_most=1,
        note="stopped by SIGTERM, files in the page cache",
    )


class DiskWatch(threading.Thread):
    """Samples what a directory takes on disk, and what its snapshots do, while something runs."""

    def __init__(self, directory):
        super().__init__(daemon=True)
        self.directory, self.done = directory, threading.Event()
        self.peak = self.peak_over_limit = 0

    def sample(self):
        total = snapshots = 0
        for place, _, names in os.walk(self.directory):
            for name in names:
                try:
                    size = os.lstat(os.path.join(place, name)).st_blocks * 512
                except FileNotFoundError:
                    continue
                total += size
                snapshots = max(snapshots, size if "snap" in name else 0)
        limit = 2 * snapshots + 2 * max(64 * MIB, snapshots)
        self.peak = max(self.peak, total)
        self.peak_over_limit = max(self.peak_over_limit, total / limit)
        return total

    def run(self):
        while not self.done.wait(0.2):
            self.sample()

    def settle(self):
        """What is left once a second has passed without change."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        last = self.sample()
        while time.monotonic() < deadline:
            time.sleep(1)
            now = self.sample()
            if now == last:
                break
            last = now
        self.done.set()
        self.join()
        return last


def row_disk(bench):
    """disk in use once 10,000,000 jobs were put and deleted"""
    jobs = bench.options.disk_jobs

    def measure(make):
        with make("log") as server:
            watch = DiskWatch(server.data_directory)
            watch.start()
            bench.load.run(
                "churn",
                address=server.address,
                count=jobs,
                connections=16,
                pipeline=64,
                timeout_s=3600,
            )
            left = watch.settle()
        return {"left": left / MIB, "peak": watch.peak / MIB, "over": watch.peak_over_limit}

    # Once is enough: this is a size, not a speed.
    ours = measure(bench.ours) if bench.has_ours else None
    peer = measure(bench.peer)
    case = f"{jobs:,} jobs put and deleted"
    note = f"beanstalkd's binlog: {peer['left']:.0f} MiB left, {peer['peak']:.0f} MiB at most"
    if ours:
        note += f"; our directory: {ours['peak']:.0f} MiB at most"
    yield Result(
        "disk",
        f"{case}, left",
        "MiB",
        [ours["left"]] if ours else [],
        [256.0],
        peer_name="limit",
        at_most=1,
        note=note,
    )
    yield Result(
        "disk",
        f"{case}, peak",
        "of limit",
        [ours["over"]] if ours else [],
        [1.0],
        peer_name="2 snapshots + 2 x max(64 MiB, snapshot)",
        at_most=1,
    )


def simulated_seconds(text):
    """How long a run of the simulator says it simulated: its last word, for it tells of its
    progress in the same words."""
    found = re.findall(r"([\d.]+) s simulated", text)
    return float(found[-1]) if found else None


def row_simulator(bench):
    """simulated time against the time it takes, three nodes"""
    result = Result("simulator", "three nodes", "s", peer_name="wall", at_least=500)
    if not bench.has_cluster:
        bench.say("needs quartet: skipped")
        yield result
        return
    # One process: spread over all cores it would be the machine that is measured.
    words = [bench.options.quartet, "sim", "queue", "--jobs", "1"]
    words += ["--seeds", f"1..{bench.options.seeds}"]
    for _ in range(bench.rounds):
        started = time.monotonic()
        done = subprocess.run(words, capture_output=True, text=True, timeout=1800)
        wall = time.monotonic() - started
        simulated = simulated_seconds(done.stdout)
        if done.returncode != 0 or simulated is None:
            tail = " / ".join((done.stdout or done.stderr).strip().splitlines()[-2:])
            raise ServerError(f"{' '.join(words)}: exit {done.returncode}, said: {tail}")
        result.ours.append(simulated)
        result.peer.append(wall)
        result.note = done.stdout.strip().splitlines()[-1]
    yield result


ROWS = {
    "fsync-put": row_fsync_put,
    "never": row_never,
    "pipelined": row_pipelined,
    "three": row_three,
    "one-write": row_one_write,
    "failover": row_failover,
    "memory": row_memory,
    "growth": row_growth,
    "restart": row_restart,
    "disk": row_disk,
    "simulator": row_simulator,
}


def parse_options():
    root = os.path.dirname(HERE)
    rows = "\n".join(f"  {name:12} {row.__doc__}" for name, row in ROWS.items())
    parser = argparse.ArgumentParser(
        description="quartet queue against beanstalkd",
        epilog="rows:\n" + rows,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", metavar="ROW,...", help="these rows only")
    add("--rounds", type=int, help="times each pair is measured (3; quick 1)")
    add("--seconds", type=float, help="measured time of one run (3; quick 0.7)")
    add("--warmup", type=float, help="time before it (1; quick 0.3)")
    add("--quick", action="store_true", help="a rough look in a few minutes")
    add("--real-time", action="store_true",
        help="servers of both sides and load above all others on the machine (needs root)")
    add("--jobs", type=int, help="jobs where the table says 1,000,000 (quick 100,000)")
    add("--disk-jobs", type=int, help="jobs where it says 10,000,000 (quick 500,000)")
    add("--kills", type=int, help="leaders killed (20; quick 3)")
    add("--seeds", type=int, help="seeds simulated (200; quick 20)")
    add("--build", help="build directory (where --quartet is, else build)")
    add("--quartet", help="our program (BUILD/quartet)")
    add("--load", help="load generator (BUILD/bench/quartet-load)")
    add("--beanstalkd", default="beanstalkd", help="the peer's program")
    add("--data", default="/var/tmp", help="where the servers' directories go (/var/tmp)")
    add("--port-base", type=int, default=21000, help="1000 ports from here (21000)")
    add("--json", help="where all figures go (BUILD/bench-queue.json)")
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--peer-only", action="store_true", help="beanstalkd alone")
    side.add_argument(
        "--control", action="store_true", help="beanstalkd against itself: the noise of the machine"
    )
    options = parser.parse_args()
    full = {"rounds": 3, "seconds": 3.0, "warmup": 1.0, "jobs": 1_000_000,
            "disk_jobs": 10_000_000, "kills": 20, "seeds": 200}
    quick = {"rounds": 1, "seconds": 0.7, "warmup": 0.3, "jobs": 100_000,
             "disk_jobs": 500_000, "kills": 3, "seeds": 20}
    for name, value in (quick if options.quick else full).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
        if getattr(options, name) <= 0 and name != "warmup":
            parser.error(f"--{name.replace('_', '-')} must be above zero")
    options.rows = options.only.split(",") if options.only else list(ROWS)
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    if options.build is None:
        built = os.path.dirname(os.path.abspath(options.quartet)) if options.quartet else None
        options.build = built or os.path.join(root, "build")
    options.load = options.load or os.path.join(options.build, "bench", "quartet-load")
    options.json = options.json or os.path.join(options.build, "bench-queue.json")
    options.quartet = options.quartet or os.path.join(options.build, "quartet")
    if options.peer_only or options.control:
        options.quartet = None
    for program in filter(None, (options.load, options.quartet)):
        if not os.access(program, os.X_OK):
            parser.error(f"{program} is not there: build first, or see --build")
    return options


def raise_file_limit():
    """5,000 connections want as many descriptors, here and in the servers that inherit this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_in_real_time():
    """All that is started from here on takes the processor before its neighbours, both sides and
    the generator alike, and none of them before another."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REAL_TIME_PRIORITY))
    except (AttributeError, PermissionError) as problem:
        sys.exit(f"--real-time: {problem}")


def measure_rows(bench, info, results, failures):
    options = bench.options
    for row in options.rows:
        print(f"{row}: {ROWS[row].__doc__}", file=sys.stderr, flush=True)
        neighbours = report.Neighbours()
        try:
            for result in ROWS[row](bench):
                results.append(result)
                ours = report.middle(result.ours)
                bench.say(f"{result.case}: {ours} against {report.middle(result.peer)} "
                          f"{result.unit}, ratio {report.ratio_text(result)}: {result.verdict()}")
        except (LoadError, ServerError, OSError, subprocess.TimeoutExpired) as problem:
            failures[row] = str(problem)
            bench.say(f"FAILED: {problem}")
        info["others"][row] = neighbours.share()
        shown = {k: v for k, v in vars(options).items() if k not in ("build", "json", "data")}
        report.save(options.json, info, shown, results, failures)


def main():
    options = parse_options()
    raise_file_limit()
    if options.real_time:
        run_in_real_time()
    # Ended from outside, it still stops its servers and clears its files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    yard = Yard(options.data, options.port_base, options.beanstalkd, options.quartet)
    bench = Bench(options, yard, Load(options.load, options.seconds, options.warmup))
    info = report.machine(yard.root, options.beanstalkd, options.quartet)
    results, failures = [], {}
    try:
        measure_rows(bench, info, results, failures)
    except KeyboardInterrupt:
        failures["the run"] = "interrupted"
    finally:
        yard.clear()
        print(report.machine_text(info))
        print(f"{options.rounds} rounds of {options.seconds:g} s"
              + (", quick: not for quoting." if options.quick else ".")
              + (" Both sides and the load ran with real-time priority."
                 if options.real_time else ""))
        if options.control:
            print("Control run: `ours` is beanstalkd too, so every ratio should be 1.")
        print(report.neighbours_text(info))
        print("\n" + report.table(results))
        print(f"\nAll figures: {options.json}")
        for row, problem in failures.items():
            print(f"\n**{row} was not measured**: {problem}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
