"""A router: which node is asked for a key?"""

NODES = ["a", "b", "c"]  # each has its own keys, and copies nobody else's


def owner(slot: int, answering: list[str]) -> str | None:
    """The node to ask. `answering` are those that this client reaches now, ordered as NODES."""
    node = NODES[slot % len(NODES)]
    return node if node in answering else None
