"""Three clocks, and what they say of which came first. Run it with a seed: python main.py 7

Three offices note things down and send each other notes. What may have been known to whom, the
program keeps on the side (`past`): that is the truth by which the clocks are judged.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # where luck.py lies
from luck import Draw, chance, play

OFFICES = 3
EVENTS = 150
TOLD = 0.2  # so many events send a note to another office
DELAY_S = 20  # of a note, at most
OFF_S = 10  # of an office's clock, either way


@dataclass
class Event:
    number: int
    past: set[int]  # the events that may have led to this one, with itself
    wall: float
    count: int
    vector: list[int]


Before = Callable[[Event, Event], bool]


def by_wall(a: Event, b: Event) -> bool:
    return a.wall < b.wall


def by_count(a: Event, b: Event) -> bool:
    return a.count < b.count


def by_vector(a: Event, b: Event) -> bool:
    """Whoever made b had heard of all that a's maker had heard of. Of two alike, neither."""
    pairs = list(zip(a.vector, b.vector, strict=True))
    return all(mine <= other for mine, other in pairs) and a.vector != b.vector


def run(draw: Draw) -> list[Event]:
    """One event a second, each at some office, which has read the notes that have come to it."""
    off = [OFF_S * (2 * draw() - 1) for _ in range(OFFICES)]
    last = [Event(-1, set(), 0, 0, [0] * OFFICES) for _ in range(OFFICES)]
    notes: list[tuple[float, int, Event]] = []  # (when it comes, where to, what its sender knew)
    events: list[Event] = []
    for now in range(EVENTS):
        office = int(draw() * OFFICES)
        known = [last[office]] + [sent for at, to, sent in notes if to == office and at <= now]
        vector = [max(one.vector[i] for one in known) for i in range(OFFICES)]
        vector[office] += 1  # each office counts its own
        past = {now}.union(*(one.past for one in known))
        count = 1 + max(one.count for one in known)
        event = last[office] = Event(now, past, now + off[office], count, vector)
        events.append(event)
        if draw() < TOLD:
            to = (office + 1 + int(draw() * (OFFICES - 1))) % OFFICES
            notes.append((now + DELAY_S * draw(), to, event))
    return events


def report(name: str, events: list[Event], before: Before) -> None:
    upside_down = invented = 0
    for a in events:
        for b in events[: a.number]:  # so a cannot have led to b
            led = b.number in a.past
            upside_down += led and not before(b, a)
            invented += not led and (before(a, b) or before(b, a))
    print(f"{name:26}{upside_down:8}{invented:20}")


def main(seed: int) -> None:
    events = run(chance(seed))
    led = sum(len(event.past) - 1 for event in events)
    pairs = EVENTS * (EVENTS - 1) // 2
    print(f"{pairs} pairs of events; in {led}, one may have led to the other")
    print("                            missed  said, but not so")
    report("the clock on the wall", events, by_wall)
    report("one number", events, by_count)
    report("a number for each office", events, by_vector)


play(main)
