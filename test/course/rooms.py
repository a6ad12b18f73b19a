"""Nodes of the small store in a room of their own: a test hands over each message, or loses it.

Whatever a node leaves in `save` is on its disk before a test sees anything of the call; and after
each call the disk, read back, has to give what the node believes to have kept there.
"""

import json
import shutil
import subprocess
from pathlib import Path

from changes import changed
from minis import NODE, PROGRAMS, SUFFIX

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "distributed-systems-course/examples"
STORE = EXAMPLES / "02-store"
ELECTION_S = 1.0  # and nobody draws more than its least


class Room:
    def __init__(self, language, step="step5", ids=(1, 2, 3)):
        home = STORE / "mini" / language
        program = [PROGRAMS[language][0], HERE / f"drive_store.{SUFFIX[language]}", home, step]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ids, self.now, self.client = list(ids), 100.0, 0
        self.disks = {id: [] for id in ids}
        self.mail = []  # (from, to, message) on its way
        self.states = {}
        for id in ids:
            self.restart(id)

    def do(self, what, id, *words):
        """What the call left. Messages go to the mail, entries to the disk."""
        self.process.stdin.write(json.dumps([what, id, *words]) + "\n")
        self.process.stdin.flush()
        left = json.loads(self.process.stdout.readline())
        self.disks[id] += left["save"]
        self.mail += [(id, to, message) for to, message in left["send"]]
        self.states[id] = left["state"]
        assert self.kept(self.disks[id]) == {name: left["state"][name] for name in KEPT}
        return left

    @staticmethod
    def kept(disk):
        """What a disk says, read by the rules of its entries and not by the store's own code."""
        kept, data = {"term": 0, "vote": 0, "stamp": [0, 0]}, {}
        for _, _, name, *words in disk:
            if name == "vote":
                kept["term"], kept["vote"] = words
            elif name == "all":
                kept["stamp"], data = words[0], dict(words[1])
            else:
                kept["stamp"] = words[-1]
                if name == "put":
                    data[words[0]] = words[1]
        there = {key: value for key, value in data.items() if value is not None}
        return {**kept, "data": [list(pair) for pair in sorted(there.items())]}

    def restart(self, id):
        """Killed, and started from its disk; what was on its way from it or to it is lost."""
        self.mail = [one for one in self.mail if id not in one[:2]]
        self.do("start", id, self.ids, self.disks[id])

    def tick(self, id, after=0.0):
        self.now += after
        return self.do("tick", id, self.now)

    def receive(self, id, sender, *message):
        return self.do("receive", id, self.now, sender, list(message))

    def ask(self, id, *words, level="", token=None):
        """A client's number; its answers are in what comes back, then or later."""
        self.client += 1
        more = [] if token is None else [token]
        left = self.do("ask", id, self.now, self.client, list(words), level, *more)
        return self.client, self.heard(left)

    @staticmethod
    def heard(*lefts):
        return {client: answer for left in lefts for client, answer in left["answers"]}

    def deliver(self, to=None, sender=None, kind=None):
        """Hands over all that fits and all that comes of it; the answers that were given."""
        answers = {}
        while True:
            for i, (origin, end, message) in enumerate(self.mail):
                if to in (None, end) and sender in (None, origin) and kind in (None, message[0]):
                    del self.mail[i]
                    answers |= self.heard(self.receive(end, origin, *message))
                    break
            else:
                return answers

    def lose(self, to=None):
        self.mail = [one for one in self.mail if to not in (None, one[1])]

    def elect(self, id):
        """It campaigns, hears everybody who lives, and leads."""
        self.tick(id)
        self.tick(id, 3 * ELECTION_S)
        self.deliver()
        if self.states[id]["leader"] != id:  # it led before, and had to notice that it does not
            self.tick(id, 3 * ELECTION_S)
            self.deliver()
        assert self.states[id]["leader"] == id, self.states[id]

    def elect_without(self, id, dead):
        """The same while nobody hears `dead`, nor it anybody."""
        self.tick(id)
        for _ in range(2):
            if self.states[id]["leader"] != id:
                self.tick(id, 3 * ELECTION_S)
            while any(dead not in one[:2] for one in self.mail):
                self.mail = [one for one in self.mail if dead not in one[:2]]
                sender, to, message = self.mail.pop(0)
                self.receive(to, sender, *message)
        self.lose()
        assert self.states[id]["leader"] == id, self.states[id]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


KEPT = ("term", "vote", "stamp", "data")


def world(language, *words, home=EXAMPLES):
    """What `world store` says."""
    program = [PROGRAMS[language][0], home / f"world.{SUFFIX[language]}", "store", *words]
    done = subprocess.run(program, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    return done.stdout


def mutant(place, language, step, name, edits):
    """A copy of the examples in which a rule is broken: each edit replaces a text that is there."""
    examples = place / "examples"
    for path in (*EXAMPLES.glob("world*"), EXAMPLES / "package.json", *STORE.glob("rush.*")):
        target = examples / path.relative_to(EXAMPLES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copytree(EXAMPLES / "concepts", examples / "concepts")
    shutil.copytree(STORE / "mini" / language, examples / "02-store/mini" / language)
    exercises = place / "exercises"
    exercises.mkdir()
    for path in (EXAMPLES.parent / "exercises").glob("judge.*"):
        shutil.copy(path, exercises)
    shutil.copy(EXAMPLES.parent / "exercises/package.json", exercises)
    path = examples / "02-store/mini" / language / step / f"{name}.{SUFFIX[language]}"
    path.write_text(changed(path.read_text(), edits))
    return examples


__all__ = ["EXAMPLES", "ELECTION_S", "NODE", "STORE", "Room", "mutant", "world"]
