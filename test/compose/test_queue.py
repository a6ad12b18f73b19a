"""AC2: the work queue under Compose, while one thing after the other is killed under load.

One stack lives through the whole file and its producer never pauses; the tests run in their order,
and the last one counts: every job that was acknowledged must have been processed, or lie in the
dead tube because it deserved to.

IMPL chooses the implementation: c, python, typescript, or beanstalkd itself.
"""

import json
import os
import statistics
import time
from collections import Counter, defaultdict

import pytest
from stack import IMPLEMENTATIONS, WORKERS, Event, Stack, engine_missing, wait_for

MAX_ATTEMPTS = 5  # as compose.yaml has it
ENDED = ("done", "duplicate", "retry", "dead")

missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)

kills: Counter[str] = Counter()


@pytest.fixture(scope="module", params=[os.environ.get("IMPL", "c")])
def stack(request):
    stack = Stack(IMPLEMENTATIONS[request.param])
    failures_before = request.session.testsfailed
    try:
        stack.up()
        yield stack
    finally:
        try:
            if request.session.testsfailed > failures_before or not kills:
                print(stack.compose("ps", "--all"))
                print(stack.compose("logs", "--tail", "60", "--timestamps"))
        finally:
            stack.remove()


@pytest.fixture(scope="module")
def poison(stack):
    """The keys of tasks that always fail."""
    return stack.put_tasks("typescript", COUNT=2, POISON_EVERY=1)


def test_workers_of_both_languages_work_at_the_same_time(stack):
    def everyone_works():
        done = Counter(event["who"] for event in stack.events() if event["event"] == "done")
        return all(done[worker] >= 3 for worker in WORKERS)

    wait_for("three tasks done by each worker", 60, everyone_works)
    spans = work_spans(stack.events())
    python, *typescript = (spans[worker] for worker in WORKERS)
    assert any(overlap(a, b) for a in python for spans in typescript for b in spans)


def test_a_failed_task_comes_back_later_and_later(stack, poison):
    failing = stack.put_tasks("typescript", COUNT=3, FAIL_EVERY=1)
    wait_for("tasks that fail twice to be done", 60, lambda: stack.tickets() >= set(failing))
    wait_for("poison to fail for good", 60, lambda: all_dead(stack, poison))

    gaps = defaultdict(list)  # attempt -> from its start to the start of the next one
    for key in poison + failing:
        story = [e for e in stack.events() if e.get("key") == key and e["event"] != "sent"]
        for began, failed, began_again in zip(story, story[1:], story[2:], strict=False):
            if failed["event"] == "retry":
                assert began["event"] == began_again["event"] == "started"
                gap_s = began_again["at"] - began["at"]
                assert gap_s >= failed["delay_s"]
                gaps[failed["attempt"]].append(gap_s)
    medians = [statistics.median(gaps[attempt]) for attempt in range(1, MAX_ATTEMPTS)]
    assert medians == sorted(medians), medians
    assert medians[-1] > 3 * medians[0], medians


def test_what_cannot_be_done_goes_to_the_dead_tube_with_its_history(stack, poison):
    crashing = stack.put_tasks("python", COUNT=1, CRASH_EVERY=1)
    stack.put_raw("nonsense")
    wait_for("crashing tasks to be given up", 60, lambda: all_dead(stack, [*crashing, "nonsense"]))

    letters = {key_of(letter["body"]): letter for letter in stack.letters()}
    for key in poison:
        assert "out of paper" in letters[key]["reason"]
        assert letters[key]["history"]["reserves"] == MAX_ATTEMPTS
        assert letters[key]["history"]["releases"] == MAX_ATTEMPTS - 1
    for key in crashing:
        # Its workers never lived to report a failure: the queue counted the deliveries.
        assert letters[key]["reason"] == "its worker did not come back"
        assert letters[key]["history"]["reserves"] == MAX_ATTEMPTS + 1
    assert letters["nonsense"]["history"]["reserves"] == 1  # trying again would not have helped
    stack.wait_healthy(*WORKERS)  # the crashed ones are back


@pytest.mark.parametrize("worker", ["worker-python", "worker-typescript-1"])
def test_killing_a_worker_loses_nothing_and_stops_nothing(stack, worker):
    key = wait_for_slow_task(stack, worker)
    stack.kill(worker)
    killed_at = time.time()
    kills["worker killed"] += 1
    wait_for("the others to go on", 30, lambda: done_since(stack, killed_at, not_by=worker) >= 5)
    wait_for("another worker to do its task", 30, lambda: key in stack.tickets())
    finisher = [e for e in stack.events() if e.get("key") == key and e["event"] == "started"][-1]
    assert finisher["who"] != worker
    stack.start(worker)
    started_at = time.time()
    wait_for(f"{worker} to work again", 30, lambda: done_since(stack, started_at, by=worker))


def test_a_worker_that_falls_silent_loses_its_lease(stack):
    if not stack.implementation.expires_silent_leases:
        pytest.skip(f"{stack.implementation.name} may not expire the lease of a silent client")
    worker = "worker-typescript-2"
    key = wait_for_slow_task(stack, worker)
    stack.docker("pause", stack.container(worker))
    kills["worker paused"] += 1
    try:
        wait_for("another worker to do its task", 30, lambda: key in stack.tickets())
    finally:
        stack.docker("unpause", stack.container(worker))
    woken_at = time.time()
    wait_for(f"{worker} to work again", 30, lambda: done_since(stack, woken_at, by=worker))


@pytest.mark.parametrize("time_number", [1, 2])
def test_killing_the_queue_node_that_leads_loses_nothing(stack, time_number):
    nodes = stack.implementation.nodes
    replicated = len(nodes) > 1
    victim = stack.leader() if replicated else nodes[0]
    stack.kill(victim)
    killed_at = time.time()
    kills["queue node killed"] += 1
    if not replicated:
        stack.start(victim)
    wait_for("the next task to be acknowledged", 30, lambda: sent_since(stack, killed_at))
    wait_for("the next tasks to be done", 30, lambda: done_since(stack, killed_at) >= 5)
    first = min(e["at"] for e in stack.events() if e["event"] == "sent" and e["at"] > killed_at)
    print(f"{victim} killed; next task acknowledged after {first - killed_at:.1f} s")
    if replicated:
        stack.start(victim)
    stack.wait_healthy(*nodes)


def test_killing_all_queue_nodes_at_once_loses_nothing(stack):
    stack.kill(*stack.implementation.nodes)
    kills["queue node killed"] += len(stack.implementation.nodes)
    stack.start(*stack.implementation.nodes)
    wait_for_service(stack)


def test_restarting_the_queue_loses_nothing(stack):
    stack.compose("restart", *stack.implementation.nodes)
    kills["restart of all queue nodes"] += 1
    wait_for_service(stack)


def test_removing_and_recreating_all_containers_loses_nothing(stack):
    stack.compose("down")
    kills["restart of everything"] += 1
    stack.compose("up", "--detach")
    wait_for_service(stack)


def test_a_worker_told_to_stop_finishes_the_task_in_its_hand(stack):
    worker = "worker-python"
    for _ in range(5):
        wait_for_slow_task(stack, worker)
        told_at = time.time()
        stack.compose("stop", worker)
        began, end, last = [event for event in stack.events() if event["who"] == worker][-3:]
        assert last["event"] == "stopped"
        assert (began["event"], end["event"]) == ("started", "done")
        assert began["key"] == end["key"]
        assert exit_code(stack, worker) == 0
        if began["at"] < told_at < end["at"] - 1:
            return
        stack.start(worker)  # it had just finished: on a busy machine the word comes late
    pytest.fail("it was never told in the middle of a task")


def test_no_job_was_lost(stack, capsys):
    stack.compose("stop", "producer")
    assert exit_code(stack, "producer") == 0
    wait_for("the tube to be empty", 90, lambda: stack.jobs_left("tickets") == 0)

    events = stack.events()
    sent = {event["key"] for event in events if event["event"] == "sent"}
    done = stack.tickets()
    dead = {key_of(letter["body"]): letter for letter in stack.letters()}
    lost = sent - done - set(dead)
    innocent = [letter for letter in dead.values() if not deserves_death(letter["body"])]
    with capsys.disabled():
        print(f"\n{stack.implementation.name}: under load {what_was_done()}.")
        print(f"{len(lost)} of {len(sent)} jobs lost.")
    assert not lost
    assert not innocent
    assert not done & set(dead)
    assert len(sent) > 100 and kills["worker killed"] and kills["queue node killed"]


def what_was_done() -> str:
    """In words: 2 workers killed, 1 restart of everything."""
    return ", ".join(
        f"{count} {name if count == 1 else name.replace(' killed', 's killed', 1)}"
        for name, count in kills.items()
    )


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

    def has_one():
        mine = [event for event in stack.events() if event["who"] == worker]
        last = mine[-1] if mine else {"event": "none"}
        return last["key"] if last["event"] == "started" and last["key"] in slow else None

    slow |= set(stack.put_tasks("python", COUNT=4, SLOW_EVERY=1))
    return wait_for(f"{worker} to take a slow task", 40, has_one)


def wait_for_service(stack: Stack) -> None:
    since = time.time()
    wait_for("the next task to be acknowledged", 60, lambda: sent_since(stack, since))
    wait_for("the next tasks to be done", 60, lambda: done_since(stack, since) >= 5)
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


def exit_code(stack: Stack, service: str) -> int:
    return int(stack.docker("inspect", "-f", "{{.State.ExitCode}}", stack.container(service)))
