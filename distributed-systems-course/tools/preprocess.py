#!/usr/bin/env python3
"""What our pages can say that mdBook's cannot. Called by mdBook, which hands us the book as JSON.

    {{#code FILE:PLACE}}         a piece of a file under examples/ or ../src: a function,
                                 Class.method, or an ANCHOR; `since=FILE` marks what is new;
                                 further PLACEs of the same file go into the same block
    {{#transcript NAME}}         what a real run printed (transcripts/NAME.sh says which); of a
                                 program in two languages, both runs, in tabs
    {{#quiz NAME}}               quizzes/NAME.toml
    {{#progress}}                what the reader got wrong, and how far they have come
    {{#teach 1}} {{#slides 1}}   for who teaches session 1, from its pages (teach.py)
    {{#schedule}}                who does what in which minute, from the pages' front matter
    :::tabs ... == TypeScript ... == Python ... :::
    :::predict QUESTION ... --- ... :::   choices or what to write, and what happens
                                 (predictions.py)
    :::take-home TITLE ... :::   also instructor, hint, solution: folded
    :::diagram TITLE ... --- ... :::   what it shows in words, then its Mermaid source; or, of a
                                 real run, `events NAME` (what transcripts/NAME.sh left) or
                                 `trace NAME` (test/trace/NAME.txt); below that, how much of it
                                 (part:, from:, before:), and before which event it stops and
                                 asks what comes next: stop: EVENT, ask: QUESTION, then + WHAT
                                 HAPPENS and - WHAT DOES NOT :: WHY (spacetime.py). Such a
                                 picture plays: theme/play
    :::cluster TITLE ... --- NAME :::   a cluster in the simulator that the reader runs and breaks:
                                 what one sees in words, then the name of its world, which is
                                 worlds/NAME.toml (cluster.py). Its still picture is of a run

A page begins with front matter between two lines of ---: session and minutes, or `at-home: WHEN AND
HOW LONG`; objectives; and where it needs more than 1,500 words or a block of more than 30 lines,
`long-page: WHY`, `long-code: WHY`. What is wrong stops the build with file and line; check_book.py
looks at the rest.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bundle
import cluster
import mermaid
import progress
import teach
import world
from cuts import BookError
from pages import Page

BOOK = Path(__file__).resolve().parents[1]
SESSION_MINUTES = 90


def chapters(items: list[Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            yield chapter
            yield from chapters(chapter["sub_items"])


def main() -> int:
    if len(sys.argv) > 1 and sys.argv[1] == "supports":
        return 0
    _, book = json.load(sys.stdin)
    pages = [Page(BOOK, one) for one in chapters(book["items"]) if one["path"] is not None]
    wrong = render_all(pages)
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    if wrong:
        return 1
    see_to_mermaid(pages)
    see_to_world(pages)
    try:
        see_to_play(pages)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    json.dump(book, sys.stdout)
    return 0


def render_all(pages: list[Page]) -> list[str]:
    """Puts the content of each page in place. Returns what is wrong, each line with its file."""
    wrong: list[str] = []
    for page in sorted(pages, key=knows_others):
        try:
            page.chapter["content"] = page.render(pages)
        except BookError as error:
            wrong += str(error).splitlines()
    return wrong + sessions_that_run_over(pages)


def knows_others(page: Page) -> bool:
    """Whether it is made of what the other pages show and ask."""
    return progress.MARK in page.body or bool(teach.MARK.search(page.body))


def see_to_mermaid(pages: list[Page]) -> None:
    if not any('<pre class="mermaid">' in page.chapter["content"] for page in pages):
        return
    try:
        mermaid.see_to(BOOK / "src/assets/mermaid.min.js")
    except mermaid.NotFetched as error:
        said = "the book is made, and its diagrams are not drawn: readers see their words alone"
        print(f"warning: {error}\nwarning: {said}", file=sys.stderr)


def see_to_play(pages: list[Page]) -> None:
    """Raises ValueError where theme/play is no TypeScript."""
    playing = [page for page in pages if " data-play=" in page.chapter["content"]]
    if not playing:
        return
    try:
        bundle.see_to(BOOK / "src/assets/play.js", BOOK / "theme/play/main.ts")
    except bundle.NotBundled as error:
        said = "the book is made, and its pictures stay still"
        print(f"warning: {error}\nwarning: {said}", file=sys.stderr)
        for page in playing:
            content = page.chapter["content"]
            page.chapter["content"] = content.replace(" data-play=", " data-still=")


def see_to_world(pages: list[Page]) -> None:
    clusters = [page for page in pages if ' data-play="cluster"' in page.chapter["content"]]
    if not clusters:
        return
    try:
        world.see_to(BOOK / "src" / cluster.MODULE, BOOK.parent)
    except world.NotCompiled as error:
        said = "the book is made, and its clusters stay still"
        print(f"warning: {error}\nwarning: {said}", file=sys.stderr)
        for page in clusters:
            page.chapter["content"] = page.chapter["content"].replace(
                ' data-play="cluster"', ' data-still="cluster"'
            )


def sessions_that_run_over(pages: list[Page]) -> list[str]:
    """Named where the page stands that is one too many."""
    minutes: dict[str, int] = {}
    wrong = []
    for page in pages:
        if page.session:
            before = minutes.get(page.session, 0)
            minutes[page.session] = before + page.minutes
            if before <= SESSION_MINUTES < before + page.minutes:
                wrong.append((page, page.session))
    return [
        f"{page.front_line('minutes')}: session {session} takes {minutes[session]} minutes, "
        f"and a session has {SESSION_MINUTES}"
        for page, session in wrong
    ]


if __name__ == "__main__":
    sys.exit(main())
