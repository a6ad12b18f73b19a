"""Tells the story of one order, from the journals of all who had it in hand.

python story.py KEY       of this order
python story.py NAME      of the order that this worker started last
"""

import json
import sys
from pathlib import Path
from typing import Any

from config import load_config

Event = dict[str, Any]
ENDS = ("done", "duplicate", "retry", "dead")  # of an attempt, by the worker that made it


def read_events(results: str) -> list[Event]:
    """Everything that happened, in the order of its time stamps.

    One machine, one clock: that is why this order may be believed. With two it may not.
    """
    events = []
    for journal in sorted(Path(results).glob("*.jsonl")):
        for line in journal.read_text().splitlines():
            try:
                events.append(json.loads(line))
            except ValueError:
                continue  # its writer was killed in the middle of this line
    return sorted(events, key=lambda event: event["at"][:23])  # to the millisecond


def key_of(event: Event) -> str | None:
    """Which order an event is about. A dead letter has the order in its body."""
    if "key" in event or "body" not in event:
        key: str | None = event.get("key")
        return key
    try:
        task: dict[str, str] = json.loads(event["body"])
        return task.get("key")
    except (ValueError, AttributeError):
        return None  # it was given up because it was no order at all


def is_about(event: Event, key: str, jobs: set[int]) -> bool:
    """A worker that has lost its lease names only the job."""
    return key_of(event) == key or (event["event"] == "lease_lost" and event.get("job") in jobs)


def own_end(events: list[Event], began: Event) -> str:
    """How the worker that began an attempt ended it; '' if it never did."""
    mine = [event for event in events if event["who"] == began["who"]]
    later = mine[mine.index(began) + 1 :]
    return next((event["event"] for event in later if event["event"] in ENDS), "")


def tell(event: Event) -> str:
    known = {"at", "who", "event", "key", "body", "history"}
    rest = "  ".join(f"{name} {value}" for name, value in event.items() if name not in known)
    return f"{event['at'][11:23]}  {event['who']:20} {event['event']:10} {rest}".rstrip()


def read_story(name: str) -> tuple[str, list[Event], str]:
    """Its key, what became of it, and how the worker `name` ended its attempt, if it did."""
    events = read_events(load_config().results)
    started = [e for e in events if e["who"] == name and e["event"] == "started"]
    key = started[-1]["key"] if started else name
    jobs = {event["job"] for event in events if "job" in event and key_of(event) == key}
    story = [event for event in events if is_about(event, key, jobs)]
    if not story:
        sys.exit(f"no order {name}, and no worker of that name that started one")
    return key, story, own_end(events, started[-1]) if started else ""


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    name = sys.argv[1]
    key, story, end = read_story(name)
    print(key)
    for event in story:
        print(tell(event))
    if end:
        print(f"{name} had ended this attempt itself ({end}): whatever befell it came later.")


if __name__ == "__main__":
    main()
