"""A register on three nodes. A node that is silent answers False to a write and None to a read."""

from typing import Protocol

R, W = 2, 2  # of three: two sets of two always have a node in common
Value = tuple[int, str]  # its stamp, and what was written


class Node(Protocol):
    def write(self, value: Value) -> bool: ...
    def read(self) -> Value | None: ...


def write(nodes: list[Node], value: Value) -> bool:
    """True: W nodes have it, so it is confirmed. False: nobody knows."""
    have = 0
    for node in nodes:
        have += node.write(value)
        if have >= W:
            return True
    return False


def read(nodes: list[Node]) -> Value | None:
    """The newest of what R nodes have. None: there are not so many, and it says nothing."""
    answers: list[Value] = []
    for node in nodes:
        answer = node.read()
        if answer is not None:
            answers.append(answer)
        if len(answers) >= R:
            return max(answers)
    return None
