"""The log of a run: who said what to whom, and when. Read, checked, and cut down to what is shown.

Two kinds of logs are read. JSON lines that a transcript's run left (tap.py, observe.py), one event
each, in the order in which they happened:

    {"at": 1.5, "from": "shop", "to": "queue", "text": "put 0 0 60 7", "body": "seat 11"}
        also `got`, when it arrived (else at once), and `lost`
    {"at": 1.6, "who": "Anna", "text": "the connection ends", "ends": true}
    {"part": "at most once"}       what follows is another story
        each may have `state`, what has changed then: {"office": {"is": "down", "sold": "2"}}

And the narration of test/trace/NAME.txt, which is a test.
"""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

State = dict[str, dict[str, str]]  # lane -> `is`, `role`, and what else is known of it by its name

NEEDED = {"part": {"part"}, "note": {"who", "text"}, "message": {"from", "to", "text"}}
WISHED = {
    "part": {"at", "state"},
    "note": {"at", "ends", "state"},
    "message": {"at", "got", "body", "lost", "state"},
}
TYPES: dict[str, Any] = {"at": (int, float), "got": (int, float), "lost": bool, "ends": bool}
CONDITIONS = {"up", "down", "paused", "cut"}


@dataclass
class Event:
    kind: str  # message, note or part
    text: str
    who: str = ""  # whose note; the sender
    to: str = ""
    body: str = ""
    at: float | None = None
    got: float | None = None
    lost: bool = False
    ends: bool = False  # the process or its connection ends here
    state: State = field(default_factory=dict)

    @property
    def line(self) -> str:
        """What one looks for when one looks for it."""
        if self.kind == "message":
            return f"{self.who} -> {self.to}: {self.text}"
        return f"{self.who}: {self.text}" if self.who else self.text


def read_events(path: Path) -> list[Event]:
    """Raises ValueError, with file and line, where a line is no event."""
    events: list[Event] = []
    now = float("-inf")
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            event = event_of(json.loads(line))
            if event.at is not None and event.at < now:
                raise ValueError(f"it happens at {event.at:g}, after what happens at {now:g}")
            now = event.at if event.at is not None else now
        except ValueError as error:
            why = "no JSON" if isinstance(error, json.JSONDecodeError) else error
            raise ValueError(f"{path.parent.name}/{path.name}:{number}: {why}") from error
        events.append(event)
    return events


def event_of(said: Any) -> Event:
    if not isinstance(said, dict):
        raise ValueError("an event is an object")
    kind = "part" if "part" in said else "note" if "who" in said else "message"
    if missing := NEEDED[kind] - set(said):
        raise ValueError(f"a {kind} needs {sorted(missing)[0]!r}")
    if unknown := set(said) - NEEDED[kind] - WISHED[kind]:
        raise ValueError(f"a {kind} has no {sorted(unknown)[0]!r}")
    for key, value in said.items():
        if key != "state" and not isinstance(value, TYPES.get(key, str)):
            raise ValueError(f"{key!r} cannot be {value!r}")
    state = state_of(said.get("state", {}))
    at = said.get("at")
    if kind == "part":
        return Event(kind, said["part"], at=at, state=state)
    if kind == "note":
        ends = said.get("ends", False)
        return Event(kind, said["text"], said["who"], at=at, ends=ends, state=state)
    got = said.get("got", at)
    if at is not None and got < at:
        raise ValueError(f"it arrives at {got:g}, before it is sent")
    return Event(
        kind, said["text"], said["from"], said["to"], said.get("body", ""), at, got,
        said.get("lost", False), state=state,
    )  # fmt: skip


def state_of(said: Any) -> State:
    if not isinstance(said, dict) or not all(isinstance(one, dict) for one in said.values()):
        raise ValueError("'state' says for each process what has changed: {NAME: {WHAT: VALUE}}")
    for changes in said.values():
        if not all(isinstance(value, str) for value in changes.values()):
            raise ValueError("what a 'state' says is text")
        if changes.get("is", "up") not in CONDITIONS:
            raise ValueError(f"a process is {', '.join(sorted(CONDITIONS))}")
    return said


def read_trace(path: Path) -> list[Event]:
    """A script of test/trace says what happened between `----` and the next empty line."""
    events, told = [], False
    for line in path.read_text().splitlines():
        told = (told or line == "----") and bool(line.strip())
        message = re.match(r"(\d+) -> (\d+) (.*?)(: lost(?:, .*)?)?$", line)
        note = re.match(r"  (\d+) (.+)$", line)
        if told and message:
            sender, to, text, lost = message.groups()
            events.append(
                Event("message", text, f"server {sender}", f"server {to}", lost=bool(lost))
            )
        elif told and note:
            events.append(Event("note", note[2], f"server {note[1]}"))
    return events


def find(events: list[Event], text: str, start: int) -> int:
    """The first that begins so, from `start` on. Raises LookupError."""
    for i in range(start, len(events)):
        if events[i].text.startswith(text) or events[i].line.startswith(text):
            return i
    raise LookupError(f"no event of this run begins with {text!r}")


def cut_down(events: list[Event], settings: dict[str, str], most: int) -> tuple[int, int]:
    """The first that is shown, and the first behind it that is not."""
    first = find(events, settings["part"], 0) if "part" in settings else 0
    first = find(events, settings["from"], first) if "from" in settings else first
    last = len(events)
    if "before" in settings:
        last = find(events, settings["before"], first + 1)
    if not 0 < last - first <= most:
        raise LookupError(f"{last - first} events, and a diagram has 1 to {most}")
    return first, last
