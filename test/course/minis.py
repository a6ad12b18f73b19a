"""The queue that the course builds, run as a learner runs it: one process, one folder, one port."""

import os
import socket
import subprocess
import sys
from pathlib import Path

MINIS = Path(__file__).resolve().parents[2] / "distributed-systems-course/examples/01-queue/mini"
STEPS = ("step1", "step2", "step3", "step4")
# Node itself, not a wrapper that would be killed in its place.
NODE = subprocess.run(
    ["node", "--print", "process.execPath"], check=True, capture_output=True, text=True
).stdout.strip()
PROGRAMS = {"python": [sys.executable, "server.py"], "typescript": [NODE, "server.ts"]}
SUFFIX = {"python": "py", "typescript": "ts"}
DEADLINE_S = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mini:
    """A queue of one step in one language."""

    def __init__(self, language, step, data, home=MINIS):
        self.language, self.step, self.data, self.home = language, step, data, home
        self.process = None

    def start(self, **popen):
        self.port, self.admin = free_port(), free_port()
        self.process = subprocess.Popen(
            [*PROGRAMS[self.language], self.step],
            cwd=self.home / self.language,
            env={
                **os.environ,
                "PORT": str(self.port),
                "ADMIN": str(self.admin),
                "DATA": str(self.data),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **popen,
        )
        line = self.process.stdout.readline()
        assert "listens" in line, line + self.process.communicate(timeout=DEADLINE_S)[0]
        return self

    def refuses(self, port=0):
        """Started where it must not start: what it says."""
        done = subprocess.run(
            [*PROGRAMS[self.language], self.step],
            cwd=MINIS / self.language,
            env={**os.environ, "PORT": str(port), "ADMIN": "0", "DATA": str(self.data)},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 1, done
        return done.stdout + done.stderr

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=DEADLINE_S)
        return self

    def log(self):
        return self.data / "queue.log"

    def client(self):
        return Client(self.port)


class Client:
    """Says commands, hears replies; its end is a worker's crash as the queue sees it."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        self.file = self.socket.makefile("rb")

    def say(self, *lines):
        self.socket.sendall(b"".join(line.encode("latin-1") + b"\r\n" for line in lines))

    def hear(self):
        """A reply; with its body where it has one."""
        line = self.file.readline().decode().removesuffix("\r\n")
        if line.startswith(("RESERVED ", "OK ")):
            return line, self.file.read(int(line.split()[-1]) + 2).decode("latin-1")[:-2]
        return line

    def ask(self, *lines):
        self.say(*lines)
        return self.hear()

    def put(self, body, priority=0, delay=0, ttr=60):
        reply = self.ask(f"put {priority} {delay} {ttr} {len(body)}", body)
        assert reply.startswith("INSERTED "), reply
        return int(reply.split()[1])

    def reserve(self, timeout_s=0):
        """The job's id and body, or None."""
        reply = self.ask(f"reserve-with-timeout {timeout_s}")
        return None if reply == "TIMED_OUT" else (int(reply[0].split()[1]), reply[1])

    def stats_job(self, id):
        reply = self.ask(f"stats-job {id}")
        assert reply[0].startswith("OK "), reply
        rows = dict(line.split(": ", 1) for line in reply[1].splitlines()[1:])
        return {key: int(value) if value.isdecimal() else value for key, value in rows.items()}

    def close(self):
        self.file.close()
        self.socket.close()
