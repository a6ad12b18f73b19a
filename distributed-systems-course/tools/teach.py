"""What somebody needs who teaches a session, from the pages themselves: their front matter, their
notes for the instructor, their commands, what they ask, and their diagrams.

    {{#teach 1}}      minute by minute, commands, what to ask and what goes wrong, the answers
    {{#slides 1}}     the diagrams of its pages, one a sheet when printed
"""

import html
import re
from collections.abc import Iterator
from typing import Any

import openers
from inline import inline

MARK = re.compile(r"\{\{#(teach|slides)\b")
ROW = re.compile(r"\| (\d+ to \d+) \| (.*) \|$")
FIGURE = re.compile(r'<figure class="diagram".*?</figure>', re.S)
ASKS = re.compile(  # what makes a picture play, and what it asks
    r'<script type="application/json" class="play-data">.*?</script>|<span class="asked-here".*?</span>',
    re.S,
)


def made(kind: str, session: str, pages: list[Any], to_root: str) -> str:
    """Raises LookupError where there is no such session. The pages have been rendered."""
    mine = [page for page in pages if openers.session_of(page) == session]
    timed = [page for page in mine if page.session]
    if not timed:
        raise LookupError(f"there is no session {session!r}")
    if kind == "slides":
        return "\n".join(slide for page in mine for slide in slides(page, to_root)) + "\n"
    return "\n".join(
        [
            *by_minutes(timed, to_root),
            *commands(timed, to_root),
            *(line for page in timed for line in notes(page, to_root)),
            *answers(timed, to_root),
            *homework([page for page in mine if not page.session], to_root),
        ]
    )


def link(page: Any, to_root: str) -> str:
    return f"[{openers.name_of(page)}]({to_root}{page.path})"


# --- the notes ------------------------------------------------------------------------------------


def instructor(page: Any) -> list[str]:
    """The lines of its notes."""
    lines = page.body.splitlines()
    found: list[str] = []
    for at, line in enumerate(lines):
        if line.startswith(":::instructor"):
            found += [*lines[at + 1 : page.block_end(lines, at, at + 1)], ""]
    return found


def by_minutes(timed: list[Any], to_root: str) -> list[str]:
    rows = []
    for page in timed:
        named = link(page, to_root)  # once, at its first row
        for row in filter(None, map(ROW.match, instructor(page))):
            rows.append(f"| {row[1]} | {named} | {row[2]} |")
            named = ""
    head = ["| minutes | page | what to do |", "|---|---|---|"]
    return ["## Minute by minute", "", *head, *rows, ""]


def notes(page: Any, to_root: str) -> list[str]:
    """Without their table, which stands above, with all others."""
    lines = [line for line in instructor(page) if not line.startswith("|")]
    text = "\n".join(lines).strip()
    return [f"## Notes: {openers.name_of(page)}", "", text, ""] if text else []


# --- what is typed, and what is asked -------------------------------------------------------------


def typed(page: Any) -> list[str]:
    """In its order. A transcript shows once more what the page has just let them type."""
    found: list[str] = []
    for one in page.shown:
        lines = [line for line in one.lines if line.startswith("$ ")] if one.timed else []
        if one.kind == "fence" and one.name == "console":
            found += lines
        elif one.kind == "transcript":
            found += [line for line in lines if line not in found]
    return found


def commands(timed: list[Any], to_root: str) -> list[str]:
    out = ["## What is typed", "", "Python stands on the pages, in the other tab.", ""]
    for page in timed:
        if lines := typed(page):
            out += [f"{link(page, to_root)}:", "", "```console", *lines, "```", ""]
    return out


def answers(timed: list[Any], to_root: str) -> list[str]:
    asked = [(page, one) for page in timed for one in page.asked if one.id[0] in "pq"]
    rows = [
        f'<li><a href="{to_root}{page.path.removesuffix(".md")}.html#{one.id}">{inline(one.ask)}'
        f"</a> {answer(one)}</li>"
        for page, one in asked
    ]
    head = "Predictions and questions, in the order of the pages, each with what is right."
    return ["## What the pages ask", "", head, "", '<ol class="answers">', *rows, "</ol>", ""]


def answer(one: Any) -> str:
    right = [choice["text"] for choice in one.choices if choice.get("right")]
    said = right or one.points
    return f"<br>{inline(' / '.join(said))}" if said else ""


def homework(home: list[Any], to_root: str) -> list[str]:
    rows = [f"- {link(page, to_root)}: {openers.where(page)}" for page in home]
    return ["## To take home", "", *rows, ""] if rows else []


# --- the diagrams ---------------------------------------------------------------------------------


def slides(page: Any, to_root: str) -> Iterator[str]:
    """They stand still. Their ids are their own, for the book is also made into one document."""
    named = re.compile(rf"\b(run|cluster)-(?={re.escape(page.path.split('/')[-1][:-3])}-)")
    for figure in FIGURE.findall(page.chapter["content"]):
        still = ASKS.sub("", figure.replace(" data-play=", " data-still="))
        still = named.sub(r"slide-\1-", still)
        where = f"Session {openers.session_of(page)}: {openers.name_of(page)}"
        yield (
            f'<section class="slide"><p class="slide-of">{html.escape(where)}</p>\n\n'
            f"{still}\n\n</section>\n"
        )
