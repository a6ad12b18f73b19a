"""Is an order lost? Counts what the queue has acknowledged and what has become of it.

    python tally.py [SECONDS]      waits as long as this (90) for the orders that are under way

Every order that was acknowledged must end as a ticket, or in the dead tube, where a person finds
it. Nothing is asked of the queue: what it says about itself is what is being checked.
"""

import sys
import time
from pathlib import Path

from config import load_config
from story import ENDS, Event, key_of, read_events

WAIT_S = 90  # an order that fails each time is given up after about half of this
LOOK_S = 0.5


def keys(events: list[Event], *kinds: str) -> set[str]:
    return {key for event in events if event["event"] in kinds and (key := key_of(event))}


def tickets(results: str) -> set[str]:
    return {path.stem for path in (Path(results) / "tickets").glob("*.json")}


def unfinished(results: str, sent: set[str]) -> set[str]:
    return sent - tickets(results) - keys(read_events(results), "dead")


def begun_again(events: list[Event], sent: set[str]) -> list[str]:
    """How many orders were begun more than once, and why. One may have several reasons."""
    stories: dict[str, list[Event]] = {}
    for event in events:
        if (key := key_of(event)) in sent and key is not None:
            stories.setdefault(key, []).append(event)
    again = [s for s in stories.values() if sum(e["event"] == "started" for e in s) > 1]
    failed = sum(any(e["event"] == "retry" for e in story) for story in again)
    twice = sum(len({e["job"] for e in story if e["event"] == "started"}) > 1 for story in again)
    left = sum(left_behind(story) for story in again)
    lines = [f"{len(again):6} were begun more than once; each has one ticket at most"]
    for count, reason in (
        (failed, "because an attempt had failed (retry)"),
        (left, "because a worker had begun it and not ended it (killed, silent or cut off)"),
        (twice, "because the producer, unanswered, had sent it again"),
    ):
        if count:
            lines.append(f"       {count:6} {reason}")
    return lines


def left_behind(story: list[Event]) -> bool:
    """Whether somebody began it, and another did while the first had not ended it."""
    open_: dict[int, str] = {}  # job -> who has it
    for event in story:
        job, who = event.get("job", 0), event["who"]
        if event["event"] == "started":
            if job in open_:
                return True
            open_[job] = who
        elif event["event"] in ENDS and open_.get(job) == who:
            del open_[job]
    return False


def nothing_to_count(results: str) -> str:
    """No order was acknowledged: what to do. It must not look like "none was lost"."""
    if any(Path(results).glob("*.jsonl")):
        return (
            "There is nothing to count: the queue has not acknowledged an order yet. Try again in "
            "a few\nseconds; if nothing has come by then, see whether a queue node runs."
        )
    return (
        f"There is nothing to count: nobody has written a journal in {results}. Start the "
        "producer\nfirst, with RESULTS set to the same folder for it, for the workers and here."
    )


def main() -> None:
    results = load_config().results
    wait_s = float(sys.argv[1]) if len(sys.argv) > 1 else WAIT_S
    deadline = time.monotonic() + wait_s
    sent = keys(read_events(results), "sent")
    if not sent:
        sys.exit(nothing_to_count(results))
    left = unfinished(results, sent)
    if left:
        print(f"{len(left)} of {len(sent)} orders are under way; waiting for them ...", flush=True)
    while left and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        left = unfinished(results, sent)

    events = read_events(results)
    printed = sent & tickets(results)
    dead = (sent & keys(events, "dead")) - printed
    print(f"{len(sent):6} orders acknowledged by the queue")
    print(f"{len(printed):6} printed")
    print(f"{len(dead):6} given up, and kept in the dead tube")
    verdict = f"not finished in {wait_s:g} s: still in the queue, or lost" if left else "lost"
    print(f"{len(left):6} {verdict}" + "".join(f"\n       {key}" for key in sorted(left)[:10]))
    print("\n".join(begun_again(events, sent)))
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
