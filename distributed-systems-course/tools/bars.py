"""Draws the calls of a run as bars: each customer a row, each call a bar from the moment it was
sent to the moment its answer came. This is what can be seen of a run from outside: a history.

In a page it is the source of a :::diagram, `bars NAME`, and NAME the log of transcripts/NAME.sh
(events.py): what a customer says to a node begins a call, and what that node says back ends it.
"""

import html
from dataclasses import dataclass
from pathlib import Path

import transcripts
from events import Event, read_events

ROW_PX, BAR_PX, CHAR_PX, NAME_PX = 84.0, 16.0, 7.8, 11.0
WIDE_PX, NARROW_PX = 640.0, 360.0
NODE = "node "


@dataclass
class Call:
    who: str
    asked: str
    begin: float
    answer: str = ""
    end: float = 0.0


def calls_of(events: list[Event]) -> list[Call]:
    """In the order in which they begin. Raises LookupError where one has no end."""
    under_way: dict[tuple[str, str], Call] = {}
    found: list[Call] = []
    for event in events:
        if event.kind != "message" or event.at is None or event.got is None:
            continue
        if event.to.startswith(NODE) and not event.who.startswith(NODE):
            call = under_way[event.who, event.to] = Call(event.who, event.text, event.at)
            found.append(call)
        elif event.who.startswith(NODE) and (call := under_way.pop((event.to, event.who), None)):
            call.answer, call.end = event.text, event.got
    if not found or under_way:
        raise LookupError("a run that is drawn as bars has calls, and each of them an answer")
    return found


def svg(calls: list[Call], width: float, name: str, title: str, words: str, number: str) -> str:
    people = list(dict.fromkeys(call.who for call in calls))
    first, last = calls[0].begin, max(call.end for call in calls)
    beside = width > NARROW_PX  # else a name stands above its row
    row_px = ROW_PX if beside else ROW_PX + 22
    left, right = NAME_PX * max(map(len, people)) + 20 if beside else 6, width - 14
    parts: list[str] = []

    def x(time: float) -> float:
        return left + (right - left) * (time - first) / (last - first)

    def text(at: float, y: float, said: str, kind: str, anchor: str = "start") -> None:
        parts.append(
            f'<text class="{kind}" x="{at:.0f}" y="{y:.0f}" text-anchor="{anchor}">'
            f"{html.escape(said)}</text>"
        )

    for row, who in enumerate(people):
        y = row_px * (row + 1) - 40
        text(*((4, y + 5) if beside else (4, y - 36)), who, "st-name")
        parts.append(
            f'<line class="st-life" x1="{left:.0f}" y1="{y:.0f}" x2="{right:.0f}" y2="{y:.0f}"/>'
        )
        for call in (call for call in calls if call.who == who):
            begin, end = x(call.begin), x(call.end)
            parts.append(
                f'<rect class="st-note" x="{begin:.0f}" y="{y - BAR_PX / 2:.0f}" '
                f'width="{end - begin:.0f}" height="{BAR_PX:.0f}" rx="3"/>'
            )
            longest = CHAR_PX * max(len(call.asked), len(call.answer) + 2)
            over = begin + longest > width
            at, anchor = (min(end, width - 2), "end") if over else (begin, "start")
            text(at, y - 14, call.asked, "st-label", anchor)
            text(at, y + 25, f"→ {call.answer}", "st-label", anchor)
    height, y = row_px * len(people) + 30, row_px * len(people) + 20
    text(left, y, f"time runs this way: {last - first:.0f} ms →", "st-time")
    own = f"{number}-{name}"
    return (
        f'<svg class="spacetime {name}" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-labelledby="{own}-title {own}-desc" style="--wide: {width:.0f}px">'
        f'<title id="{own}-title">{html.escape(title)}</title>'
        f'<desc id="{own}-desc">{html.escape(words)}</desc>{"".join(parts)}</svg>'
    )


def of_page(course: Path, name: str, title: str, words: str, number: str) -> tuple[str, Path]:
    """(the picture, the log that it was drawn from). Raises LookupError or ValueError."""
    path = transcripts.of_name(course, name)[0].events
    if not path.is_file():
        raise LookupError(f"there is no log {path.name} at {path.parent.name}")
    calls = calls_of(read_events(path))
    both = (("wide", WIDE_PX), ("narrow", NARROW_PX))
    return "".join(svg(calls, px, kind, title, words, number) for kind, px in both), path
