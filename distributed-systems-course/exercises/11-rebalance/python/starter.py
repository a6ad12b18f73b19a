"""Whose each slot is, when nodes join and leave."""


def rebalance(owners: list[str], nodes: list[str]) -> list[str]:
    """`owners[slot]` is the node that has it now; `nodes` are those that there are from now on."""
    return [nodes[slot % len(nodes)] for slot in range(len(owners))]
