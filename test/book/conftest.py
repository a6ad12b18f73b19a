"""A small book that is right. Each canary breaks one thing in a copy of it, and must be noticed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "distributed-systems-course"
sys.path.insert(0, str(COURSE / "tools"))

import check_book  # noqa: E402 (lies in the course)

PAGE = """\
---
session: 1
minutes: 5
objectives:
  - break a small book
---

# One page

Some words, and a [link to a part](two.md#a-part).

:::tabs
== TypeScript
{{#code add/main.ts:add}}
== Python
{{#code add/main.py:add}}
:::

```console
$ python main.py
```

{{#transcript add}}

:::predict What does the program print when it adds the first two numbers?
( ) It prints one of the two.
(x) It prints what both make together.
( ) It prints nothing, for it has not been told to.
---
It prints three.
:::

:::diagram What it shows
A box stands to the left of another box, and an arrow leads from it to the other one.
---
flowchart LR
    A --> B
:::

{{#quiz one}}

## Recap

```console
$ docker compose up
```

:::diagram What it shows, again
The same two boxes, for a page may show what happened in a run where it has just shown them.
---
flowchart TB
    A --> B
:::
"""
PYTHON = "def add(a: int, b: int) -> int:\n    return a + b\n\n\nprint(add(1, 2))\n"
TYPESCRIPT = """\
function add(a: number, b: number): number {
  return a + b;
}

console.log(add(1, 2));
"""
CHOICE = (
    "[[question.choice]]\n# believes: that it is {} and nothing else\n"
    'text = "{}"\nwhy = "Because this is how it is with it."\n'
)
QUESTION = (
    '[[question]]\ntimed = true\nfrom = "one.md#one-page"\nask = "How many?"\n'
    + CHOICE.format("one", "One.")
    + CHOICE.format("two", "Two.").replace("why", "right = true\nwhy")
    + CHOICE.format("three", "Three.")
)
OPEN_QUESTION = (
    '[[question]]\nfrom = "one.md#one-page"\nask = "Why?"\n'
    'model = "Because of this, and also because of that, and so on."\n'
    'points = ["this"]\n'
)
TESTED = """\
[[row]]
files = ["examples/add/*", "tools/tap.py"]
test = "test/test_add.py::test_add"
"""
TRANSCRIPT = """\
# languages: typescript python
# uses: examples/add/main.{ext}
# must: 3
program "$examples/add" main
"""
SUMMARY = """\
# Summary

- [One](one.md)
- [Two](two.md)
- [What I got wrong](reference/what-i-got-wrong.md)
- [To teach](teach/session-1.md)
"""
FILES = {
    "book.toml": (COURSE / "book.toml").read_text(),
    "src/SUMMARY.md": SUMMARY,
    "src/reference/what-i-got-wrong.md": "# What I got wrong\n\n{{#progress}}\n",
    "src/teach/session-1.md": "# To teach\n\nWords.\n",
    "src/one.md": PAGE,
    "src/two.md": "# Two\n\n## A part\n\nWords.\n",
    "examples/add/main.py": PYTHON,
    "examples/add/main.ts": TYPESCRIPT,
    "exercises/01-add/exercise.toml": 'page = "one.md"\nkind = "take-home"\nminutes = 5\n',
    "quizzes/one.toml": QUESTION + QUESTION.replace("How", "And how") + OPEN_QUESTION,
    "transcripts/add.sh": TRANSCRIPT,
    "transcripts/lib.sh": (COURSE / "transcripts/lib.sh").read_text(),
}


class SmallBook:
    def __init__(self, place: Path) -> None:
        self.root = place
        self.course = place / "course"
        for folder in ("tools", "theme"):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(COURSE / folder, self.course / folder, ignore=ignore)
        for name, text in FILES.items():
            self.write(name, text)
        self.write("tools/tested.toml", TESTED)
        self.write("../test/test_add.py", "def test_add():\n    pass\n")
        (place / "tools").mkdir()
        (place / "tools/deps").write_text(f'#!/bin/sh\nexec {ROOT}/tools/deps "$@"\n')
        (place / "tools/deps").chmod(0o755)
        done = self.run("tools/transcripts.py")
        assert done.returncode == 0, done.stdout + done.stderr

    def write(self, name: str, text: str) -> None:
        path = self.course / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.course / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def run(self, program: str, *arguments: object, **more: object) -> subprocess.CompletedProcess:
        command = [sys.executable, self.course / program, *arguments]
        return subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, timeout=120, **more
        )

    def complaints(self, log: Path | None = None, html: Path | None = None) -> list[str]:
        return check_book.check(self.course, log, html)

    def build(self, **env: str) -> subprocess.CompletedProcess:
        """mdBook alone, as a reader who has it would call it."""
        return subprocess.run(
            [mdbook(), "build", self.course],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **env},
        )


def mdbook() -> Path:
    done = subprocess.run([ROOT / "tools/deps", "book-path"], capture_output=True, text=True)
    program = Path(done.stdout.strip()) / "bin/mdbook"
    if not program.exists():
        pytest.skip("mdBook is not here (make book)")
    return program


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Made once, since it runs programs; the tests break copies."""
    return SmallBook(tmp_path_factory.mktemp("small")).root


@pytest.fixture
def book(made, tmp_path):
    shutil.copytree(made, tmp_path / "book", symlinks=True)
    copy = SmallBook.__new__(SmallBook)
    copy.root, copy.course = tmp_path / "book", tmp_path / "book/course"
    return copy


@pytest.fixture
def events():
    """Of a made-up run, as tap.py writes them."""
    said = [
        {"at": 0.0, "from": "Anna", "to": "queue", "text": "reserve"},
        {"at": 0.001, "from": "queue", "to": "Anna", "text": "RESERVED 1 7", "body": "seat <1>"},
        {"at": 2.5, "who": "Anna", "text": "the connection ends", "ends": True},
    ]
    return "".join(json.dumps(one) + "\n" for one in said)
