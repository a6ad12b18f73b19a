"""Draws who said what to whom, and when, from the log of a run: time runs downwards, each process
is a line, each message an arrow (Lamport's space-time diagrams, CACM 1978). Nothing in it is by
hand.

Two kinds of logs are read. `events NAME`: JSON lines that a transcript's run left (tap.py,
observe.py). `trace NAME`: the narration of test/trace/NAME.txt, which is a test. What is shown can
be cut down: `from: TEXT` is the first event whose text begins so (behind that of `part: TEXT`, if
there is one), `before: TEXT` the first behind it that is not shown any more. Times are seconds,
unless `unit: ms` says otherwise.

The picture is SVG in the page: it needs no program to be drawn, and takes its colours from
theme/course.css.
"""

import html
import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transcripts

LANE_PX = 210
ROW_PX = 40
SLANT_PX = 12
EDGE_PX = 105  # from the outermost lines to the edge
TOP_PX = 54
NOTE_CHARS = 24
LABEL_CHARS = 30
CHAR_PX = 7.4
EVENTS_MAX = 40  # more than a reader follows
GAP_TO_SAY = 0.5  # a pause that is this part of all the time is said beside it


@dataclass
class Event:
    kind: str  # message, note or part
    text: str
    who: str = ""  # whose note; the sender
    to: str = ""
    at: float | None = None
    got: float | None = None
    lost: bool = False
    ends: bool = False  # the process or its connection ends here


# --- reading --------------------------------------------------------------------------------------


def read_events(path: Path) -> list[Event]:
    return [event_of(json.loads(line)) for line in path.read_text().splitlines()]


def event_of(said: dict[str, Any]) -> Event:
    at = said.get("at")
    if "part" in said:
        return Event("part", said["part"], at=at)
    if "who" in said:
        return Event("note", said["text"], said["who"], at=at, ends=said.get("ends", False))
    text = said["text"] + (f" “{said['body']}”" if said.get("body") else "")
    got = said.get("got", at)
    return Event("message", text, said["from"], said["to"], at, got, said.get("lost", False))


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


def cut_down(events: list[Event], settings: dict[str, str]) -> list[Event]:
    def find(text: str, start: int) -> int:
        for i in range(start, len(events)):
            if events[i].text.startswith(text):
                return i
        raise LookupError(f"no event of this run begins with {text!r}")

    first = find(settings["part"], 0) if "part" in settings else 0
    first = find(settings["from"], first) if "from" in settings else first
    last = find(settings["before"], first + 1) if "before" in settings else len(events)
    if not 0 < last - first <= EVENTS_MAX:
        raise LookupError(f"{last - first} events, and a diagram has 1 to {EVENTS_MAX}")
    return events[first:last]


# --- drawing --------------------------------------------------------------------------------------


class Drawing:
    def __init__(self, events: list[Event], unit: str) -> None:
        self.unit = unit
        self.lanes = list(dict.fromkeys(n for e in events for n in (e.who, e.to) if n))
        self.width = 2 * EDGE_PX + LANE_PX * (len(self.lanes) - 1)
        self.y = float(TOP_PX)
        self.parts: list[str] = []
        self.lives: list[str] = []
        self.alive: dict[str, float] = dict.fromkeys(self.lanes, 34.0)  # since which y
        times = [t for e in events for t in (e.at, e.got) if t is not None]
        self.whole = max(times, default=0.0) - min(times, default=0.0)
        self.now: float | None = None
        self.coming: list[tuple[float, float, Event]] = []  # on their way: (when, from which y)
        for event in events:
            self.land(event.at)
            self.place(event)
        self.land(None)

    def x(self, name: str) -> float:
        return EDGE_PX + LANE_PX * self.lanes.index(name)

    def land(self, until: float | None) -> None:
        """Messages that arrive before the next event."""
        for arrival in sorted(self.coming, key=lambda one: one[0]):
            if until is None or arrival[0] <= until:
                self.coming.remove(arrival)
                self.pass_time(arrival[0])
                self.y += ROW_PX
                self.arrow(arrival[2], arrival[1], self.y)

    def pass_time(self, at: float | None) -> None:
        """Says how long nothing happened, where that was long."""
        if at is None:
            return
        gap = at - self.now if self.now is not None else 0.0
        self.now = at
        if self.whole and gap >= GAP_TO_SAY * self.whole and self.parts:
            self.y += ROW_PX * 0.6
            said = f"{gap:.1f} s" if self.unit == "s" else f"{gap:.0f} ms"
            self.text(6, self.y + 4, f"⋮ {said}", "st-time", "start")

    def place(self, event: Event) -> None:
        if event.kind == "part":
            self.y += ROW_PX * (1.2 if self.parts else 0.3)
            self.now = event.at
            for name in self.lanes:  # those that ended are there again, in another story
                self.alive.setdefault(name, self.y)
            self.line(8, self.y, self.width - 8, self.y, "st-part")
            self.text(8, self.y - 6, event.text, "st-time", "start")
            return
        self.pass_time(event.at)
        self.y += ROW_PX
        if event.kind == "note":
            self.note(event)
        elif event.got is not None and event.at is not None and event.got > event.at:
            self.coming.append((event.got, self.y - ROW_PX / 2, event))
            self.y -= ROW_PX / 2
        else:
            self.arrow(event, self.y - SLANT_PX, self.y)

    def arrow(self, event: Event, y1: float, y2: float) -> None:
        x1, x2 = self.x(event.who), self.x(event.to)
        kind = "st-arrow"
        if event.lost:
            x2, y2, kind = x1 + (x2 - x1) * 0.62, y1 + (y2 - y1) * 0.62, "st-arrow st-lost"
        self.line(x1, y1, x2, y2, kind, "" if event.lost else ' marker-end="url(#st-head)"')
        text = textwrap.shorten(
            event.text, LABEL_CHARS * max(1, round(abs(x1 - x2) / LANE_PX)), placeholder=" …"
        )
        if event.lost:
            self.text(x2, y2 + 5, "✕", "st-cross")
            text += " (lost)"
        self.text((x1 + self.x(event.to)) / 2, min(y1, y2) - 5, text, "st-label")

    def note(self, event: Event) -> None:
        rows = textwrap.wrap(event.text, NOTE_CHARS)
        width = max(len(row) for row in rows) * CHAR_PX + 16
        height = 17 * len(rows) + 8
        x, top = self.x(event.who), self.y - 14
        kind = "st-note st-ends" if event.ends else "st-note"
        self.parts.append(
            f'<rect class="{kind}" x="{x - width / 2:.0f}" y="{top:.0f}" '
            f'width="{width:.0f}" height="{height}" rx="4"/>'
        )
        for i, row in enumerate(rows):
            self.text(x, top + 17 * (i + 1), row, "st-note-text")
        self.y = top + height - 8
        if event.ends:
            self.life(event.who, top)

    def life(self, name: str, until: float) -> None:
        if name in self.alive:
            x, since = self.x(name), self.alive.pop(name)
            self.lives.append(
                f'<line class="st-life" x1="{x}" y1="{since:.0f}" x2="{x}" y2="{until:.0f}"/>'
            )

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str, more: str = "") -> None:
        self.parts.append(
            f'<line class="{kind}" x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}"{more}/>'
        )

    def text(self, x: float, y: float, text: str, kind: str, anchor: str = "middle") -> None:
        self.parts.append(
            f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">'
            f"{html.escape(text)}</text>"
        )

    def svg(self, title: str, words: str, number: str) -> str:
        height = self.y + ROW_PX
        for name in self.lanes:
            self.life(name, height - 8)
            self.text(self.x(name), 22, name, "st-name")
        access = f'role="img" aria-labelledby="{number}-title {number}-desc"'
        return (
            f'<svg class="spacetime" viewBox="0 0 {self.width} {height:.0f}" {access} '
            f'style="--wide: {self.width}px">'
            f'<title id="{number}-title">{html.escape(title)}</title>'
            f'<desc id="{number}-desc">{html.escape(words)}</desc>'
            '<defs><marker id="st-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            'markerHeight="8" orient="auto"><path class="st-head" d="M0 0 10 5 0 10z"/>'
            "</marker></defs>" + "".join(self.lives + self.parts) + "</svg>"
        )


def draw(course: Path, source: list[str], title: str, words: str, number: str) -> tuple[str, Path]:
    """(the picture, the log that it was drawn from). Raises LookupError, saying what is wrong."""
    kind, _, name = source[0].partition(" ")
    settings = dict(re.split(r":\s*", line, maxsplit=1) for line in source[1:] if ":" in line)
    if unknown := set(settings) - {"part", "from", "before", "unit"}:
        raise LookupError(f"a run is cut down by from: and before:, not by {unknown.pop()}:")
    if kind == "trace":
        path = course.parent / "test/trace" / f"{name}.txt"
    else:
        path = transcripts.of_name(course, name)[0].events
    if not path.is_file():
        raise LookupError(f"there is no log {path.name} at {path.parent.name}")
    events = cut_down(read_trace(path) if kind == "trace" else read_events(path), settings)
    return Drawing(events, settings.get("unit", "s")).svg(title, words, number), path
