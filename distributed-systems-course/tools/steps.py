"""A run, step by step: in which order things are seen, and what each process is and holds then.

The order of the log is that of sending. A message that is on its way while other things happen
takes two steps, one to leave and one to arrive. What a process holds is read off what it said and
was told, where the log itself does not say it (`state`).
"""

import re
from dataclasses import dataclass
from typing import Any

from events import Event, State

GAP_TO_SAY = 0.5  # a pause that is this part of all the time is said beside it
QUEUE = "queue"  # the name that tap.py gives it
FEW = 4


@dataclass
class Step:
    kind: str  # message, sent, arrived, note or part
    event: Event
    gap: float = 0.0  # how long nothing had happened, where that is worth a word
    sent: int = 0  # of one that arrives: the number of the step in which it left

    @property
    def at(self) -> float | None:
        return self.event.got if self.kind == "arrived" else self.event.at

    def data(self, since: float) -> dict[str, Any]:
        """As theme/play/frames.ts reads it, with times since then."""
        event = self.event
        at = None if self.at is None else round(self.at - since, 6)
        said: dict[str, Any] = {"kind": self.kind, "text": event.text, "at": at}
        said |= {"body": event.body, "lost": event.lost, "sent": self.sent}
        if event.kind == "message":
            said |= {"from": event.who, "to": event.to}
        elif event.kind == "note":
            said["who"] = event.who
        if self.kind != "sent":
            said["state"] = changes(event.state)
        return {key: value for key, value in said.items() if value or value == 0 and key == "at"}


def data_of(steps: list[Step]) -> list[dict[str, Any]]:
    """Times are since the first of them, or since the part that they belong to began."""
    since: float | None = None
    out = []
    for step in steps:
        if step.at is not None and (since is None or step.kind == "part"):
            since = step.at
        out.append(step.data(since or 0.0))
    return out


def changes(state: State) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for lane, said in state.items():
        own = {key: said[key] for key in ("is", "role") if key in said}
        facts = {key: value for key, value in said.items() if key not in own}
        out[lane] = own | ({"facts": facts} if facts else {})
    return out


def steps_of(events: list[Event]) -> list[Step]:
    times = [t for e in events for t in (e.at, e.got) if t is not None]
    whole = max(times, default=0.0) - min(times, default=0.0)
    steps: list[Step] = []
    coming: list[Step] = []  # on their way, with the number of the step in which they left
    now: float | None = None

    def add(step: Step, at: float | None) -> None:
        nonlocal now
        if at is not None:
            gap = at - now if now is not None else 0.0
            now = at
            if whole and gap >= GAP_TO_SAY * whole and steps and step.kind != "part":
                step.gap = gap
        steps.append(step)

    def land(until: float | None) -> None:
        for step in sorted(coming, key=lambda one: one.event.got or 0):
            if until is None or (step.event.got or 0) <= until:
                coming.remove(step)
                add(step, step.event.got)

    for event in events:
        land(event.at)
        if event.got is not None and event.at is not None and event.got > event.at:
            add(Step("sent", event), event.at)
            coming.append(Step("arrived", event, sent=len(steps)))
        else:
            add(Step(event.kind, event), event.at)
    land(None)
    return steps


# --- what each is and holds -----------------------------------------------------------------------


def tell_states(events: list[Event]) -> None:
    """Adds to each state what follows from what was said; what the log says itself stays."""
    queue = QueueWatch() if any(QUEUE in (e.who, e.to) for e in events) else None
    ended: set[str] = set()
    for event in events:
        own, event.state = event.state, {}
        if event.kind == "part":
            event.state = {name: {"is": "up"} for name in ended}
            ended.clear()
        if event.ends:
            event.state[event.who] = {"is": "down"}
            ended.add(event.who)
        if queue:
            queue.hear(event)
        if event.kind == "note" and (role := role_in(event.text)):
            event.state[event.who] = {"role": role} | term_in(event.text)
        for name, said in own.items():
            event.state[name] = event.state.get(name, {}) | said


def role_in(text: str) -> str:
    """Raft's, from the narration of test/trace."""
    words = {
        r"is elected leader": "leader",
        r"becomes candidate": "candidate",
        r"(steps down|follows)": "follower",
    }
    return next((role for found, role in words.items() if re.match(found, text)), "")


def term_in(text: str) -> dict[str, str]:
    term = re.search(r" (?:of|in) term (\d+)", text)
    return {"term": term[1]} if term else {}


def state_before(events: list[Event]) -> State:
    """What all of these together have changed."""
    state: State = {}
    for event in events:
        for name, said in event.state.items():
            state[name] = state.get(name, {}) | said
    return state


def in_order(jobs: list[str]) -> list[str]:
    return sorted(set(jobs), key=lambda job: (len(job), job))


def few(words: list[str], between: str) -> str:
    """As many as there is room for, and how many more."""
    more = len(words) - FEW
    return between.join(words[:FEW]) + (f" and {more} more" if more > 0 else "")


class QueueWatch:
    """Follows beanstalkd's words: which jobs are ready, and who holds which."""

    def __init__(self) -> None:
        self.ready: list[str] = []
        self.held: dict[str, str] = {}  # job -> who, as the queue sees it
        self.asked: dict[str, list[str]] = {}  # who -> the words of what is not yet answered

    def hear(self, event: Event) -> None:
        before = self.ready[:], dict(self.held)
        words = event.text.split()
        if event.kind == "message" and event.to == QUEUE and not event.lost:
            self.asked[event.who] = words
        elif event.kind == "message" and event.who == QUEUE and words:
            self.answer(event.to, words)
        elif event.ends:
            for job in [job for job, who in self.held.items() if who == event.who]:
                self.give_back(job)
        if before != (self.ready, self.held):
            self.write(event, before[1])

    def answer(self, who: str, words: list[str]) -> None:
        asked = self.asked.get(who, [""])
        job = asked[1] if len(asked) > 1 else ""
        if words[0] == "INSERTED":
            self.ready = in_order([*self.ready, words[1]])
        elif words[0] == "RESERVED":
            self.ready = [one for one in self.ready if one != words[1]]
            self.held[words[1]] = who
        elif words[0] in ("DELETED", "BURIED", "RELEASED"):
            self.held.pop(job, None)
            self.ready = [one for one in self.ready if one != job]
            if words[0] == "RELEASED" and asked[3:4] == ["0"]:
                self.give_back(job)

    def give_back(self, job: str) -> None:
        self.held.pop(job, None)
        self.ready = in_order([*self.ready, job])

    def write(self, event: Event, held_before: dict[str, str]) -> None:
        given = [f"{job} ({who})" for job, who in self.held.items()]
        ready = few(self.ready, " ") or "none"
        event.state[QUEUE] = {"ready": ready, "reserved": few(given, ", ")}
        for who in {*held_before.values(), *self.held.values()}:
            mine = few([job for job, holder in self.held.items() if holder == who], " ")
            if mine != few([job for job, holder in held_before.items() if holder == who], " "):
                holds = {"holds": f"job {mine}" if mine else ""}
                event.state[who] = event.state.get(who, {}) | holds
