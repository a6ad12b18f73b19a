"""The form of a page: what one on the timed path has to have, and what one to take home.

    timed (`session`)    objectives, a Mermaid diagram, TypeScript, Python, a run under Compose, an
                         exercise, a quiz, a recap
    at home (`at-home`)  objectives, a diagram

What is drawn from a run shows what happened once, and does not stand for the diagram of a timed
page: that one shows the parts, or their states.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import transcripts
from pages import RUN, Page

COMPOSE = re.compile(r"^\$ (docker compose .*\bup\b|\./shop up\b)")


def lacks(page: Page, course: Path) -> Iterator[str]:
    """What a page does not have, each with where it should be said."""
    diagrams = [one for one in page.shown if one.kind == "diagram"]
    if page.session:
        where, has = page.front_line("session"), of_timed(page, course)
    elif page.front.get("at-home"):
        where = page.front_line("at-home")
        has = {"objectives": bool(page.front.get("objectives")), "a diagram": bool(diagrams)}
    else:
        return
    kind = "a timed page" if page.session else "a page to take home"
    yield from (
        f"{where}: {kind} has {what}, and this one has none" for what in has if not has[what]
    )


def of_timed(page: Page, course: Path) -> dict[str, bool]:
    timed = [one for one in page.shown if one.timed]
    suffixes = {path.suffix for one in page.shown if one.kind == "code" for path in one.files}
    drawn = [one for one in timed if one.kind == "diagram" and not RUN.match(one.lines[0])]
    return {
        "objectives": bool(page.front.get("objectives")),
        "a Mermaid diagram": bool(drawn),
        "TypeScript": ".ts" in suffixes,
        "Python": ".py" in suffixes,
        "a run under Compose": any(runs_the_shop(one, course) for one in timed),
        "an exercise": page.path in pages_of_exercises(course),
        "a quiz": any(one.kind == "quiz" for one in timed),
        "a recap (## Recap)": "recap" in page.headings,
    }


def runs_the_shop(shown, course: Path) -> bool:
    if shown.kind == "transcript":
        runs = transcripts.of_name(course, shown.name)
        return any(run.impl() or any(COMPOSE.match(line) for line in run.lines()) for run in runs)
    return shown.kind == "fence" and any(COMPOSE.match(line) for line in shown.lines)


def pages_of_exercises(course: Path) -> set[str]:
    found = course.glob("exercises/*/exercise.toml")
    return {tomllib.loads(path.read_text(encoding="utf-8")).get("page", "") for path in found}
