"""AC2: the work queue under Compose, while one thing after the other is killed under load.

    python3 acceptance.py [c|python|typescript|beanstalkd|mine]

One stack lives through all the steps and its producer never pauses; the steps go in their order,
and the last one counts: every job that was acknowledged must have been processed, or lie in the
dead tube because it deserved to. Standard library alone, so that learners can judge a queue of
their own with it (`./learn accept`); test_queue.py makes a test of each step.
"""

import json
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from stack import IMPLEMENTATIONS, WORKERS, Event, Implementation, Stack, engine_missing, wait_for

MAX_ATTEMPTS = 5  # as compose.yaml has it
ENDED = ("done", "duplicate", "retry", "dead")


class LeftOut(Exception):
    """This step says nothing about this implementation; why."""


@dataclass
class Story:
    """One run: the stack, and what has been done to it so far."""

    stack: Stack
    kills: Counter[str] = field(default_factory=Counter)  # what was broken, in words -> how often
    poison: list[str] = field(default_factory=list)  # the keys of tasks that always fail
    words: str = ""  # how it ended


Step = tuple[str, Callable[[Story], None]]


def steps(implementation: Implementation, few: bool = False) -> list[Step]:
    """What is done, in order, each with a name. With `few`, one round of each kind: a minute."""
    if few:
        return few_steps(implementation)
    killing = "killing {} loses nothing and stops nothing"
    nodes = implementation.nodes
    node_steps: list[Step] = [(killing.format(node), partial(kill_node, node)) for node in nodes]
    if len(nodes) > 1:
        node_steps.insert(0, (killing.format("the node that leads"), kill_leader))
        node_steps.append(("cutting off the node that leads loses nothing", cut_leader))
    else:
        node_steps.append((f"killing {nodes[0]} again loses nothing", partial(kill_node, nodes[0])))
    return [
        ("workers of both languages work at the same time", both_languages),
        ("a failed task comes back later and later", backoff),
        ("what cannot be done goes to the dead tube with its history", dead_letters),
        *((killing.format(w), partial(kill_worker, w)) for w in WORKERS[:2]),
        ("a worker that falls silent loses its lease", partial(silence, "pause", WORKERS[2])),
        ("a worker that is cut off loses its lease", partial(silence, "cut", WORKERS[1])),
        *node_steps,
        ("killing all queue nodes at once loses nothing", kill_all_nodes),
        ("restarting the queue loses nothing", restart_nodes),
        ("removing and recreating all containers loses nothing", recreate),
        ("a worker told to stop finishes the task in its hand", graceful_stop),
        ("no job was lost", count),
    ]


def few_steps(implementation: Implementation) -> list[Step]:
    """A worker dies, one falls silent, the queue dies: what each implementation does by itself."""
    worker, silent, node = WORKERS[0], WORKERS[2], implementation.nodes[0]
    return [
        ("workers of both languages work at the same time", both_languages),
        (f"killing {worker} loses nothing and stops nothing", partial(kill_worker, worker)),
        ("a worker that falls silent loses its lease", partial(silence, "pause", silent)),
        (f"killing {node} loses nothing and stops nothing", partial(kill_node, node)),
        ("no job was lost", count),
    ]


# -- the steps -------------------------------------------------------------------------------------


def both_languages(story: Story) -> None:
    stack = story.stack

    def everyone_works() -> bool:
        done = Counter(event["who"] for event in stack.events() if event["event"] == "done")
        return all(done[worker] >= 3 for worker in WORKERS)

    def at_the_same_time() -> bool:
        spans = work_spans(stack.events())
        python, *typescript = (spans[worker] for worker in WORKERS)
        return any(overlap(a, b) for a in python for spans in typescript for b in spans)

    stack.put_tasks("python", COUNT=9, WORK_MS=600)
    wait_for("three tasks done by each worker", everyone_works)
    wait_for("a Python and a TypeScript worker at work at the same time", at_the_same_time)


def backoff(story: Story) -> None:
    stack = story.stack
    story.poison = stack.put_tasks("typescript", COUNT=2, POISON_EVERY=1)
    failing = stack.put_tasks("typescript", COUNT=3, FAIL_EVERY=1)
    wait_for("tasks that fail twice to be done", lambda: stack.tickets() >= set(failing))
    wait_for("poison to fail for good", lambda: all_dead(stack, story.poison))

    gaps = defaultdict(list)  # attempt -> from its start to the start of the next one
    for key in story.poison + failing:
        tale = [e for e in stack.events() if e.get("key") == key and e["event"] != "sent"]
        for began, failed, began_again in zip(tale, tale[1:], tale[2:], strict=False):
            if failed["event"] == "retry":
                assert began["event"] == began_again["event"] == "started", tale
                gap_s = began_again["at"] - began["at"]
                delay_s = failed["delay_s"]
                assert gap_s >= delay_s, f"{key} came back after {gap_s:.1f} s, not {delay_s}"
                gaps[failed["attempt"]].append(gap_s)
    medians = [statistics.median(gaps[attempt]) for attempt in range(1, MAX_ATTEMPTS)]
    said = f"seconds from one attempt to the next: {medians}"
    assert medians == sorted(medians), f"each wait must be longer than the one before; {said}"
    assert medians[-1] > 3 * medians[0], f"the last must be much longer than the first; {said}"


def dead_letters(story: Story) -> None:
    stack, poison = story.stack, story.poison
    assert poison, "the step before this one puts the poison"
    crashing = stack.put_tasks("python", COUNT=1, CRASH_EVERY=1)
    stack.put_raw("nonsense")
    wait_for("crashing tasks to be given up", lambda: all_dead(stack, [*crashing, "nonsense"]))
    letters = {key_of(letter["body"]): letter for letter in stack.letters()}
    wanted = {key: ("out of paper", MAX_ATTEMPTS, MAX_ATTEMPTS - 1) for key in poison}
    # Its workers never lived to report a failure: the queue counted the deliveries.
    wanted |= {key: ("its worker did not come back", MAX_ATTEMPTS + 1, 0) for key in crashing}
    wanted["nonsense"] = ("not a task", 1, 0)  # trying again would not have helped
    for key, (reason, reserves, releases) in wanted.items():
        letter = letters[key]
        assert reason in letter["reason"], letter
        assert letter["history"]["releases"] == releases, f"{releases} releases, not: {letter}"
        # More where a connection was lost on the way: that, too, is a delivery without an end.
        assert letter["history"]["reserves"] >= reserves, f"{reserves} reserves, not: {letter}"
    stack.wait_healthy(*WORKERS)  # the crashed ones are back


def kill_worker(worker: str, story: Story) -> None:
    stack = story.stack
    key = break_busy("kill", stack, worker)
    killed_at = time.time()
    story.kills["worker killed"] += 1
    wait_for("the others to go on", lambda: done_since(stack, killed_at, not_by=worker) >= 5)
    wait_for("another worker to do its task", lambda: key in stack.tickets())
    finisher = [e for e in stack.events() if e.get("key") == key and e["event"] == "started"][-1]
    assert finisher["who"] != worker, f"{key} was finished by the worker that was killed"
    stack.break_("heal", worker)
    started_at = time.time()
    wait_for(f"{worker} to work again", lambda: done_since(stack, started_at, by=worker))


def break_busy(how: str, stack: Stack, worker: str) -> str:
    """Breaks it while it is at a task, whose key is returned."""
    for _ in range(5):
        key = wait_for_slow_task(stack, worker)
        stack.break_(how, worker)
        if key not in stack.tickets():
            return key
        stack.break_("heal", worker)  # it had just finished: on a busy machine the blow comes late
    raise AssertionError(f"{worker} was never hit in the middle of a task")


def silence(how: str, worker: str, story: Story) -> None:
    """Neither ends the worker's connection as the queue sees it: only time can tell."""
    stack = story.stack
    if not stack.implementation.expires_silent_leases:
        raise LeftOut(f"{stack.implementation.name} may not expire the lease of a silent client")
    key = break_busy(how, stack, worker)
    story.kills["worker paused" if how == "pause" else "worker cut off"] += 1
    try:
        wait_for("another worker to do its task", lambda: key in stack.tickets())
    finally:
        stack.break_("heal", worker)
    healed_at = time.time()
    wait_for(f"{worker} to work again", lambda: done_since(stack, healed_at, by=worker))


def kill_leader(story: Story) -> None:
    kill_node(story.stack.leader(), story)


def kill_node(node: str, story: Story) -> None:
    break_node("kill", node, story)


def cut_leader(story: Story) -> None:
    break_node("cut", story.stack.leader(), story)


def break_node(how: str, node: str, story: Story) -> None:
    """Where there are others, they serve without it; where there is none, it comes back."""
    stack = story.stack
    nodes = stack.implementation.nodes
    stack.break_(how, node)
    broken_at = time.time()
    story.kills["queue node killed" if how == "kill" else "queue node cut off"] += 1
    if len(nodes) == 1:
        stack.break_("heal", node)
    wait_for("the next task to be acknowledged", lambda: sent_since(stack, broken_at))
    wait_for("the next tasks to be done", lambda: done_since(stack, broken_at) >= 5)
    if len(nodes) > 1:
        stack.break_("heal", node)
    stack.wait_healthy(*nodes)


def kill_all_nodes(story: Story) -> None:
    nodes = story.stack.implementation.nodes
    story.stack.kill(*nodes)
    story.kills["queue node killed"] += len(nodes)
    story.stack.start(*nodes)
    wait_for_service(story.stack)


def restart_nodes(story: Story) -> None:
    story.stack.compose("restart", *story.stack.implementation.nodes)
    story.kills["restart of the queue"] += 1
    wait_for_service(story.stack)


def recreate(story: Story) -> None:
    story.stack.compose("down")
    story.kills["restart of everything"] += 1
    story.stack.compose("up", "--detach")
    wait_for_service(story.stack)


def graceful_stop(story: Story) -> None:
    stack, worker = story.stack, WORKERS[0]
    for _ in range(5):
        wait_for_slow_task(stack, worker)
        told_at = time.time()
        stack.compose("stop", worker)
        began, end, last = tale = [e for e in stack.events() if e["who"] == worker][-3:]
        assert [event["event"] for event in tale] == ["started", "done", "stopped"], tale
        assert began["key"] == end["key"], tale
        assert stack.exit_code(worker) == 0, f"{worker} ended with {stack.exit_code(worker)}"
        if began["at"] < told_at < end["at"] - 1:
            return
        stack.start(worker)  # it had just finished: on a busy machine the word comes late
    raise AssertionError("it was never told in the middle of a task")


def count(story: Story) -> None:
    stack = story.stack
    stack.compose("stop", "producer")
    assert stack.exit_code("producer") == 0, f"it ended with {stack.exit_code('producer')}"
    wait_for("the tube to be empty", lambda: stack.jobs_left("tickets") == 0)

    sent = {event["key"] for event in stack.events() if event["event"] == "sent"}
    done = stack.tickets()
    dead = {key_of(letter["body"]): letter for letter in stack.letters()}
    lost = sent - done - set(dead)
    innocent = [letter for letter in dead.values() if not deserves_death(letter["body"])]
    story.words = last_words(stack.implementation.owner, story.kills, len(lost), len(sent))
    assert not lost, story.words
    assert not innocent, f"in the dead tube without having deserved it: {innocent}"
    assert not done & set(dead), f"done, and in the dead tube: {done & set(dead)}"
    assert len(sent) > 100, f"only {len(sent)} jobs: too few to say anything"
    assert story.kills["worker killed"] and story.kills["queue node killed"], "nothing was killed"


def last_words(owner: str, kills: Counter[str], lost: int, sent: int) -> str:
    """What a learner wants to read about their own."""
    sum_ = sum(number for what, number in kills.items() if what.endswith("killed"))
    each = ", ".join(
        f"{number} {what if number == 1 else plural(what)}" for what, number in kills.items()
    )
    return f"{owner} queue: {sum_} kills under load ({each}).\n{lost} of {sent} jobs lost."


def plural(what: str) -> str:
    """2 workers killed, 2 restarts of everything."""
    for noun in ("worker", "queue node", "restart"):
        what = what.replace(noun, f"{noun}s", 1)
    return what


# -- looking at events -----------------------------------------------------------------------------


def work_spans(events: list[Event]) -> dict[str, list[tuple[float, float]]]:
    """For each worker, from when to when it was at work."""
    spans = defaultdict(list)
    began = {}
    for event in events:
        if event["event"] == "started":
            began[event["who"]] = event["at"]
        elif event["event"] in ENDED and event["who"] in began:
            spans[event["who"]].append((began.pop(event["who"]), event["at"]))
    return spans


def overlap(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def wait_for_slow_task(stack: Stack, worker: str) -> str:
    """Puts tasks that take longer than their lease until this worker has one; returns its key."""
    slow: set[str] = set()

    def has_one() -> str | None:
        mine = [event for event in stack.events() if event["who"] == worker]
        last = mine[-1] if mine else {"event": "none"}
        return last["key"] if last["event"] == "started" and last["key"] in slow else None

    slow |= set(stack.put_tasks("python", COUNT=4, SLOW_EVERY=1))
    return wait_for(f"{worker} to take a slow task", has_one)


def wait_for_service(stack: Stack) -> None:
    since = time.time()
    wait_for("the next task to be acknowledged", lambda: sent_since(stack, since))
    wait_for("the next tasks to be done", lambda: done_since(stack, since) >= 5)
    stack.wait_healthy(*stack.implementation.nodes, *WORKERS, "producer")


def done_since(stack: Stack, since: float, by: str = "", not_by: str = "") -> int:
    return sum(
        event["event"] == "done"
        and event["at"] > since
        and by in ("", event["who"])
        and not_by != event["who"]
        for event in stack.events()
    )


def sent_since(stack: Stack, since: float) -> int:
    return sum(event["event"] == "sent" and event["at"] > since for event in stack.events())


def all_dead(stack: Stack, keys: list[str]) -> bool:
    dead = {key_of(event["body"]) for event in stack.events() if event["event"] == "dead"}
    return dead >= set(keys)


def key_of(body: str) -> str:
    """The key of the task that the body of a dead letter was; the body itself if it was none."""
    try:
        return json.loads(body)["key"]
    except ValueError:
        return body


def deserves_death(body: str) -> bool:
    try:
        task = json.loads(body)
    except ValueError:
        return True
    return max(task["fail_times"], task["crash_times"]) >= MAX_ATTEMPTS


# -- by itself -------------------------------------------------------------------------------------


def main() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else "c"
    if len(sys.argv) > 2 or name not in IMPLEMENTATIONS:
        print(f"usage: acceptance.py {'|'.join(IMPLEMENTATIONS)}", file=sys.stderr)
        return 2
    if missing := engine_missing():
        print(f"this needs Docker: {missing}", file=sys.stderr)
        return 2
    story = Story(Stack(IMPLEMENTATIONS[name]))
    try:
        print("building and starting the shop ...", flush=True)
        story.stack.up()
        for title, step in steps(story.stack.implementation):
            tell(title, step, story)
    except AssertionError as failure:
        print(f"\nNot yet: {failure}\n\nThe queue said last:\n{story.stack.logs(20)}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        story.stack.remove()
    print(f"\n{story.words}")
    return 0


def tell(title: str, step: Callable[[Story], None], story: Story) -> None:
    print(f"{title} ...", end=" ", flush=True)
    began = time.monotonic()
    try:
        step(story)
    except LeftOut as reason:
        print(f"left out: {reason}", flush=True)
        return
    print(f"yes ({time.monotonic() - began:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
