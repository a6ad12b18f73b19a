"""Reads a log back after a crash."""

import zlib


def checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def entry_of(line: str) -> str | None:
    """The entry in a line, or None if the line is bad."""
    sum_, _, text = line.removesuffix("\n").partition(" ")
    return text if line.endswith("\n") and sum_ == checksum(text) else None


def replay(log: str) -> tuple[list[str], int]:
    """(the entries, how many characters of the log are good). Raises ValueError on damage."""
    entries, good = [], 0
    lines = log.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        entry = entry_of(line)
        if entry is None:
            if any(entry_of(later) is not None for later in lines[number:]):
                raise ValueError(f"line {number} is damaged")
            break
        entries.append(entry)
        good += len(line)
    return entries, good
