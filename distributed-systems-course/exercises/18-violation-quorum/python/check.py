from itertools import product

from mine import Node, Value, read, write

NAMES = ("a", "b", "c")
OLD, NEW = (1, "free"), (2, "anna")


class Copy:
    def __init__(self) -> None:
        self.value: Value = OLD
        self.silent = False

    def write(self, value: Value) -> bool:
        if not self.silent:
            self.value = max(self.value, value)
        return not self.silent

    def read(self) -> Value | None:
        return None if self.silent else self.value


def who(silent: tuple[bool, ...]) -> str:
    names = [name for name, one in zip(NAMES, silent, strict=True) if one]
    return f"{' and '.join(names)} silent" if names else "nobody silent"


def play(at_write: tuple[bool, ...], at_read: tuple[bool, ...]) -> tuple[bool, Value | None]:
    copies = [Copy() for _ in NAMES]
    nodes: list[Node] = [*copies]
    for copy, silent in zip(copies, at_write, strict=True):
        copy.silent = silent
    confirmed = write(nodes, NEW)
    for copy, silent in zip(copies, at_read, strict=True):
        copy.silent = silent
    return confirmed, read(nodes[::-1])


def holds(true: object, story: list[str], sentence: str) -> None:
    if not true:
        print("".join(f"| {line}\n" for line in story), end="")
        raise AssertionError(sentence)


patterns = list(product((False, True), repeat=3))
for at_write, at_read in product(patterns, patterns):
    confirmed, seen = play(at_write, at_read)
    story = ["all three nodes hold: free"]
    story += [f"{who(at_write)}: write anna -> {'confirmed' if confirmed else 'nobody knows'}"]
    story += [f"{who(at_read)}: read -> {seen[1] if seen else 'nothing said'}"]
    stale = confirmed and seen is not None and seen != NEW
    holds(not stale, story, "a write was confirmed, and the next read does not show it")
    alone = sum(at_write) > 1 and confirmed
    holds(not alone, story, "a write was confirmed that one node has, or none")
    guessed = sum(at_read) > 1 and seen
    holds(not guessed, story, "one node alone cannot know what is newest, and yet a read answered")
    holds(confirmed or sum(at_write) > 1, story, "two nodes of three are enough for a write")
    holds(seen or sum(at_read) > 1, story, "two nodes of three are enough for a read")
