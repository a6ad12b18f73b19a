"""Step 1: one machine. Keys, and what they hold.

The store is a state machine: a command goes in with its time. No clock, no socket, no disk. What a
call leaves in `save` has to be on the disk before anything leaves: messages and answers wait.
"""

from typing import Any

Entry = list[Any]  # of the log: [time, node, name, words ...]
Answer = (
    str | None
)  # its first letter says what it is: +OK  -ERR ...  :1  $text; None: there is none


class Store:
    def __init__(self, id: int, addresses: dict[int, str]) -> None:
        self.id, self.addresses = id, addresses
        self.data: dict[str, str] = {}
        self.save: list[Entry] = []
        self.send: list[tuple[int, list[Any]]] = []
        self.answers: list[tuple[int, Answer]] = []

    def ask(self, now: float, client: int, words: list[str]) -> None:
        """A client's command: get KEY, set KEY VALUE, set KEY VALUE nx, del KEY."""
        answer, change = self.decide(*words)
        if change is not None:
            self.record(now, "put", *change)
        self.answers.append((client, answer))

    def decide(self, name: str, key: str, value: str = "", option: str = "") -> tuple[Answer, Any]:
        """What the answer is, and what changes: [key, value]. A value of None: it goes."""
        there = key in self.data
        if name == "get":
            return ("$" + self.data[key] if there else None), None
        if name == "del":
            return (":1", [key, None]) if there else (":0", None)
        if option == "nx" and there:
            return None, None  # somebody was first
        return "+OK", [key, value]

    def record(self, now: float, *change: Any) -> None:
        """To the log, and done."""
        self.save.append([now, self.id, *change])
        self.apply(self.save[-1])

    def apply(self, entry: Entry) -> None:
        """What the log says is done: now, and again after a restart."""
        _, _, _, key, value = entry
        if value is None:
            self.data.pop(key, None)
        else:
            self.data[key] = value

    def receive(self, now: float, sender: int, message: list[Any]) -> None:
        """Another node says something. There is none yet."""

    def tick(self, now: float) -> None:
        """Time passes."""
