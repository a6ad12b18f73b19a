"""Queues to run the shop's clients against, and a wire-tap between the two."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time

from minis import DEADLINE_S, Client, Mini, free_port


def wait_until(look, what, timeout_s=30):
    """The first thing that look() finds; fails at the deadline, naming what never came."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"after {timeout_s} s still waiting for {what}"
        time.sleep(0.05)
    return found


def start_queue(kind, place):
    """(port, a function that kills it) of beanstalkd itself, our queue in C, or a small one."""
    if kind in ("python", "typescript"):
        mini = Mini(kind, "step4", place / "data").start()
        return mini.port, mini.kill
    port, admin = free_port(), free_port()
    place.mkdir(exist_ok=True)
    program = {
        "beanstalkd": ["beanstalkd", "-l", "127.0.0.1", "-p", str(port)],
        "c": [os.environ.get("QUARTET", "quartet"), "queue", "--listen", f"127.0.0.1:{port}"]
        + ["--admin", f"127.0.0.1:{admin}", "--data", str(place / "data")],
    }[kind]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Client(port).ask("use x") == "USING x"
        return False

    wait_until(answers, f"{kind} to answer")

    def kill():
        process.kill()
        process.wait(timeout=DEADLINE_S)

    return port, kill


def is_here(kind):
    if kind == "beanstalkd":
        return shutil.which("beanstalkd") is not None
    return kind != "c" or shutil.which(os.environ.get("QUARTET", "quartet")) is not None


class Tap:
    """Passes bytes to a queue and back, and writes down what its clients say."""

    def __init__(self, port):
        self.to = port
        self.said = []  # (connection, line)
        self.cut_after = None  # a command that gets no reply: its connection ends instead
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
                self.connections.append((near, far))
                number = len(self.connections)
                for run in (self.listen, self.answer):
                    threading.Thread(target=run, args=(number, near, far), daemon=True).start()

    def listen(self, number, near, far):
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                lines = data.decode("latin-1").split("\r\n")
                self.said += [(number, line) for line in lines if line]
                far.sendall(data)
                if self.cut_after and any(line.startswith(self.cut_after) for line in lines):
                    time.sleep(0.2)  # the queue has it, and nobody hears of it
                    self.cut_after = None
                    break
        self.end(near, far)

    def answer(self, _, near, far):
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                if self.cut_after is None or not data.startswith(b"INSERTED"):
                    near.sendall(data)
        self.end(near, far)

    @staticmethod
    def end(*sockets):
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def commands(self, *names):
        """What was said, as (connection, command, words), without bodies of jobs and ignore."""
        found = [(number, *line.split(" ")) for number, line in self.said]
        return [words for words in found if words[1] in names]

    def close(self):
        with contextlib.suppress(OSError):  # closed before
            self.listener.shutdown(socket.SHUT_RDWR)  # or the accept that waits takes one more
        self.listener.close()
        for near, far in self.connections:
            self.end(near, far)
