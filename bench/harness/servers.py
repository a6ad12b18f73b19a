"""Servers under test: each is started in a directory of its own, is known to answer before anyone
measures it, and is gone when its `with` block ends, whatever happened inside.

Only processes started here are ever signalled, by their own process object.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

READY_TIMEOUT_S = 30
STOP_TIMEOUT_S = 30
POLL_S = 0.005
HOST = "127.0.0.1"


class ServerError(Exception):
    """A server did not start, answer or stop as it should."""


class Ports:
    """Hands out loopback ports from a range, round and round, skipping those in use."""

    def __init__(self, base, count=1000):
        self.base, self.count, self.next = base, count, 0

    def take(self):
        for _ in range(self.count):
            port = self.base + self.next % self.count
            self.next += 1
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError:
                    continue
            return port
        raise ServerError(f"no free port in {self.base}..{self.base + self.count - 1}")


def ask(port, commands, timeout_s, lines=1):
    """Sends bytes on a fresh connection; the answer's first lines, without CRLF, as a list."""
    with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
        connection.sendall(commands)
        with connection.makefile("rb") as replies:
            found = [replies.readline() for _ in range(lines)]
    return [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in found]


def wait_until(what, condition, timeout_s=READY_TIMEOUT_S):
    """Polls until the condition returns something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise ServerError(f"{what}: not within {timeout_s} s")
        time.sleep(POLL_S)


class Server:
    """One process. Subclasses say how it is started."""

    name = "server"

    def __init__(self, directory, port):
        self.directory, self.port = directory, port
        self.process = None
        self.log_path = os.path.join(directory, "output.log")

    def command(self):
        raise NotImplementedError

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def spawn(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def output(self):
        with open(self.log_path, "rb") as log:
            return log.read()[-600:].decode("utf-8", "replace").strip()

    def answers(self):
        """Whether it speaks the protocol now. Raises if it has died."""
        if self.process.poll() is not None:
            raise ServerError(
                f"{self.name} exited with {self.process.returncode}: {self.output()}"
            )
        try:
            return ask(self.port, b"list-tube-used\r\n", 1) == ["USING default"]
        except OSError:
            return False

    def start(self):
        self.spawn()
        wait_until(f"{self.name} answers on port {self.port}", self.answers)
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerError(f"{self.name} did not stop within {STOP_TIMEOUT_S} s") from None
        finally:
            self.process = None

    def memory_bytes(self, field="VmRSS"):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        raise ServerError(f"no {field} for {self.name}")

    @property
    def data_directory(self):
        return os.path.join(self.directory, "data")


class Beanstalkd(Server):
    """Debian's beanstalkd. Durability: 'always' fsyncs every command (-f 0), 'log' writes its
    binlog and never fsyncs (-F), 'never' has no binlog at all."""

    name = "beanstalkd"

    def __init__(self, directory, port, durability, program):
        super().__init__(directory, port)
        self.durability, self.program = durability, program
        os.makedirs(self.data_directory, exist_ok=True)

    def command(self):
        words = [self.program, "-l", HOST, "-p", str(self.port)]
        if self.durability == "always":
            words += ["-b", self.data_directory, "-f", "0"]
        elif self.durability == "log":
            words += ["-b", self.data_directory, "-F"]
        return words


class Quartet(Server):
    """One node of `quartet queue`. It has a log always: never and log are both --fsync never."""

    name = "quartet"

    def __init__(self, directory, port, durability, program, admin, node=1, peers=None):
        super().__init__(directory, port)
        self.durability, self.program = durability, program
        self.admin, self.node, self.peers = admin, node, peers

    def command(self):
        words = [self.program, "queue", "--node", str(self.node)]
        if self.peers:
            words += ["--peers", self.peers]
        words += ["--listen", self.address, "--admin", f"{HOST}:{self.admin}"]
        words += ["--data", self.data_directory]
        return words + ["--fsync", "always" if self.durability == "always" else "never"]

    def status(self):
        """What GET /status says, or None while it says nothing."""
        connection = http.client.HTTPConnection(HOST, self.admin, timeout=1)
        try:
            connection.request("GET", "/status")
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def role(self):
        status = self.status()
        return status.get("role") if isinstance(status, dict) else None


class QuartetCluster:
    """Three nodes (or so) with one directory each."""

    def __init__(self, nodes):
        self.nodes = nodes

    def start(self):
        for node in self.nodes:
            node.spawn()
        self.leader()
        return self

    def leader(self):
        """The one node that leads, once all live ones agree that somebody does."""

        def find():
            live = [n for n in self.nodes if n.process is not None]
            roles = [n.role() for n in live]
            if roles.count("leader") == 1 and all(r in ("leader", "follower") for r in roles):
                node = live[roles.index("leader")]
                return node if node.answers() else None
            for node in live:
                if node.process.poll() is not None:
                    raise ServerError(f"node {node.node} exited: {node.output()}")
            return None

        return wait_until("a cluster with one leader", find)

    def stop(self):
        problems = []
        for node in self.nodes:
            try:
                node.stop()
            except ServerError as problem:
                problems.append(str(problem))
        if problems:
            raise ServerError("; ".join(problems))


class Yard:
    """Makes servers, each in a fresh directory under one root, and clears them away."""

    def __init__(self, root, port_base, beanstalkd, quartet):
        os.makedirs(root, exist_ok=True)
        self.root = tempfile.mkdtemp(prefix="quartet-bench-", dir=root)
        self.ports = Ports(port_base)
        self.beanstalkd_program, self.quartet_program = beanstalkd, quartet

    def directory(self):
        return tempfile.mkdtemp(dir=self.root)

    def beanstalkd(self, durability):
        return Running(
            Beanstalkd(self.directory(), self.ports.take(), durability, self.beanstalkd_program)
        )

    def quartet(self, durability):
        return Running(
            Quartet(
                self.directory(),
                self.ports.take(),
                durability,
                self.quartet_program,
                self.ports.take(),
            )
        )

    def quartet_cluster(self, durability, size=3):
        peer_ports = {node: self.ports.take() for node in range(1, size + 1)}
        peers = ",".join(f"{node}={HOST}:{port}" for node, port in peer_ports.items())
        directory = self.directory()
        nodes = []
        for node in peer_ports:
            place = os.path.join(directory, f"node{node}")
            os.makedirs(place)
            nodes.append(
                Quartet(
                    place,
                    self.ports.take(),
                    durability,
                    self.quartet_program,
                    self.ports.take(),
                    node,
                    peers,
                )
            )
        return Running(QuartetCluster(nodes), directory)

    def clear(self):
        shutil.rmtree(self.root, ignore_errors=True)


class Running:
    """`with Running(server) as server:` started on entry; stopped and its files removed after."""

    def __init__(self, server, directory=None):
        self.server, self.directory = server, directory or server.directory

    def __enter__(self):
        try:
            return self.server.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        try:
            self.server.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
