"""Whose each slot is, when nodes join and leave."""

from collections import Counter


def rebalance(owners: list[str], nodes: list[str]) -> list[str]:
    """`owners[slot]` is the node that has it now; `nodes` are those that there are from now on."""
    has = Counter(owners)
    share, more = divmod(len(owners), len(nodes))
    ranked = sorted(nodes, key=lambda node: -has[node])
    room = {node: share + (place < more) for place, node in enumerate(ranked)}
    moves: list[int] = []
    for slot, owner in enumerate(owners):
        if room.get(owner, 0) > 0:
            room[owner] -= 1
        else:
            moves.append(slot)
    after = list(owners)
    for slot in moves:
        after[slot] = next(node for node in nodes if room[node] > 0)
        room[after[slot]] -= 1
    return after
