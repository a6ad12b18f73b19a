"""A person who chats, as a program: posts to one room, reads it, and writes down both.

What was sent and not answered is kept, and sent again as it was, at whichever node answers next:
under its number it stands in the room once. The room is read on behind the last number that was
seen. What is written down is for a judge.
"""

import json
import os
import signal
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

SILENCE_S = 5  # a node that says nothing for so long is left, if something is to be answered
AGAIN_S = 0.3
PROCESSES = 1_000_000  # each person has so many numbers for its histories
GONE = (WebSocketException, OSError, TimeoutError)


class Chatter:
    def __init__(self, name: str, person: int, nodes: str, room: str, results: Path) -> None:
        self.name, self.room = name, room
        self.nodes = cycle(nodes.split(","))
        results.mkdir(parents=True, exist_ok=True)
        self.history = (results / f"{name}.jsonl").open("a")
        began = time.time_ns() // 1_000_000
        self.poster = person * PROCESSES + began % (PROCESSES // 4) * 2  # a restart is another one
        self.reader = self.poster + 1
        self.run = began
        self.identity: dict[str, str] = {}
        self.seen = 0
        self.posted = 0
        self.waiting = ""  # the text that is not answered
        self.joined = self.stopping = False

    def note(self, type: str, process: int, f: str, value: object) -> None:
        line = {"type": type, "process": process, "f": f, "key": self.room, "value": value}
        self.history.write(json.dumps({**line, "time": time.monotonic_ns()}) + "\n")
        self.history.flush()

    def say(self, socket: ClientConnection, **message: object) -> None:
        socket.send(json.dumps(message))

    def post(self, socket: ClientConnection) -> None:
        """The next one, or the last one again."""
        if not self.waiting:
            self.posted += 1
            self.waiting = f"{self.name} {self.run}: {self.posted}"
            self.note("invoke", self.poster, "post", self.waiting)
        self.say(socket, type="post", id=self.posted, room=self.room, text=self.waiting)

    def hear(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "welcome":
            self.identity = {name: message[name] for name in ("client", "secret", "epoch")}
            print(f"node {message['node']} takes {self.name}", flush=True)
        elif kind == "joined" and not self.joined:
            self.joined = True
            self.note("invoke", self.reader, "join", 0)
            self.note("ok", self.reader, "join", message["seq"])
        elif kind == "event":
            self.seen = message["seq"]
            self.note("ok", self.reader, "see", [message["seq"], message["text"]])
        elif kind == "gap":
            self.seen = message["to"]
            self.note("ok", self.reader, "gap", [message["from"], message["to"]])
        elif kind == "ack" and message["id"] == self.posted and self.waiting:
            self.note("ok", self.poster, "post", message["seq"])
            self.waiting = ""
        elif kind == "error" and not message["retry"]:
            sys.exit(f"refused: {message['message']}")

    def chat(self, socket: ClientConnection, pause_s: float) -> None:
        """As long as the connection lasts, or until this one is to stop and owes nothing."""
        rooms = {self.room: self.seen}
        self.say(socket, type="hello", user=self.name, rooms=rooms, **self.identity)
        post_at, silent_at = time.monotonic() + pause_s, time.monotonic() + SILENCE_S
        sent = False  # on this connection
        while self.waiting or not self.stopping:
            now = time.monotonic()
            if now > silent_at:
                return
            if now > post_at and not (sent and self.waiting):
                self.post(socket)
                sent, post_at = True, now + pause_s
            patience = max(0, min(post_at, silent_at) - now) + 0.01
            try:
                message = json.loads(socket.recv(timeout=patience))
            except TimeoutError:
                continue
            silent_at = time.monotonic() + SILENCE_S
            if message["type"] == "error" and message["retry"]:
                return  # this node cannot do it now: perhaps another can
            self.hear(message)

    def live(self, pause_s: float) -> None:
        while self.waiting or not self.stopping:
            node = next(self.nodes)
            try:
                with connect(f"ws://{node}/chat", open_timeout=2, close_timeout=1) as socket:
                    self.chat(socket, pause_s)
            except GONE:
                pass
            if not self.stopping:
                time.sleep(AGAIN_S)
        self.history.close()


def main() -> None:
    settings = os.environ
    name, person = settings.get("NAME", "chatter"), settings.get("PERSON", "1")
    pause_ms = settings.get("PAUSE_MS", "1000")
    if not person.isdecimal() or not pause_ms.isdecimal():
        sys.exit(f"PERSON={person}, PAUSE_MS={pause_ms}: both must be whole numbers")
    nodes = settings.get("CHAT", "localhost:8080,localhost:8081,localhost:8082")
    results = Path(settings.get("RESULTS", "results"))
    chatter = Chatter(name, int(person), nodes, settings.get("ROOM", "lobby"), results)

    def stop(*_: object) -> None:
        chatter.stopping = True

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, stop)
    chatter.live(int(pause_ms) / 1000)
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
