"""A router: which node is asked for a key?"""

NODES = ["a", "b", "c"]  # each has its own keys, and copies nobody else's


def owner(slot: int, answering: list[str]) -> str | None:
    """The node to ask. `answering` are those that this client reaches now, ordered as NODES."""
    if not answering:
        return None
    return answering[slot % len(answering)]
