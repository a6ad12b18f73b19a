"""Draws who said what to whom, and when, from the log of a run (events.py): time runs downwards,
each process is a line, each message an arrow (Lamport's space-time diagrams, CACM 1978). Nothing in
it is by hand.

In a page it is the source of a :::diagram. `events NAME` is the log of transcripts/NAME.sh, `trace
NAME` that of a test; the lines below say how much of it is shown, and where it stops to ask:

    events lease
    part: TEXT        what lies behind this part; TEXT is how an event's text begins, or how
    from: TEXT        the first event that is shown;  `FROM -> TO: TEXT` or `WHO: TEXT` does
    before: TEXT      the first behind it that is not shown any more
    unit: ms          of its times, which else are seconds
    stop: TEXT        before the next event that begins so, a picture that plays asks
                      (`A > B`: the first B behind the next A)
    ask: QUESTION     what comes next:
    + WHAT HAPPENS
    - WHAT SOMEBODY MAY EXPECT :: WHY IT IS NOT SO

The picture is SVG in the page: it needs no program to be drawn, and takes its colours from
theme/play/still.css. It is drawn twice, for wide and for narrow pages. theme/play moves it: a <g>
is what is seen in one step, `data-rows` says how far down each step reaches, and play_data() what
happens in them.
"""

import html
import json
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transcripts
from events import Event, cut_down, find, read_events, read_trace
from steps import Step, changes, data_of, state_before, steps_of, tell_states

EVENTS_MAX = 40  # more than a reader follows
SETTINGS = {"part", "from", "before", "unit"}
NAME_PX, NAME_ROW_PX = 9.0, 17.0  # a letter and a row of a lane's name
NARROW_PX = 360  # a phone, less its margins


@dataclass(frozen=True)
class Shape:
    name: str
    lane_px: float
    edge_px: float  # from the outermost lines to the edge
    row_px: float = 40
    slant_px: float = 12
    note_chars: int = 24
    label_chars: int = 30  # in a line above one gap between lanes
    label_lines: int = 1
    char_px: float = 7.4


WIDE = Shape("wide", 210, 105)


def narrow(lanes: int) -> Shape:
    """As many lanes as fit on a phone: their words stand in more lines."""
    lane_px = max(84.0, min(170.0, NARROW_PX / max(lanes, 1)))
    chars = int(lane_px / 7.4)
    return Shape("narrow", lane_px, lane_px / 2, 44, 12, max(chars, 12), max(chars + 8, 20), 3)


def rows_of(name: str, chars: int) -> list[str]:
    """A name is broken behind its hyphens, and nowhere else."""
    rows = [""]
    for piece in re.findall(r"[^-]+-?|-", name):
        if rows[-1] and len(rows[-1] + piece) > chars:
            rows.append("")
        rows[-1] += piece
    return rows


# What a lane's process does, by its name, and the form that says so beside the colour (in a square of
# 22 by 22, as in theme/play/nodes.ts).
DOES = {
    "keeps": re.compile(r"queue|office|node|store|server|hall|seats?\b", re.I),
    "works": re.compile(r"worker|anna|ben|printer", re.I),
    "asks": re.compile(""),
}
FORMS = {
    "keeps": "M4.5 3h13q2 0 2 2v12q0 2-2 2h-13q-2 0-2-2v-12q0-2 2-2z",
    "works": "M6.5 3h9l5 8-5 8h-9l-5-8z",
    "asks": "M11 2.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z",
}


def does(lane: str) -> str:
    return next(what for what, names in DOES.items() if names.match(lane))


@dataclass(frozen=True)
class Life:
    """Of a process, from one change to the next."""

    since: float  # which y
    condition: str


class Drawing:
    def __init__(self, steps: list[Step], lanes: list[str], shape: Shape, unit: str) -> None:
        self.shape, self.unit, self.lanes = shape, unit, lanes
        self.width = 2 * shape.edge_px + shape.lane_px * (len(lanes) - 1)
        self.names = {lane: rows_of(lane, int(shape.lane_px / NAME_PX)) for lane in lanes}
        self.top = 17.0 + NAME_ROW_PX * max(map(len, self.names.values()), default=1)
        self.y = self.top + 20
        self.rows = [self.top]
        self.parts: list[str] = []
        self.lives: list[str] = []
        self.alive = dict.fromkeys(lanes, Life(self.top, "up"))
        self.left: dict[int, float] = {}  # step in which a message left -> its y
        for number, step in enumerate(steps, start=1):
            self.draw(number, step)
            self.rows.append(self.y)

    def x(self, name: str) -> float:
        return self.shape.edge_px + self.shape.lane_px * self.lanes.index(name)

    def draw(self, number: int, step: Step) -> None:
        event = step.event
        opened = f'<g class="st-step" data-step="{number}">'
        if step.kind == "arrived":
            opened = f'<g class="st-step" data-step="{step.sent}" data-until="{number}">'
        self.parts.append(opened)
        if step.gap:
            self.pause(step.gap)
        if step.kind == "part":
            self.part(event, first=number == 1)
        elif step.kind == "note":
            self.y += self.shape.row_px
            self.note(event)
        elif step.kind == "sent":
            self.y += self.shape.row_px / 2
            self.left[number] = self.y
        else:
            label = self.label(event)
            self.y += self.shape.row_px + 15 * (len(label) - 1)
            begun = self.left.get(step.sent, self.y - self.shape.slant_px)
            self.arrow(event, begun, self.y, label)
        self.parts.append("</g>")
        for name, said in event.state.items():
            if step.kind != "sent" and "is" in said and name in self.lanes:
                self.become(name, said["is"])

    def become(self, name: str, condition: str) -> None:
        """A line ends where its process does, and is broken where it stands still or is cut off."""
        life = self.alive.get(name)
        if life and life.condition == condition:
            return
        self.life(name, self.y)
        if condition != "down":
            self.alive[name] = Life(self.y, condition)

    def pause(self, gap: float) -> None:
        """Says how long nothing happened."""
        self.y += self.shape.row_px * 0.6
        said = f"{gap:.1f} s" if self.unit == "s" else f"{gap:.0f} ms"
        self.text(6, self.y + 4, f"⋮ {said}", "st-time", "start")

    def part(self, event: Event, first: bool) -> None:
        self.y += self.shape.row_px * (0.3 if first else 1.2)
        rows = textwrap.wrap(event.text, int(self.width / 7))
        self.y += 15 * (len(rows) - 1)
        self.line(8, self.y, self.width - 8, self.y, "st-part")
        for i, row in enumerate(rows):
            self.text(8, self.y - 6 - 15 * (len(rows) - 1 - i), row, "st-time", "start")

    def label(self, event: Event) -> list[str]:
        """The lines above an arrow."""
        shape = self.shape
        text = event.text + (f" “{event.body}”" if event.body else "")
        gaps = max(1, abs(self.lanes.index(event.who) - self.lanes.index(event.to)))
        chars = shape.label_chars if shape.label_lines > 1 else shape.label_chars * gaps
        lost = f" {LOST}" if event.lost else ""
        if shape.label_lines == 1:
            return [textwrap.shorten(text, chars, placeholder=" …") + lost]
        rows = textwrap.wrap(text + lost, chars, max_lines=shape.label_lines, placeholder=" …")
        return rows or [""]

    def arrow(self, event: Event, y1: float, y2: float, label: list[str]) -> None:
        x1, x2 = self.x(event.who), self.x(event.to)
        middle, top = (x1 + x2) / 2, min(y1, y2) - 5
        kind = "st-arrow"
        if event.lost:
            x2, y2, kind = x1 + (x2 - x1) * 0.62, y1 + (y2 - y1) * 0.62, "st-arrow st-lost"
        head = "" if event.lost else f' marker-end="url(#{HEAD})"'
        self.line(x1, y1, x2, y2, kind, head)
        if event.lost:
            self.text(x2, y2 + 5, "✕", "st-cross")
        half = max(len(row) for row in label) * self.shape.char_px * 1.06 / 2
        middle = min(max(middle, half + 2), self.width - half - 2)
        for i, row in enumerate(label):
            self.text(middle, top - 15 * (len(label) - 1 - i), row, "st-label")
            if event.lost:  # what becomes of it is not seen before it does
                self.parts[-1] = self.parts[-1].replace(
                    LOST, f'<tspan class="st-fate">{LOST}</tspan>'
                )

    def note(self, event: Event) -> None:
        rows = textwrap.wrap(event.text, self.shape.note_chars)
        width = max(len(row) for row in rows) * self.shape.char_px + 16
        height = 17 * len(rows) + 8
        top = self.y - 14
        x = min(max(self.x(event.who), width / 2 + 1), self.width - width / 2 - 1)
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
        if life := self.alive.pop(name, None):
            kind = "st-life" if life.condition == "up" else f"st-life st-{life.condition}"
            x = self.x(name)
            self.lives.append(
                f'<line class="{kind}" data-lane="{does(name)}" x1="{x:.0f}" y1="{life.since:.0f}" '
                f'x2="{x:.0f}" y2="{until:.0f}"/>'
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
        height = self.y + self.shape.row_px
        for name in self.lanes:
            self.life(name, height - 8)
            for i, row in enumerate(self.names[name]):
                self.text(self.x(name), 22 + NAME_ROW_PX * i, row, "st-name")
            place = f"translate({self.x(name) - 7:.0f} {self.top - 5:.0f}) scale(0.64)"
            form = f'<path class="st-kind" data-lane="{does(name)}" transform="{place}"'
            self.parts.append(f'{form} d="{FORMS[does(name)]}"/>')
        own = f"{number}-{self.shape.name}"
        access = f'role="img" aria-labelledby="{own}-title {own}-desc"'
        rows = " ".join(f"{y:.0f}" for y in self.rows)
        return (
            f'<svg class="spacetime {self.shape.name}" viewBox="0 0 {self.width:.0f} {height:.0f}" '
            f'{access} data-rows="{rows}" '
            f'style="--wide: {self.width:.0f}px; --top: {self.top:.0f}px">'
            f'<title id="{own}-title">{html.escape(title)}</title>'
            f'<desc id="{own}-desc">{html.escape(words)}</desc>'
            f'<defs><marker id="{own}-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" '
            'markerHeight="8" orient="auto"><path class="st-head" d="M0 0 10 5 0 10z"/>'
            "</marker></defs>" + "".join(self.lives + self.parts).replace(HEAD, f"{own}-head")
            + "</svg>"
        )  # fmt: skip


LOST = "(lost)"
HEAD = "st-head-of-this"  # stands for the id of the picture's own arrow head


# --- of a page ------------------------------------------------------------------------------------


@dataclass
class Run:
    """A run, or a part of one, that is to be shown."""

    steps: list[Step]
    lanes: list[str]
    unit: str
    start: dict[str, Any]  # what each is and holds before the first step
    asks: dict[int, dict[str, Any]]  # step -> what is asked before it

    def pictures(self, title: str, words: str, number: str) -> str:
        shapes = (WIDE, narrow(len(self.lanes)))
        drawings = [Drawing(self.steps, self.lanes, shape, self.unit) for shape in shapes]
        return "".join(one.svg(title, words, number) for one in drawings)

    def play_data(self) -> str:
        """For theme/play, as it stands in a <script>."""
        said = {
            "unit": self.unit, "lanes": self.lanes, "does": {one: does(one) for one in self.lanes},
            "start": self.start, "asks": self.asks,
            "steps": data_of(self.steps),
        }  # fmt: skip
        return json.dumps(said, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def run_of(
    events: list[Event], settings: dict[str, str], stops: list[dict[str, Any]], most: int
) -> Run:
    tell_states(events)
    first, last = cut_down(events, settings, most)
    shown = events[first:last]
    steps = steps_of(shown)
    asks: dict[int, dict[str, Any]] = {}
    at = 0
    for stop in stops:
        for text in stop.pop("stop").split(" > "):
            at = find(shown, text, at)
        step = next(n for n, one in enumerate(steps, start=1) if one.event is shown[at])
        asks[step] = stop
        at += 1
    lanes = list(dict.fromkeys(n for e in shown for n in (e.who, e.to) if n))
    start = {name: said for name, said in state_before(events[:first]).items() if name in lanes}
    return Run(steps, lanes, settings.get("unit", "s"), changes(start), asks)


def read_source(lines: list[str]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """(settings, the questions). Raises LookupError, saying what is wrong."""
    settings: dict[str, str] = {}
    stops: list[dict[str, Any]] = []
    for line in lines:
        choice = re.match(r"([+-]) (.+?)(?: :: (.+))?$", line)
        key, _, value = (part.strip() for part in line.partition(":"))
        if choice and stops:
            said = {"text": choice[2], "right": choice[1] == "+", "why": choice[3]}
            stops[-1]["choices"].append({k: v for k, v in said.items() if v is not None})
        elif key == "stop":
            stops.append({"stop": value, "ask": "", "choices": []})
        elif key == "ask" and stops:
            stops[-1]["ask"] = value
        elif key in SETTINGS:
            settings[key] = value
        else:
            known = "part:, from:, before: and unit:, and asks by stop:, ask:, + and -"
            raise LookupError(f"a run is cut down by {known}, not by {line!r}")
    for stop in stops:
        if not stop["ask"] or sum(one["right"] for one in stop["choices"]) != 1:
            raise LookupError(f"stop: {stop['stop']} needs an ask:, one + and some -")
        if len(stop["choices"]) < 2:
            raise LookupError(f"stop: {stop['stop']} leaves no choice")
    return settings, stops


def of_page(course: Path, source: list[str]) -> tuple[Run, Path]:
    """(the run, the log that it was drawn from). Raises LookupError or ValueError."""
    kind, _, name = source[0].partition(" ")
    settings, stops = read_source(source[1:])
    if kind == "trace":
        path = course.parent / "test/trace" / f"{name}.txt"
    else:
        path = transcripts.of_name(course, name)[0].events
    if not path.is_file():
        raise LookupError(f"there is no log {path.name} at {path.parent.name}")
    events = read_trace(path) if kind == "trace" else read_events(path)
    return run_of(events, settings, stops, EVENTS_MAX), path


def figure(run: Run, title: str, words: str, number: str) -> str:
    """What stands in a <figure data-play="lanes">."""
    data = f'<script type="application/json" class="play-data">{run.play_data()}</script>'
    return f'<div class="picture">{run.pictures(title, words, number)}</div>{data}'
