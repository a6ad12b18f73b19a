#!/usr/bin/env python3
"""Looks at the book once more: at its pages (what they show, how long they are), and at the HTML
that mdBook made of them. Says what is wrong with file and line, and exits with 1.

    check_book.py [--log FILE] [--html FOLDER]     mdBook's output, and where the HTML lies

The preprocessor has refused by then what it cannot render: a piece of code that is not there, a
broken quiz, a diagram without words, a session over 90 minutes. All of it is asked here again, so
that this is the one command that has to be green.
"""

import argparse
import fnmatch
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import check_html
import form
import mermaid
import preprocess
import quizzes
import transcripts
from cuts import BookError
from pages import Page, Shown

COURSE = Path(__file__).resolve().parents[1]
WORDS_MAX = 1500
BLOCK_LINES_MAX = 30
WORDS_A_MINUTE = 180
CODE_LINES_A_MINUTE = 12
RUN_SUFFIXES = {".py", ".ts"}  # what a transcript runs and a test has to run, too


def summary(course: Path) -> Iterator[dict[str, Any]]:
    """The chapters as mdBook would hand them over: those that SUMMARY.md names."""
    text = (course / "src/SUMMARY.md").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        for name, path in re.findall(r"\[([^\]]+)\]\(([^)]+\.md)\)", line):
            file = course / "src" / path
            if not file.is_file():
                raise BookError(f"src/SUMMARY.md:{number}: there is no page {path}")
            yield {"name": name, "path": path, "content": file.read_text(encoding="utf-8")}


def check_pages(course: Path) -> Iterator[str]:
    try:
        pages = [Page(course, chapter) for chapter in summary(course)]
    except BookError as error:
        yield str(error)
        return
    yield from preprocess.render_all(pages)
    tested = Tested(course)
    yield from tested.rows_without_a_test()
    for page in pages:
        yield from form.lacks(page, course) if page.whole else ()
        yield from check_length(page)
        yield from check_minutes(page, course)
        for shown in page.shown:
            where = f"src/{page.path}:{shown.line}"
            if shown.kind == "quiz":
                yield from quizzes.told_amiss(shown.files[0], page, shown.line, pages)
            yield from (f"{where}: {why}" for why in check_shown(shown, tested))
    yield from asked_twice(pages)
    shown_files = {path for page in pages for one in page.shown for path in one.files}
    yield from check_syntax(sorted(shown_files), course)
    named = {path.relative_to(course / "src").as_posix() for path in course.glob("src/**/*.md")}
    for name in sorted(named - {page.path for page in pages} - {"SUMMARY.md"}):
        yield f"src/{name}:1: SUMMARY.md does not name this page"


# --- what a page shows ----------------------------------------------------------------------------


def check_shown(shown: Shown, tested: "Tested") -> Iterator[str]:
    if shown.kind == "fence":
        yield from check_fence(shown)
    if shown.kind in ("code", "transcript"):
        for path in shown.files:
            run = shown.kind == "transcript"
            if (not run or path.suffix in RUN_SUFFIXES) and not tested.by(path):
                yield f"no test runs {tested.name(path)} (tools/tested.toml names none)"


def check_fence(shown: Shown) -> Iterator[str]:
    """A reader types the commands of a console block; what they print is a transcript's to say."""
    if shown.name == "mermaid":
        yield "a diagram is written as :::diagram, with its words"
    elif shown.name != "console":
        yield "this code block is no include: use {{#code FILE:PLACE}}"
    elif not shown.lines or not any(line.strip() for line in shown.lines):
        yield "this block is empty"
    for i, line in enumerate(shown.lines, start=1):
        if shown.name == "console" and line.strip() and not line.startswith(("$ ", "# ")):
            why = "is no command; output comes by {{#transcript}}"
            yield f"line {i} of this console block {why}"


class Tested:
    """tools/tested.toml."""

    def __init__(self, course: Path) -> None:
        self.course = course
        self.path = course / "tools/tested.toml"
        self.rows = tomllib.loads(self.path.read_text())["row"] if self.path.exists() else []

    def name(self, path: Path) -> str:
        root = self.course if path.is_relative_to(self.course) else self.course.parent
        return path.relative_to(root).as_posix()

    def by(self, path: Path) -> str:
        for row in self.rows:
            if any(fnmatch.fnmatch(self.name(path), glob) for glob in row["files"]):
                return row["test"]
        return ""

    def rows_without_a_test(self) -> Iterator[str]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        for row in self.rows:
            name, _, function = row["test"].partition("::")
            file = self.course.parent / name
            if not file.is_file() or (function and f"def {function}(" not in file.read_text()):
                line = next(i for i, text in enumerate(lines, 1) if row["test"] in text)
                yield f"tools/tested.toml:{line}: there is no test {row['test']}"


def check_syntax(files: list[Path], course: Path) -> Iterator[str]:
    """An example that does not parse: said here already, before the tests say more."""
    for path in files:
        if path.suffix == ".py":
            try:
                compile(path.read_bytes(), path.name, "exec")
            except SyntaxError as error:
                yield f"{path.relative_to(course)}:{error.lineno}: {error.msg}"
    scripts = [path for path in files if path.suffix == ".ts"]
    node = shutil.which("node", path=transcripts.path_with_node()) if scripts else None
    if node is None:
        return  # the tests of the course run them all, with a Node of their own
    ask = subprocess.run(
        [node, "--no-warnings", "-e", PARSE_ALL, *map(str, scripts)], capture_output=True, text=True
    )
    for line in ask.stdout.splitlines():
        path, number, why = json.loads(line)
        yield f"{Path(path).relative_to(course)}:{number}: {why}"


PARSE_ALL = """
const fs = require("node:fs"), { stripTypeScriptTypes } = require("node:module");
for (const path of process.argv.slice(1)) {
  if (stripTypeScriptTypes === undefined) break;
  try { stripTypeScriptTypes(fs.readFileSync(path, "utf8")); }
  catch (error) {
    const line = /^[^\\n]*:(\\d+)\\n/.exec(error.stack)?.[1] ?? "1";
    console.log(JSON.stringify([path, Number(line), String(error.message).split("\\n")[0]]));
  }
}
"""


def asked_twice(pages: list[Page]) -> Iterator[str]:
    """What a reader answers is kept by what was asked: two alike would share one answer."""
    seen: dict[str, str] = {}
    for page in pages:
        for one in page.asked:
            if one.id in seen:
                yield f"src/{page.path}:1: src/{seen[one.id]} asks the same: {one.ask}"
            seen[one.id] = page.path


# --- how long a page is ---------------------------------------------------------------------------


def check_length(page: Page) -> Iterator[str]:
    if page.words > WORDS_MAX and not page.front.get("long-page"):
        why = f"{page.words} words, and a page has {WORDS_MAX} or says why (long-page: WHY)"
        yield f"src/{page.path}:1: {why}"
    for shown in page.shown:
        lines = len(shown.lines)
        too_long = shown.kind in ("code", "fence", "transcript") and lines > BLOCK_LINES_MAX
        if too_long and not page.front.get("long-code"):
            why = f"a block has {BLOCK_LINES_MAX} or the page says why (long-code: WHY)"
            yield f"src/{page.path}:{shown.line}: {lines} lines, and {why}"


def check_minutes(page: Page, course: Path) -> Iterator[str]:
    if not page.session:
        return
    code = sum(len(one.lines) for one in page.shown if one.kind == "code" and one.timed)
    seconds = sum(one.seconds for one in page.shown if one.timed)
    exercises = sum(exercise_minutes(course, page.path))
    reading, studying = page.words_timed / WORDS_A_MINUTE, code / CODE_LINES_A_MINUTE
    needs = reading + studying + seconds / 60 + exercises
    if page.minutes < needs:
        yield (
            f"{page.front_line('minutes')}: {page.minutes} minutes, "
            f"and the page needs {needs:.0f}: "
            f"{page.words_timed} words {reading:.0f}, {code} lines of code {studying:.0f}, "
            f"commands {seconds / 60:.1f}, exercises {exercises}"
        )


def exercise_minutes(course: Path, page: str) -> Iterator[int]:
    for path in sorted(course.glob("exercises/*/exercise.toml")):
        exercise = tomllib.loads(path.read_text())
        if exercise.get("page") == page and exercise.get("kind") == "timed":
            yield int(exercise["minutes"])


# --- all of it ------------------------------------------------------------------------------------


def check_log(log: Path) -> Iterator[str]:
    """mdBook exits with 0 when it could not include a file, and only says so."""
    for line in log.read_text(errors="replace").splitlines():
        if re.search(r"\b(WARN|ERROR|error|warning)\b", line):
            yield f"mdbook: {line.strip()}"


def check_quizzes(course: Path) -> Iterator[str]:
    """Those that no page shows yet, too."""
    for path in sorted(course.glob("quizzes/*.toml")):
        try:
            quizzes.load(path)
        except BookError as error:
            yield from str(error).splitlines()


def check(course: Path, log: Path | None, html: Path | None) -> list[str]:
    wrong = [*check_pages(course), *check_quizzes(course)]
    if log is not None:
        wrong += check_log(log)
    if html is not None:
        wrong += check_html.check(html, course, mermaid.SHA256)
    return list(dict.fromkeys(wrong))


def main() -> int:
    parser = argparse.ArgumentParser(description="Examines the book.")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--html", type=Path)
    options = parser.parse_args()
    wrong = check(COURSE, options.log, options.html)
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
