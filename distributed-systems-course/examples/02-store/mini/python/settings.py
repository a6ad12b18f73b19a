"""What the environment says, and one clear line where it says nonsense. Given."""

import os
import sys


def table(name: str, usual: dict[int, str]) -> dict[int, str]:
    """1=host:port,2=host:port of the environment."""
    text = os.environ.get(name)
    if not text:
        return usual
    found = {}
    for one in text.split(","):
        number, _, address = one.partition("=")
        if not number.isdecimal() or not address.rpartition(":")[2].isdecimal():
            sys.exit(f"{name} has {one}, which is not NUMBER=HOST:PORT")
        found[int(number)] = address
    return found


def number(name: str, usual: int) -> int:
    """A port, or a time in milliseconds."""
    text = os.environ.get(name, str(usual))
    if not text.isdecimal() or int(text) > 65535:
        sys.exit(f"{name} is {text}: give it a number up to 65535")
    return int(text)
