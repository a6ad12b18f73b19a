"""Small stores as a learner runs them: three processes, their folders, a client for each node."""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request

from minis import DEADLINE_S, PROGRAMS, free_port
from rooms import STORE

KEPT_S = 0.02  # between two looks at what is waited for


def until(true, what="it"):
    """What it gives once it gives something; a connection that fails is nothing yet."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, EOFError):
            found = true()
            if found:
                return found
        time.sleep(KEPT_S)
    raise AssertionError(f"{what} did not come within {DEADLINE_S} s")


class Heard(Exception):
    """An error that a store answered."""


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        parts = [word.encode("latin-1") for word in words]
        body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(b"*%d\r\n" % len(parts) + body)

    def hear(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        kind, text = line[:1], line[1:-2].decode("latin-1")
        if kind == b"-":
            raise Heard(text)
        if kind == b"+":
            return text
        if kind == b":":
            return int(text)
        if kind == b"$":
            return None if text == "-1" else self.file.read(int(text) + 2)[:-2].decode("latin-1")
        return [self.hear() for _ in range(int(text))]

    def ask(self, *words):
        self.send(*words)
        return self.hear()

    def raw(self, data):
        """Whatever comes until the connection ends."""
        self.socket.sendall(data)
        return self.file.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Cluster:
    def __init__(self, languages, step, place):
        count = 1 if step == "step1" else 3
        self.languages, self.step, self.place = [*languages] * count, step, place
        self.ids = list(range(1, count + 1))
        self.ports, self.admins, self.peers = (
            {id: free_port() for id in self.ids} for _ in range(3)
        )
        self.processes = {}

    def start(self, *ids, **popen):
        for id in ids or self.ids:
            language = self.languages[id - 1]
            self.processes[id] = subprocess.Popen(
                [*PROGRAMS[language], self.step, str(id)],
                cwd=STORE / "mini" / language,
                env=os.environ | self.env(id),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                **popen,
            )
        for id in ids or self.ids:
            line = self.processes[id].stdout.readline()
            if "listens" not in line:
                rest = self.processes[id].communicate(timeout=DEADLINE_S)[0]
                raise AssertionError(line + rest)
        return self

    def env(self, id):
        addresses = {"NODES": self.ports, "PEERS": self.peers}
        tables = {
            name: ",".join(f"{node}=127.0.0.1:{port}" for node, port in ports.items())
            for name, ports in addresses.items()
        }
        return tables | {
            "PORT": str(self.ports[id]),
            "ADMIN": str(self.admins[id]),
            "PEER_PORT": str(self.peers[id]),
            "DATA": str(self.place / str(id)),
            "ELECTION_MS": str(300 * id),
        }

    def client(self, id):
        return Client(self.ports[id])

    def say(self, id, *words):
        client = self.client(id)
        try:
            return client.ask(*words)
        finally:
            client.close()

    def admin(self, id, path, method="GET"):
        url = f"http://127.0.0.1:{self.admins[id]}{path}"
        request = urllib.request.Request(url, method=method)
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as reply:
            return json.load(reply)

    def status(self, id):
        return self.admin(id, "/status")

    def leader(self, *among):
        """Once one of these leads, and all of these say so."""

        def agreed():
            said = {self.status(id)["leader"] for id in among or self.ids}
            return said.pop() if len(said) == 1 and said <= set(among or self.ids) else 0

        return until(agreed, "a leader")

    def same(self):
        """Once all nodes have the same data."""
        return until(lambda: len({self.status(id)["digest"] for id in self.ids}) == 1, "a copy")

    def kill(self, first, *others):
        for id in (first, *others):
            self.processes[id].kill()
            self.processes[id].communicate(timeout=DEADLINE_S)

    def stop(self):
        for id, one in self.processes.items():
            if one.poll() is None:
                self.kill(id)
