"""AC3: the replicated store under Compose, while its nodes are killed and cut off under load.

    python3 store_acceptance.py [c|python|typescript|mine]

Two box offices sell through all of it, one in each language; the steps go in their order, and the
last one judges what they heard: as if there were one copy, and no sale that was acknowledged lost.
Standard library alone, so that learners can judge a store of their own with it.
"""

import contextlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from replicated import COURSE, Replicated, judge
from stack import Implementation, engine_missing, wait_for

EXAMPLE = COURSE / "examples/02-store"
NODES = ("store-1", "store-2", "store-3")
OFFICES = ("office-python", "office-typescript")
IMPLEMENTATIONS = {
    name: Implementation(name, NODES, owner)
    for name, owner in (
        ("c", "The C"),
        ("python", "The Python"),
        ("typescript", "The TypeScript"),
        ("mine", "Your"),
    )
}

SAY = """
import socket, sys
words = {words!r}
try:
    with socket.create_connection(({node!r}, 6379), timeout=20) as connection:
        parts = [word.encode() for word in words]
        text = b"".join(b"$%d\\r\\n%s\\r\\n" % (len(part), part) for part in parts)
        connection.sendall(b"*%d\\r\\n%s" % (len(parts), text))
        print(connection.recv(65536).decode() or "(nothing: it hung up)")
except TimeoutError:
    print("(nothing, for 20 s: does it hang?)")
except OSError as error:
    print(f"(nothing: {{error}})")
"""


class Store(Replicated):
    example = EXAMPLE
    override = "store_override.yaml"

    def say(self, node: str, *words: str) -> str:
        """What a node answers, as it comes."""
        return self.python(SAY.format(node=node, words=words)).strip()


@dataclass
class Story:
    stack: Store
    kills: int = 0
    words: str = ""
    before: list[str] = field(default_factory=list)


Step = tuple[str, Callable[[Story], None]]


def steps(rounds: str = "all") -> list[Step]:
    """`few`: without killing each node in turn."""
    killing = "killing {} loses nothing and stops nothing"
    return [
        ("offices of both languages sell", both_sell),
        ("data is copied to every node", copied),
        ("reads are answered by their level", levels),
        (killing.format("the node that leads"), kill_leader),
        *((killing.format(node), partial(kill, node)) for node in NODES if rounds == "all"),
        ("a follower that is cut off says what it has, and no more", cut_follower),
        ("a node that is left alone acknowledges nothing", alone),
        ("killing all nodes at once loses nothing", kill_all),
        ("nodes and offices stop when they are told to", graceful_stop),
        ("what the offices heard is as if there were one copy", judged),
    ]


def both_sell(story: Story) -> None:
    story.stack.go_on(OFFICES, each=10)


def goes_on(story: Story) -> None:
    story.stack.go_on(OFFICES)


def same_everywhere(story: Story) -> None:
    """Offices sell on, so what is compared is one key, by name."""
    key, order = "acceptance", f"order-{time.monotonic_ns()}"  # no earlier one is taken for it
    leader = story.stack.leader()
    answer = story.stack.say(leader, "CONSISTENCY", "majority", "SET", key, order)
    assert answer == "+OK", answer
    for node in NODES:
        wait_for(
            f"{node} to have it",
            lambda: order in story.stack.say(node, "CONSISTENCY", "local", "GET", key),  # noqa: B023
        )


def copied(story: Story) -> None:
    same_everywhere(story)


def levels(story: Story) -> None:
    stack, leader = story.stack, story.stack.leader()
    follower = next(node for node in NODES if node != leader)
    assert stack.say(leader, "CONSISTENCY", "all", "SET", "level", "seen") == "+OK"
    for level in ("local", "session"):
        assert "seen" in stack.say(follower, "CONSISTENCY", level, "GET", "level"), level
    moved = stack.say(follower, "CONSISTENCY", "linearizable", "GET", "level")
    assert moved.startswith("-MOVED ") and moved.endswith(f"{leader}:6379"), moved
    assert "seen" in stack.say(leader, "CONSISTENCY", "linearizable", "GET", "level")


def kill_leader(story: Story) -> None:
    leader = story.stack.leader()
    story.stack.break_("kill", leader)
    story.kills += 1
    wait_for("another to lead", lambda: story.stack.leader() != leader)
    goes_on(story)
    story.stack.break_("heal", leader)
    story.stack.wait_healthy(*NODES)


def kill(node: str, story: Story) -> None:
    story.stack.break_("kill", node)
    story.kills += 1
    goes_on(story)
    story.stack.break_("heal", node)
    story.stack.wait_healthy(*NODES)
    same_everywhere(story)


def cut_follower(story: Story) -> None:
    stack, leader = story.stack, story.stack.leader()
    follower = next(node for node in NODES if node != leader)
    assert stack.say(leader, "CONSISTENCY", "all", "SET", "cut", "before") == "+OK"
    stack.break_("cut", follower)
    assert stack.say(leader, "SET", "cut", "after") == "+OK"
    late = stack.say(leader, "CONSISTENCY", "all", "SET", "cut", "after")
    assert late == "-NOTALL 2 of 3; the write stands", late
    assert "before" in stack.say(follower, "CONSISTENCY", "local", "GET", "cut")
    refused = stack.say(follower, "CONSISTENCY", "linearizable", "GET", "cut")
    assert refused.startswith(("-MOVED ", "-CLUSTERDOWN ")), refused
    goes_on(story)
    stack.break_("heal", follower)
    same_everywhere(story)
    assert "after" in stack.say(follower, "CONSISTENCY", "local", "GET", "cut")


def alone(story: Story) -> None:
    """Kills alone do not show an acknowledgement that comes too early: what was sent arrives."""
    stack, leader = story.stack, story.stack.leader()
    others = [node for node in NODES if node != leader]
    stack.kill(*others)
    story.kills += len(others)
    said = stack.say(leader, "CONSISTENCY", "majority", "SET", "alone", "sold")
    lie = f"two of three nodes are dead, and {leader} acknowledges a write at majority: {said}"
    assert not said.startswith("+OK"), lie
    stack.start(*others)
    stack.wait_healthy(*NODES)
    goes_on(story)
    same_everywhere(story)


def kill_all(story: Story) -> None:
    story.stack.kill(*NODES)
    story.kills += len(NODES)
    story.stack.start(*NODES)
    goes_on(story)
    same_everywhere(story)


def graceful_stop(story: Story) -> None:
    story.stack.stop(*OFFICES)
    story.stack.stop(*NODES)


def judged(story: Story) -> None:
    history = story.stack.history()
    sold = len(story.stack.stood())
    judge(history)
    owner = story.stack.implementation.owner
    story.words = f"{owner} store: {story.kills} kills under load.\n0 of {sold} sales lost."
    assert sold > 100 and story.kills > 3, story.words


def tell_failure(story: Story, failure: AssertionError) -> None:
    """Why it is not fit, whether it has lied by then, and what its nodes said last."""
    print(f"\nNot yet: {failure}")
    try:
        history = story.stack.history()
    except AssertionError:
        history = []  # nobody is left to be asked
    try:
        judge(history)
    except AssertionError as lie:
        if str(lie) != str(failure):
            print(f"\nWhat the offices have heard so far is not as if there were one copy:\n{lie}")
    print("\nAsked now to SET probe x, each by itself:")
    for node in NODES:
        with contextlib.suppress(AssertionError):
            print(f"{node}: {story.stack.say(node, 'SET', 'probe', 'x')}")
    with contextlib.suppress(AssertionError):
        said = story.stack.compose("logs", "--tail", "20", "--no-log-prefix", *NODES)
        print(f"\nThe store said last:\n{said}")


def main() -> int:
    name = sys.argv[1] if len(sys.argv) == 2 else "c"
    if name not in IMPLEMENTATIONS:
        print(f"there is no implementation {name}; there are {', '.join(IMPLEMENTATIONS)}")
        return 2
    if why := engine_missing():
        print(why)
        return 1
    story = Story(Store(IMPLEMENTATIONS[name]))
    try:
        print("building and starting the store ...", flush=True)
        story.stack.up()
        for title, step in steps():
            step(story)
            print(f"ok: {title}", flush=True)
    except AssertionError as failure:
        tell_failure(story, failure)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        story.stack.remove()
    print(story.words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
