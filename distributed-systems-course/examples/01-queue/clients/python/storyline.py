"""The story of one order as messages between those who had it in hand, one JSON event a line: what
the course's tools/draw.py makes a picture of.

python storyline.py KEY-OR-NAME       as for story.py

A journal knows what its writer did, not what the queue did, nor when a message left. So a message
has the one time that was written down; and that somebody was killed is seen by this alone: he holds
his job to the end of the story.
"""

import json
import sys
from datetime import datetime
from typing import Any

from story import Event, read_story

QUEUE = "queue"


def storyline(story: list[Event]) -> list[Event]:
    """`story` is in the order of its time stamps."""
    began = at_of(story[0])
    lines: list[Event] = []
    for event in story:
        at = round(at_of(event) - began, 3)
        lines += [{"at": at, **line} for line in told(event)]
    return lines


def at_of(event: Event) -> float:
    return datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()


def told(event: Event) -> list[Event]:
    who, job = event["who"], f"job {event.get('job')}"
    free: Event = {"state": {who: {"holds": ""}}}

    def note(text: str, **more: Any) -> Event:
        return {"who": who, "text": text, **more}

    def to_queue(text: str, **more: Any) -> Event:
        return {"from": who, "to": QUEUE, "text": text, **more}

    match event["event"]:
        case "sent":
            return [to_queue(f"put: {job}")]
        case "resend":
            return [note(f"no answer ({event.get('reason')}): sends it again")]
        case "started":
            attempt = event.get("attempt", 1)
            text = f"{job}, attempt {attempt}" if attempt != 1 else job
            holds = {"state": {who: {"holds": job}}}
            return [{"from": QUEUE, "to": who, "text": text, **holds}]
        case "done":
            return [note("prints the ticket"), to_queue(f"delete {job}", **free)]
        case "duplicate":
            return [note("the ticket is there already"), to_queue(f"delete {job}", **free)]
        case "retry":
            return [to_queue(f"release {job}: {event.get('reason', 'it failed')}", **free)]
        case "dead":
            return [to_queue(f"{job} to the dead tube: {event.get('reason')}", **free)]
        case "lease_lost":
            return [note(f"has lost the lease of {job}", **free)]
        case other:
            return [note(other)]


def as_lines(story: list[Event]) -> str:
    return "".join(json.dumps(line) + "\n" for line in storyline(story))


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    _, story, _ = read_story(sys.argv[1])
    print(as_lines(story), end="")


if __name__ == "__main__":
    main()
