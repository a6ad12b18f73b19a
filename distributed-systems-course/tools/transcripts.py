#!/usr/bin/env python3
"""Runs transcripts/NAME.sh and keeps what it printed as NAME.txt: every transcript in the book is
what a real run said. `--check` only tells which ones are stale.

A script's first lines may say `# uses: FILE ...` (a change of these makes it stale) and
`# must: TEXT` (a line that has to appear). Stale means that the hash of script and files differs;
never that concurrent output did.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[1]
PLACE = COURSE / "transcripts"
TIMEOUT_S = 300


def settings(script: Path, key: str) -> list[str]:
    return re.findall(rf"^# {key}: (.*)$", script.read_text(), re.MULTILINE)


def fingerprint(script: Path) -> str:
    digest = hashlib.sha256(script.read_bytes())
    for names in settings(script, "uses"):
        for name in names.split():
            digest.update((COURSE / name).read_bytes())
    return digest.hexdigest()[:16]


def is_stale(script: Path) -> bool:
    text = script.with_suffix(".txt")
    return not text.exists() or text.read_text().partition("\n")[0] != f"#! {fingerprint(script)}"


def missing_lines(script: Path) -> list[str]:
    text = script.with_suffix(".txt").read_text() if script.with_suffix(".txt").exists() else ""
    return [line for line in settings(script, "must") if line not in text]


def make(script: Path) -> None:
    done = subprocess.run(
        ["bash", "-eu", "-c", '. ./lib.sh; . "$1"', "transcript", script.name],
        cwd=PLACE,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{script.name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    script.with_suffix(".txt").write_text(f"#! {fingerprint(script)}\n{done.stdout}")


def main() -> int:
    check = "--check" in sys.argv
    chosen = [name for name in sys.argv[1:] if not name.startswith("-")]
    wrong = 0
    for script in sorted(PLACE.glob("*.sh")):
        if script.name == "lib.sh" or (chosen and script.stem not in chosen):
            continue
        if not check and (chosen or is_stale(script)):
            make(script)
            print(f"made {script.stem}")
        if is_stale(script):
            print(f"{script.relative_to(COURSE)}: stale; make transcripts makes it anew")
            wrong += 1
        for line in missing_lines(script):
            print(f"{script.relative_to(COURSE)}: its transcript lacks the line: {line}")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
