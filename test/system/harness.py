"""Real processes on loopback: nodes, clusters, and what the tests ask of them.

Everything started here is killed in the end, whatever a test did. Nothing sleeps to wait: eventually()
polls with a deadline that is generous, because sanitizer builds on a busy machine are slow.
"""

import itertools
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUARTET = os.environ.get("QUARTET", str(ROOT / "build" / "quartet"))
BUILD = Path(os.environ.get("QUARTET_BUILD", ROOT / "build"))

DEADLINE_S = 40
PORT_FIRST, PORT_LAST = 25000, 25999  # below the ports that Linux gives to outgoing connections

_ports = itertools.cycle(range(PORT_FIRST, PORT_LAST + 1))
for _ in range(os.getpid() * 37 % (PORT_LAST - PORT_FIRST)):
    next(_ports)


def free_port():
    for port in itertools.islice(_ports, PORT_LAST - PORT_FIRST):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def free_ports_in_a_row(offsets):
    """A port P such that P + offset is free for each offset."""
    while True:
        first = free_port()
        try:
            for offset in offsets:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", first + offset))
            return first
        except OSError:
            continue


def eventually(condition, what, deadline_s=DEADLINE_S, every_s=0.02):
    """The first true value of condition(); exceptions of a node that is not there count as false."""
    until = time.monotonic() + deadline_s
    while True:
        last = None
        try:
            value = condition()
            if value:
                return value
        except (OSError, ValueError) as error:
            last = error
        if time.monotonic() > until:
            raise AssertionError(f"not within {deadline_s} s: {what} (last: {last!r})")
        time.sleep(every_s)  # between two looks, not instead of one


def run(*words, timeout_s=DEADLINE_S, env=None):
    """One short-lived command of ours."""
    return subprocess.run(
        [QUARTET, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        env={**os.environ, **env} if env else None,
        stdin=subprocess.DEVNULL,
    )


def http(port, path, method="GET", timeout_s=3, host="127.0.0.1", tls=None):
    """(status, text) of the admin port; `tls`: an ssl.SSLContext to ask it under."""
    scheme = "http" if tls is None else "https"
    request = urllib.request.Request(f"{scheme}://{host}:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout_s, context=tls) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Node:
    """One `quartet queue` process, or that of another system, or the place where one will run."""

    host = "127.0.0.1"  # where it can be reached from here

    def __init__(self, directory, number=1, peers=None, system="queue", **options):
        self.number = number
        self.system = system
        self.directory = Path(directory)
        self.data = self.directory / f"{system}-{number}"
        self.log = self.directory / f"node-{number}.log"
        self.port = free_port()
        self.admin = free_port()
        self.peer_port = free_port()
        self.peers = peers
        self.options = options
        self.env = {}
        self.tls = None  # an ssl.SSLContext for the admin port
        self.stderr = None  # a file of the test's own, instead of the log
        self.before_exec = None  # called in the new process
        self.process = None

    @property
    def address(self):
        return (self.host, self.port)

    def words(self):
        words = [QUARTET, self.system, "--node", self.number, "--listen", f"127.0.0.1:{self.port}"]
        words += ["--admin", f"127.0.0.1:{self.admin}", "--data", self.data]
        if self.peers:
            words += ["--peers", self.peers]
        for name, value in self.options.items():
            words += [f"--{name.replace('_', '-')}", value]
        return [str(word) for word in words]

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(self.words(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=self.stderr or log,
                                            env={**os.environ, **self.env},
                                            preexec_fn=self.before_exec)
        return self

    def start_and_wait(self):
        self.start()
        return self.wait_healthy()

    def wait_healthy(self):
        def healthy():
            if self.process.poll() is not None:
                raise AssertionError(f"exited with {self.process.returncode}:\n{self.output()}")
            return self.http("/health")[0] == 200

        eventually(healthy, f"node {self.number} is healthy")
        return self

    def http(self, path, **more):
        """(status, text) of its admin port."""
        return http(self.admin, path, host=self.host, tls=self.tls, **more)

    def output(self):
        return self.log.read_text()

    def status(self):
        return json.loads(self.http("/status")[1])

    def metric(self, name):
        for line in self.http("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise ValueError(f"no metric {name}")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Drains it; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        return self.process.wait(DEADLINE_S)

    def kill(self):
        if self.running():
            self.process.kill()
            self.process.wait()

    def files(self, pattern):
        return sorted(self.data.glob(pattern))


class Cluster:
    def __init__(self, directory, count=3, **options):
        self.nodes = [Node(directory, i + 1, **options) for i in range(count)]
        peers = ",".join(f"{node.number}=127.0.0.1:{node.peer_port}" for node in self.nodes)
        for node in self.nodes:
            node.peers = peers

    def start(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_healthy()
        return self

    def kill(self):
        for node in self.nodes:
            node.kill()

    def leader(self, among=None):
        """The node that leads and that a majority of those asked follows, once there is one."""

        def find():
            votes = []
            for node in among or self.nodes:
                if node.running():
                    try:
                        votes.append(node.status().get("leader"))
                    except (OSError, ValueError):
                        continue
            for node in among or self.nodes:
                if votes.count(node.number) * 2 > len(self.nodes) and node.running():
                    return node
            return None

        return eventually(find, "a leader that a majority follows")

    def followers(self):
        leader = self.leader()
        return [node for node in self.nodes if node is not leader]

    def wait_agreement(self):
        """All have applied the same log to the same state."""

        def same():
            seen = {str([(one["applied_index"], one["digest"]) for one in [s, *s.get("groups", [])]])
                    for s in (node.status() for node in self.nodes)}
            return len(seen) == 1

        eventually(same, "all nodes agree on index and digest")


class Wire:
    """A socket that says what it is told and hears lines: for corners that clients hide."""

    def __init__(self, address, timeout_s=DEADLINE_S, tls=None):
        self.socket = socket.create_connection(address, timeout=timeout_s)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=address[0])
        self.file = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text if isinstance(text, bytes) else text.encode())

    def line(self):
        return self.file.readline()

    def take(self, size):
        return self.file.read(size)

    def ask(self, text):
        self.say(text)
        return self.line()

    def end(self):
        """Nothing more will be said; what is answered can still be heard."""
        self.socket.shutdown(socket.SHUT_WR)

    def closed(self):
        """Reads what is left; true when the other side has closed."""
        try:
            return self.file.read() is not None
        except ConnectionResetError:
            return True

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
