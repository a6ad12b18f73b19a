"""What clients called and heard, written down as it happens and judged by `quartet check`.

The format is specs/history.md. A line is written before its call and after its reply, under one
lock, so that the order of the lines is an order in which things happened.
"""

import itertools
import json
import threading
import time

from harness import run


class History:
    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.lines = []
        self.processes = itertools.count()
        self.began_ns = time.monotonic_ns()

    def note(self, kind, process, f, **members):
        with self.lock:
            line = {"type": kind, "process": process, "f": f, **members}
            line["time"] = time.monotonic_ns() - self.began_ns
            self.lines.append(line)

    def disturb(self, what, lasting=None):
        """Something is done to the system; lasting: it goes on until the same with False."""
        self.note("info", "nemesis", what, **({} if lasting is None else {"value": lasting}))

    def process(self):
        """One connection of a client."""
        return Process(self, next(self.processes))

    def check(self, model, *options):
        """Writes the file and has it judged; returns the last line of the verdict."""
        with self.lock:
            text = "".join(json.dumps(line) + "\n" for line in self.lines)
        self.path.write_text(text)
        judged = run("check", model, self.path, *options)
        assert judged.returncode == 0, f"{judged.stdout[-4000:]}{judged.stderr}"
        return judged.stdout.splitlines()[-1]


class Process:
    """Runs operations one at a time. One that ends in an exception other than those said to mean
    `fail` has an unknown outcome, and is this process' last."""

    def __init__(self, history, number):
        self.history = history
        self.number = number
        self.over = False

    def call(self, f, action, fail=(), tell=lambda answer: {}, **members):
        """Returns what action() does. `members` go with the call; tell(answer) with its end."""
        self.history.note("invoke", self.number, f, **members)
        try:
            answer = action()
        except fail as error:
            self.history.note("fail", self.number, f, error=repr(error))
            raise
        except BaseException as error:
            self.over = True
            self.history.note("info", self.number, f, error=repr(error))
            raise
        self.history.note("ok", self.number, f, **tell(answer))
        return answer

    def close(self, action):
        """The connection ends, in good order unless it was over already."""
        if self.over:
            action()
        else:
            self.call("close", action)
            self.over = True
