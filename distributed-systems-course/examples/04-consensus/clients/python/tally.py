"""Has any bid been lost or lied about? Judges what the bidders heard: python tally.py"""

import json
import os
import sys
from pathlib import Path

import judge


def read(folder: Path) -> list[judge.Line]:
    """All that the bidders wrote, in the order of time: theirs is one clock."""
    lines = []
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text().splitlines(keepends=True):
            if text.endswith("\n"):  # a bidder that was killed left half a line
                lines.append(json.loads(text))
    return sorted(lines, key=lambda line: int(line["time"]))


def main() -> int:
    history = read(Path(os.environ.get("RESULTS", "results")))
    if sys.argv[1:] == ["--history"]:
        for line in history:
            print(json.dumps(line))
        return 0
    count = {kind: sum(line["type"] == kind for line in history) for kind in ("ok", "info")}
    bids = sum(line["type"] == "ok" and line["f"] == "cas" for line in history)
    wrong = judge.judge(history)
    print(f"{count['ok']} calls answered, {count['info']} never; {bids} bids stood")
    print(f"NOT as if there were one copy: {wrong}" if wrong else "all as if there were one copy")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
