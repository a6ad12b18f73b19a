"""The log: every command on disk before its reply goes out, and read back after a crash.

One entry is one line: a checksum of the JSON text, a space, and the text. A crash may leave the
last line unfinished: its reply was never sent, so it is cut off. A bad line with good ones behind
it is something else: the disk has damaged what was promised, and we refuse to start.
"""

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Log:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "queue.log"
        self.file = self.path.open("ab+")
        sync_folder(folder)  # a file that no folder names is lost, however well it was synced

    def replay(self) -> Iterator[list[Any]]:
        """Every entry, oldest first. A torn last line is cut off."""
        self.file.seek(0)
        good = 0  # so many bytes are entries
        lines = self.file.readlines()
        for number, line in enumerate(lines, start=1):
            entry = decode(line)
            if entry is None:
                if any(decode(later) is not None for later in lines[number:]):
                    raise ValueError(f"{self.path}, line {number}: damaged, and good lines follow")
                break
            good += len(line)
            yield entry
        self.file.truncate(good)

    def append(self, entry: list[Any]) -> None:
        text = json.dumps(entry, separators=(",", ":")).encode()
        self.file.write(b"%08x %s\n" % (zlib.crc32(text), text))
        self.file.flush()  # out of this program's memory, and into the operating system's

    def sync(self) -> None:
        """Returns when all that was appended is on the disk. If this fails, so must we."""
        os.fsync(self.file.fileno())


def decode(line: bytes) -> list[Any] | None:
    """The entry in this line; None if it is not exactly what append() wrote."""
    checksum, _, text = line.removesuffix(b"\n").partition(b" ")
    whole = line.endswith(b"\n") and checksum == b"%08x" % zlib.crc32(text)
    return json.loads(text) if whole else None


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
