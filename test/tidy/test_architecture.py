"""ARCHITECTURE.md names files that are there, and all of the hub's."""

import re

from rooms import ROOT

HOUSES = ("", "src", "src/node", "test")
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)(?::\w+\(\))?`")  # `raft/read.c`, `group.c:clock_turn()`


def gone(text):
    """Paths that it names, and that are nowhere."""
    named = {path for path in PATH.findall(text) if not path.endswith("NAME")}
    return sorted(p for p in named if not any((ROOT / house / p).exists() for house in HOUSES))


def hub_files(text):
    row = re.search(r"^\| the hub: ([^|]*)\|", text, re.MULTILINE).group(1)
    return set(re.findall(r"`(\w+\.c)`", row))


def test_what_it_names_is_there():
    assert gone((ROOT / "ARCHITECTURE.md").read_text()) == []


def test_the_hub_is_named_file_by_file():
    files = {path.name for path in (ROOT / "src/node").glob("*.c")}
    assert hub_files((ROOT / "ARCHITECTURE.md").read_text()) == files


def test_canary_is_caught():
    assert gone("`raft/raft.c`, `raft/reed.c`, `node/lost.c:found()`") == [
        "node/lost.c",
        "raft/reed.c",
    ]
