"""AC5: the consensus store under Compose, five nodes, killed and cut off under load.

    python3 consensus_acceptance.py [c]

Two bidders bid through all of it, one in each language; the steps go in their order, and the last
one judges what they heard: as if there were one copy, and no bid that was acknowledged lost.
Standard library alone, so that learners can judge a store of their own with it.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from replicated import COURSE, Replicated, judge
from stack import Implementation, engine_missing, wait_for

NODES = tuple(f"consensus-{n}" for n in range(1, 6))
BIDDERS = ("bidder-python", "bidder-typescript")
IMPLEMENTATIONS = {"c": Implementation("c", NODES, "The C")}
KEY, ALL = "YWNjZXB0YW5jZQ==", "AA=="  # "acceptance", a zero byte
EVERYTHING = {"key": ALL, "range_end": ALL, "serializable": True}

ASK = """
import concurrent.futures, json, sys, urllib.error, urllib.request
def ask(node):
    url = f"http://{{node}}:2379/v3/{path}"
    try:
        with urllib.request.urlopen(url, json.dumps({body!r}).encode(), timeout=20) as reply:
            return node, [200, json.load(reply)]
    except urllib.error.HTTPError as error:
        return node, [error.code, json.load(error)]
    except OSError:
        return node, None
with concurrent.futures.ThreadPoolExecutor() as pool:
    said = dict(pool.map(ask, {nodes!r}))
print(json.dumps({{node: said[node] for node in said if said[node]}}))
"""
Answers = dict[str, tuple[int, dict[str, Any]]]


class Consensus(Replicated):
    example = COURSE / "examples/04-consensus"
    override = "consensus_override.yaml"

    def ask(self, path: str, body: dict[str, Any], *nodes: str) -> Answers:
        """What these nodes answer, all asked at once; those that say nothing are left out."""
        said = self.python(ASK.format(path=path, body=body, nodes=nodes))
        return {node: (status, answer) for node, (status, answer) in json.loads(said).items()}

    def put(self, value: str, *nodes: str) -> Answers:
        return self.ask("kv/put", {"key": KEY, "value": value}, *nodes)


@dataclass
class Story:
    stack: Consensus
    kills: int = 0
    seen: dict[str, str] = field(default_factory=dict)  # revision -> all keys, as of it
    compared: int = 0
    words: str = ""


Step = tuple[str, Callable[[Story], None]]


def steps() -> list[Step]:
    return [
        ("bidders of both languages bid", both_bid),
        ("all nodes name one leader", one_leader),
        ("killing the leader, twice, stops nothing", kill_leaders),
        ("a leader that stands still is replaced", stop_leader),
        ("a leader that is cut off acknowledges nothing, and the others go on", cut_leader),
        ("two of five on an island acknowledge nothing, and three go on", split),
        ("with three of five down nothing is acknowledged, and then all goes on", three_down),
        ("killing all nodes at once stops nothing for good", kill_all),
        ("all nodes hold the same", same_everywhere),
        ("nodes stop when they are told to", graceful_stop),
        ("what the bidders heard is as if there were one copy", judged),
    ]


def both_bid(story: Story) -> None:
    story.stack.go_on(BIDDERS, each=10)


def goes_on(story: Story) -> None:
    story.stack.go_on(BIDDERS)
    compare(story)


def healed(story: Story, *nodes: str) -> None:
    story.stack.shop("heal", *nodes)
    story.stack.wait_healthy(*NODES)
    goes_on(story)


def compare(story: Story) -> set[str]:
    """Whatever a node holds at a revision, all hold at it; returns their revisions."""
    revisions = set()
    for node, (status, answer) in story.stack.ask("kv/range", EVERYTHING, *NODES).items():
        assert status == 200, (node, answer)
        revision, held = answer["header"]["revision"], json.dumps(answer.get("kvs"))
        story.compared += revision in story.seen
        assert story.seen.setdefault(revision, held) == held, f"{node} differs at {revision}"
        revisions.add(revision)
    return revisions


def nothing_acknowledged(story: Story, nodes: tuple[str, ...]) -> None:
    """Nor does any of them take anything, or say that it knows what is true."""
    wait_for("them to know", lambda: not any(leads(story, node) for node in nodes))
    said = [story.stack.put("bm8=", *nodes), story.stack.ask("kv/range", {"key": KEY}, *nodes)]
    for node, (status, answer) in (one for answers in said for one in answers.items()):
        assert (status, answer["code"]) == (503, 14), (node, answer)
    local = story.stack.ask("kv/range", {"key": KEY, "serializable": True}, *nodes)
    assert {status for status, _ in local.values()} == {200}, local


def leads(story: Story, node: str) -> bool:
    return story.stack.status()[node]["role"] == "leader"


def one_leader(story: Story) -> None:
    number = story.stack.leader().rsplit("-", 1)[1]

    def look() -> bool:
        said = story.stack.ask("maintenance/status", {}, *NODES).values()
        assert all(status == 200 for status, _ in said) and len(said) == len(NODES)
        return {answer["leader"] for _, answer in said} == {number}

    wait_for(f"all to name {number}", look)


def kill_leaders(story: Story) -> None:
    for _ in range(2):
        leader = story.stack.leader()
        story.stack.shop("kill", leader)
        story.kills += 1
        goes_on(story)
        assert story.stack.leader(leader) != leader
        healed(story, leader)


def stop_leader(story: Story) -> None:
    """By a signal: an engine may give up to freeze who waits for a slow disk."""
    leader = story.stack.leader()
    container = story.stack.container(leader)
    story.stack.docker("kill", "--signal", "STOP", container)
    goes_on(story)
    assert story.stack.leader(leader) != leader
    story.stack.docker("kill", "--signal", "CONT", container)
    healed(story)


def cut_leader(story: Story) -> None:
    leader = story.stack.leader()
    story.stack.shop("cut", leader)
    nothing_acknowledged(story, (leader,))
    goes_on(story)
    assert story.stack.leader(leader) != leader
    healed(story, leader)


def split(story: Story) -> None:
    leader = story.stack.leader()
    other = next(node for node in NODES if node != leader)
    story.stack.shop("split", leader, other)
    nothing_acknowledged(story, (leader, other))
    goes_on(story)
    healed(story)


def three_down(story: Story) -> None:
    leader = story.stack.leader()
    followers = [node for node in NODES if node != leader]
    down, up = (leader, *followers[:2]), tuple(followers[2:])
    story.stack.shop("kill", *down)
    story.kills += len(down)
    nothing_acknowledged(story, up)
    before = len(story.stack.stood())
    refused = story.stack.put("bm8=", *up)
    assert {status for status, _ in refused.values()} == {503}, refused
    assert len(story.stack.stood()) == before
    healed(story)


def kill_all(story: Story) -> None:
    story.stack.kill(*NODES)
    story.kills += len(NODES)
    healed(story)


def same_everywhere(story: Story) -> None:
    """The bidders fall silent, so that all come to the same revision."""
    story.stack.stop(*BIDDERS)
    said = story.stack.put("bGFzdA==", story.stack.leader())
    assert [status for status, _ in said.values()] == [200], said
    wait_for("all to have it", lambda: len(compare(story)) == 1)
    assert story.compared >= len(NODES) - 1


def graceful_stop(story: Story) -> None:
    story.stack.stop(*NODES)


def judged(story: Story) -> None:
    history, stood = story.stack.history(), len(story.stack.stood())
    judge(history)
    owner = story.stack.implementation.owner
    story.words = (
        f"{owner} consensus store: {story.kills} kills under load.\n0 of {stood} bids lost."
    )
    assert stood > 100 and story.kills > 3, story.words


def main() -> int:
    name = sys.argv[1] if len(sys.argv) == 2 else "c"
    if name not in IMPLEMENTATIONS:
        print(f"there is no implementation {name}; there are {', '.join(IMPLEMENTATIONS)}")
        return 2
    if why := engine_missing():
        print(why)
        return 1
    story = Story(Consensus(IMPLEMENTATIONS[name]))
    try:
        story.stack.up()
        for title, step in steps():
            step(story)
            print(f"ok: {title}", flush=True)
    except AssertionError as error:
        print(f"NOT ok: {error}")
        return 1
    finally:
        story.stack.remove()
    print(story.words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
