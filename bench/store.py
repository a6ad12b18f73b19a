#!/usr/bin/env python3
"""`make bench-store`: quartet store and Debian's Redis side by side, in one run, alternating.

So far of one node. The load is redis-benchmark's; what a command costs the server is read from its own
processor time, for on few cores the generator is the bottleneck of both. Exit 0: every row was
measured (met or missed); 1: some row could not be; 2: bad usage. See README.md beside this file.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile

from harness import report
from harness.report import Result
from harness.servers import HOST, Ports, Running, Server, ServerError, ask, wait_until

COMMAND_TIMEOUT_S = 300
FILL_BATCH = 10000


class StoreServer(Server):
    def answers(self):
        if self.process.poll() is not None:
            raise ServerError(f"{self.name} exited: {self.output()}")
        try:
            return ask(self.port, b"PING\r\n", 1) == ["+PONG"]
        except OSError:
            return False

    def cpu_s(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Redis(StoreServer):
    name = "redis"

    def __init__(self, directory, port, cluster=False):
        super().__init__(directory, port)
        self.cluster = cluster

    def command(self):
        words = ["redis-server", "--port", str(self.port), "--bind", HOST, "--save", ""]
        words += ["--appendonly", "no", "--dir", self.directory]
        return words + (["--cluster-enabled", "yes"] if self.cluster else [])

    def start(self):
        super().start()
        if self.cluster:
            ask(self.port, b"CLUSTER ADDSLOTSRANGE 0 16383\r\n", 5)
            wait_until("Redis' cluster is up",
                       lambda: ask(self.port, b"SET k v\r\n", 5) == ["+OK"])
        return self


class Store(StoreServer):
    name = "quartet"

    def __init__(self, directory, port, admin, program):
        super().__init__(directory, port)
        self.admin, self.program = admin, program

    def command(self):
        words = [self.program, "store", "--listen", self.address, "--fsync", "never"]
        return words + ["--admin", f"{HOST}:{self.admin}", "--data", self.data_directory]


class Bench:
    def __init__(self, options):
        self.options = options
        self.ports = Ports(options.port_base)
        self.root = tempfile.mkdtemp(prefix="quartet-bench-", dir=options.data)

    def place(self):
        return tempfile.mkdtemp(dir=self.root)

    def ours(self):
        return Running(Store(self.place(), self.ports.take(), self.ports.take(),
                             self.options.quartet))

    def peer(self, cluster=False):
        return Running(Redis(self.place(), self.ports.take(), cluster))

    def load(self, server, command, pipeline):
        """Operations a second, and microseconds of the server's processor for each."""
        count = self.options.commands * (1 if pipeline == 1 else 4)
        words = ["redis-benchmark", "-h", HOST, "-p", str(server.port), "-c", "50", "--csv"]
        words += ["-P", str(pipeline), "-r", "1000000", "-d", "32", "-n", str(count)]
        before = server.cpu_s()
        done = subprocess.run(words + ["-t", command], capture_output=True, text=True,
                              timeout=COMMAND_TIMEOUT_S, check=True)
        rate = float(done.stdout.splitlines()[-1].split(",")[1].strip('"'))
        return rate, (server.cpu_s() - before) / count * 1e6

    def speed(self, row, pipeline, rate_at_least, cpu_at_most):
        sides = {command: ([], [], [], []) for command in ("set", "get")}
        for _ in range(self.options.rounds):
            for make, at in ((self.ours, 0), (self.peer, 1)):
                with make() as server:
                    self.load(server, "set", pipeline)  # fills it, and warms it
                    for command, figures in sides.items():
                        rate, cpu_us = self.load(server, command, pipeline)
                        figures[at].append(rate)
                        figures[at + 2].append(cpu_us)
        for command, figures in sides.items():
            case = f"{command}, 50 conn" + (f" x {pipeline}" if pipeline > 1 else "")
            yield Result(row, case, "op/s", figures[0], figures[1], "Redis", rate_at_least)
            yield Result(row, case + ", processor", "us/op", figures[2], figures[3], "Redis",
                         at_most=cpu_at_most)

    def bytes_per_key(self, make):
        with make() as server:
            before = server.memory_bytes()
            with socket.create_connection((HOST, server.port), COMMAND_TIMEOUT_S) as connection:
                for first in range(0, self.options.keys, FILL_BATCH):
                    numbers = range(first, first + FILL_BATCH)
                    connection.sendall(b"".join(
                        b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$32\r\n%032d\r\n" % (n, n)
                        for n in numbers))
                    heard = 0
                    while heard < 5 * FILL_BATCH:
                        reply = connection.recv(1 << 16)
                        if not reply or b"-" in reply:
                            raise ServerError(f"{server.name} says {reply[:80]!r}")
                        heard += len(reply)
            return (server.memory_bytes() - before) / self.options.keys


def row_one(bench):
    """one node, no fsync"""
    yield from bench.speed("one", 1, 1, 1)


def row_pipelined(bench):
    """the same with 16 commands in flight on each connection"""
    yield from bench.speed("pipelined", 16, 1.2, 0.8)


def row_memory(bench):
    """resident bytes for a key of 16 and a value of 32, beside Redis in cluster mode"""
    ours = [bench.bytes_per_key(bench.ours)]
    peer = [bench.bytes_per_key(lambda: bench.peer(cluster=True))]
    yield Result("memory", f"{bench.options.keys:,} keys", "B/key", ours, peer, "Redis",
                 at_most=0.75, note="ours holds its log in memory, too")


ROWS = {"one": row_one, "pipelined": row_pipelined, "memory": row_memory}


def parse_options():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quartet", default=os.path.join(root, "build", "quartet"))
    parser.add_argument("--only", default=",".join(ROWS), help="rows, with commas between")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--commands", type=int, default=300000, help="of a measurement")
    parser.add_argument("--keys", type=int, default=10_000_000, help="of the row memory")
    parser.add_argument("--quick", action="store_true", help="a rough look; not for quoting")
    parser.add_argument("--data", default="/var/tmp")
    parser.add_argument("--port-base", type=int, default=24000)
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.commands, options.keys = 1, 100000, 1_000_000
    options.rows = options.only.split(",")
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}: {', '.join(ROWS)}")
    if shutil.which("redis-server") is None or shutil.which("redis-benchmark") is None:
        parser.error("redis-server and redis-benchmark have to be in PATH: see tools/deps bench")
    return options


def main():
    options = parse_options()
    bench = Bench(options)
    results, failures, others = [], {}, {}
    try:
        for row in options.rows:
            print(f"{row}: {ROWS[row].__doc__}", file=sys.stderr, flush=True)
            neighbours = report.Neighbours()
            try:
                results += ROWS[row](bench)
            except (ServerError, OSError, subprocess.SubprocessError) as problem:
                failures[row] = str(problem)
            others[row] = neighbours.share()
    finally:
        shutil.rmtree(bench.root, ignore_errors=True)
    print(report.first_line(["redis-server", "--version"]))
    print(report.neighbours_text({"others": others}))
    print("\n" + report.table(results))
    for row, problem in failures.items():
        print(f"\n**{row} was not measured**: {problem}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
