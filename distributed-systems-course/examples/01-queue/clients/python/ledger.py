"""The work that is done, by key: the reason why a task delivered twice has its effect once.

A ticket is a file, and the file's name is the task's key. It appears whole or not at all, and only
one worker can make it appear. A real shop would use a unique key in its database instead.
"""

import json
import os
import uuid
from pathlib import Path


class Ledger:
    def __init__(self, results: str) -> None:
        self.folder = Path(results) / "tickets"
        self.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self.folder.parent)

    def has(self, key: str) -> bool:
        """True when its ticket is there, and on the disk: who made it may have died before that."""
        there = (self.folder / f"{key}.json").exists()
        if there:
            sync_folder(self.folder)
        return there

    def record(self, key: str, entry: dict[str, object]) -> bool:
        """Makes the ticket, on the disk when this returns. False if somebody made it before."""
        draft = self.folder / f".draft-{uuid.uuid4()}"
        try:
            with draft.open("w") as file:
                json.dump(entry, file)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, self.folder / f"{key}.json")  # fails if the name is taken
            made = True
        except FileExistsError:
            made = False
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(self.folder)  # the name, too: it stands in the folder, not in the file
        return made


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
