import random
from collections import Counter

from mine import rebalance


def fewest(owners: list[str], nodes: list[str]) -> int:
    """How many must move, whichever way: what is beyond its node's share, or has no node."""
    share, more = divmod(len(owners), len(nodes))
    has = sorted((Counter(owners)[node] for node in nodes), reverse=True)
    keeps = sum(min(count, share + (place < more)) for place, count in enumerate(has))
    return len(owners) - keeps


def check(owners: list[str], nodes: list[str], what: str) -> None:
    given = list(owners)
    after = rebalance(given, list(nodes))
    assert given == owners, "the map that you are given is not yours: make a new one"
    assert len(after) == len(owners), f"{what}: {len(owners)} slots went in, {len(after)} came out"
    strange = sorted(set(map(str, after)) - set(nodes))
    assert not strange, f"{what}: a slot belongs to {strange[0]}, and there is no such node now"
    has = Counter(after)
    shares = ", ".join(f"{node} has {has[node]}" for node in nodes)
    even = max(has[node] for node in nodes) - min(has[node] for node in nodes) <= 1
    assert even, f"{what}: the shares are not even: {shares}"
    moved, least = sum(a != b for a, b in zip(owners, after, strict=True)), fewest(owners, nodes)
    assert moved == least, f"{what}: {moved} of {len(owners)} slots moved, and {least} would do"


two = ["a"] * 6 + ["b"] * 6
check(two, ["a", "b"], "nobody joins or leaves")
check(two, ["a", "b", "c"], "c joins a and b")
check(["a", "b", "c"] * 4, ["a", "c"], "b leaves")
check(["a", "b", "c"] * 4, ["a", "c", "d"], "b leaves and d joins")
check(["a"] * 12, ["a", "b", "c", "d"], "three join a")
check(["a"] * 5 + ["b"] * 6 + ["c"] * 5, ["a", "b", "c"], "16 slots on three nodes, even already")
check(["a"] * 9 + ["b"] * 2 + ["c"] * 5, ["c", "b", "a"], "a has too many")
draw = random.Random(3)
for count in range(1, 60):
    before, nodes = draw.sample("abcdefgh", 4), draw.sample("abcdefgh", draw.randint(1, 6))
    owners = [draw.choice(before) for _ in range(count + 7)]
    check(
        owners, nodes, f"{count + 7} slots of {', '.join(sorted(before))}; now {', '.join(nodes)}"
    )
