"""A register on three nodes. A node that is silent answers False to a write and None to a read."""

from typing import Protocol

R, W = 2, 2  # of three: two sets of two always have a node in common
Value = tuple[int, str]  # its stamp, and what was written


class Node(Protocol):
    def write(self, value: Value) -> bool: ...
    def read(self) -> Value | None: ...


def write(nodes: list[Node], value: Value) -> bool:
    """True: W nodes have it, so it is confirmed. False: nobody knows."""
    for asked, node in enumerate(nodes, start=1):
        node.write(value)
        if asked >= W:
            return True
    return False


def read(nodes: list[Node]) -> Value | None:
    """The newest of what R nodes have. None: there are not so many, and it says nothing."""
    answers = []
    for node in nodes:
        answers.append(node.read())
        if len(answers) >= R:
            break
    return max((answer for answer in answers if answer is not None), default=None)
