"""AC4: the chat under Compose, while its nodes are killed under two people who chat.

    python3 chat_acceptance.py [c]

Two programs chat through all of it, one in each language, each beginning at another node; the steps
go in their order, and the last one has all that they wrote and saw judged by `quartet check chat`:
one order, no hole, each post once, none that was acknowledged lost. Standard library alone.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from stack import BUILD_TIMEOUT_S, HERE, Implementation, Stack, engine_missing, wait_for

EXAMPLE = HERE.parent.parent / "distributed-systems-course/examples/03-chat"
NODES = ("chat-1", "chat-2", "chat-3")
CHATTERS = ("chatter-python", "chatter-typescript")
IMPLEMENTATIONS = {"c": Implementation("c", NODES, "The C")}

# For programs that run inside.
PERSON = """
import itertools, json
from websockets.sync.client import connect

class Person:
    ids = itertools.count(1)

    def __init__(self, node, user, rooms):
        self.socket = connect(f"ws://{node}:8080/chat", legacy=True, open_timeout=60)
        self.kept = []  # what came, and was not asked for yet
        self.say(type="hello", user=user, rooms=rooms)
        for _ in range(1 + len(rooms)):
            self.hear("welcome", "joined")

    def say(self, **message):
        self.socket.send(json.dumps(message))

    def hear(self, *kinds):
        for message in self.kept:
            if message["type"] in kinds:
                self.kept.remove(message)
                return message
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            if message["type"] in kinds:
                return message
            assert message["type"] != "error", message
            self.kept.append(message)

    def post(self, room, text):
        number = next(self.ids)
        self.say(type="post", id=number, room=room, text=text)
        while (ack := self.hear("ack"))["id"] != number:
            pass
        return ack["seq"]

    def text(self, room):
        while (event := self.hear("event"))["room"] != room:
            pass
        return event["text"]
"""
ACROSS = """
people = [Person(f"chat-{n}", f"across-{n}", {"across": 0}) for n in (1, 2, 3)]
said = [person.post("across", f"by {n}") for n, person in enumerate(people)]
seen = [[person.text("across") for _ in said] for person in people]
print(json.dumps([said, seen]))
"""
PRESENCE = """
ann = Person("chat-1", "ann", {"presence": 0})
bob = Person("chat-2", "bob", {"presence": 0})
came = ann.hear("presence")
bob.socket.close()
went = ann.hear("presence")
print(json.dumps([came["joined"], came["left"], went["joined"], went["left"]]))
"""
ROOMS = """
ann, bob = Person("chat-1", "ann", {}), Person("chat-3", "bob", {"one": 0})
numbers = [ann.post("other", "not for bob"), ann.post("one", "for bob")]
print(json.dumps([numbers, bob.text("one")]))
"""
# Reads the whole of the room, and writes down what it sees as one more reader.
READ_ALL = """
import time
reader = connect("ws://{node}:8080/chat", legacy=True, open_timeout=60)
def note(type, f, value):
    print(json.dumps(dict(type=type, process=9_000_001, f=f, key="lobby", value=value,
                          time=time.monotonic_ns())))
reader.send(json.dumps(dict(type="hello", user="reader")))
reader.send(json.dumps(dict(type="join", id=1, room="lobby", after=0, presence="none")))
last, seen = None, 0
while last is None or seen < last:
    message = json.loads(reader.recv(timeout=60))
    if message["type"] == "joined":
        last = message["seq"]
        note("invoke", "join", 0)
        note("ok", "join", last)
    if message["type"] == "event":
        seen = message["seq"]
        note("ok", "see", [seen, message["text"]])
    if message["type"] == "gap":
        seen = message["to"]
        note("ok", "gap", [message["from"], seen])
note("invoke", "end", None)
note("ok", "end", last)
"""
HISTORY = """
import glob, json
lines = [line for name in glob.glob("/results/*.jsonl") for line in open(name)]
lines = [line for line in lines if line.endswith("\\n")]
print("".join(sorted(lines, key=lambda line: json.loads(line)["time"])), end="")
"""


class Chat(Stack):
    def compose(self, *arguments: str, timeout_s: float = 180) -> str:
        files = ("-f", str(EXAMPLE / "compose.yaml"), "-f", str(HERE / "chat_override.yaml"))
        return self.run(
            *("docker", "compose", "-p", self.project, *files, *arguments), timeout_s=timeout_s
        )

    def break_(self, how: str, service: str) -> str:
        return self.run(str(EXAMPLE / "shop"), how, service)

    def up(self) -> None:
        self.compose("build", timeout_s=BUILD_TIMEOUT_S)
        self.compose("up", "--detach")
        self.wait_healthy(*NODES)

    def people(self, program: str) -> Any:
        return json.loads(self.python(PERSON + program))

    def history(self) -> str:
        return self.python(HISTORY)

    def posted(self) -> list[str]:
        """Who was told that a post of theirs stands, one for each."""
        calls = [json.loads(line) for line in self.history().splitlines()]
        posters = {line["process"]: line["value"] for line in calls if line["type"] == "invoke"}
        done = [line["process"] for line in calls if (line["type"], line["f"]) == ("ok", "post")]
        return [str(posters[process]).split()[0] for process in done]

    def check(self, history: str) -> str:
        """As the program in the nodes' own image judges it."""
        words = ("run", "--rm", "-i", "--network", "none", "chat-node-c")
        return self.docker(*words, "check", "chat", "/dev/stdin", stdin=history)


@dataclass
class Story:
    stack: Chat
    kills: int = 0
    words: str = ""


Step = tuple[str, Callable[[Story], None]]


def steps() -> list[Step]:
    return [
        ("people of both languages chat", goes_on),
        ("what is said at one node is seen at all, in one order", across),
        ("who comes and goes is told at other nodes", presence),
        ("rooms are independent", rooms),
        *(
            (f"killing {node} loses nothing and stops nothing", partial(kill, node))
            for node in NODES
        ),
        ("killing all nodes at once loses nothing: the history is there again", kill_all),
        ("nodes and people stop when they are told to", graceful_stop),
        ("what they wrote and saw has one order, no hole, nothing twice, nothing lost", judged),
    ]


def goes_on(story: Story) -> None:
    start = len(story.stack.posted())

    def look() -> bool:
        names = story.stack.posted()[start:]
        return all(names.count(name) >= 5 for name in CHATTERS)

    wait_for("five posts of each", look)


def across(story: Story) -> None:
    said, seen = story.stack.people(ACROSS)
    assert said == sorted(said), said
    assert seen == [["by 0", "by 1", "by 2"]] * 3, seen


def presence(story: Story) -> None:
    assert story.stack.people(PRESENCE) == [["bob"], [], [], ["bob"]]


def rooms(story: Story) -> None:
    assert story.stack.people(ROOMS) == [[1, 1], "for bob"]


def kill(node: str, story: Story) -> None:
    story.stack.break_("kill", node)
    story.kills += 1
    goes_on(story)
    story.stack.break_("heal", node)
    story.stack.wait_healthy(*NODES)


def kill_all(story: Story) -> None:
    story.stack.kill(*NODES)
    story.kills += len(NODES)
    story.stack.start(*NODES)
    story.stack.wait_healthy(*NODES)
    goes_on(story)
    last = [json.loads(line) for line in read_all(story).splitlines()][-1]
    assert last["value"] > 0, last


def read_all(story: Story) -> str:
    return story.stack.python(PERSON + READ_ALL.replace("{node}", "chat-1"))


def graceful_stop(story: Story) -> None:
    stack = story.stack
    stack.compose("stop", *CHATTERS)
    story.words = read_all(story)
    stack.compose("stop", *NODES)
    for service in (*CHATTERS, *NODES):
        assert stack.exit_code(service) == 0, f"{service} ended with {stack.exit_code(service)}"


def judged(story: Story) -> None:
    verdict = story.stack.check(story.stack.history() + story.words)
    assert ": holds: " in verdict and "none lost" in verdict, verdict
    said = verdict.split(": holds: ")[1].strip()
    story.words = f"{story.stack.implementation.owner} chat: {story.kills} nodes killed; {said}"


def main() -> int:
    missing = engine_missing()
    if missing:
        print(missing)
        return 2
    story = Story(Chat(IMPLEMENTATIONS[(sys.argv[1:] or ["c"])[0]]))
    try:
        story.stack.up()
        for title, step in steps():
            step(story)
            print(f"ok: {title}", flush=True)
    except (AssertionError, subprocess.SubprocessError) as error:
        print(f"NOT ok: {error}")
        return 1
    finally:
        story.stack.remove()
    print(story.words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
