"""What happened, one JSON line per event: on stdout (docker compose logs) and in a file that
outlives the container."""

import json
from datetime import UTC, datetime
from pathlib import Path


class Journal:
    def __init__(self, results: str, name: str) -> None:
        folder = Path(results)
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.file = (folder / f"{name}.jsonl").open("a", buffering=1)

    def write(self, event: str, **fields: object) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "who": self.name, "event": event, **fields})
        print(line, flush=True)
        self.file.write(line + "\n")
