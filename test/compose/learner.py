"""A learner who has built a queue of their own: `./learn start`, then our solution copied."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COURSE = Path(__file__).resolve().parents[2] / "distributed-systems-course"
EXERCISE = "10-your-queue"


def copy(place: Path) -> None:
    """What a learner works in, so that nobody's own work is touched."""
    ignore = shutil.ignore_patterns("mine", "node_modules", "__pycache__", ".env")
    for name in ("exercises", "examples", "tools", "theme"):
        shutil.copytree(COURSE / name, place / name, ignore=ignore)
    shutil.copy(COURSE / "learn", place)


def started(place: Path, language: str) -> Path:
    """Where their queue lies, below `place`."""
    copy(place)
    learn(place, "start", EXERCISE, "--language", language)
    return place / "exercises/mine/queue"


def solved(place: Path, language: str) -> Path:
    home = started(place, language)
    solution = COURSE / "examples/01-queue/mini" / language / "step4"
    shutil.copytree(solution, home / "mine", dirs_exist_ok=True)
    learn(place, "check")
    return home


def learn(place: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, place / "learn", *words],
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
