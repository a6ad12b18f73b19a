#!/usr/bin/env python3
"""What our pages can say that mdBook's cannot. Called by mdBook, which hands us the book as JSON.

    {{#code FILE:PLACE}}         a piece of a file under examples/ or ../src: a function,
                                 Class.method, or an ANCHOR; `since=FILE` marks what is new;
                                 further PLACEs of the same file go into the same block
    {{#transcript NAME}}         what a real run printed (transcripts/NAME.txt)
    {{#quiz NAME}}               quizzes/NAME.toml
    {{#schedule}}                who does what in which minute, from the pages' front matter
    :::tabs ... == TypeScript ... == Python ... :::
    :::predict TITLE ... :::     also take-home, instructor, hint, solution: folded
    :::diagram TITLE ... --- ... :::   what it shows in words, then its Mermaid source

A page begins with front matter between two lines of ---: session, minutes, objectives. What is
wrong stops the build with page and line.
"""

import json
import sys
from pathlib import Path

from cuts import BookError
from pages import Page

BOOK = Path(__file__).resolve().parents[1]


def chapters(items):
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            yield chapter
            yield from chapters(chapter["sub_items"])


def main() -> int:
    if len(sys.argv) > 1 and sys.argv[1] == "supports":
        return 0
    _, book = json.load(sys.stdin)
    pages, wrong = [], []
    for chapter in chapters(book["items"]):
        if chapter["path"] is not None:
            pages.append(Page(BOOK, chapter))
    for page in pages:
        try:
            page.chapter["content"] = page.render(pages)
        except BookError as error:
            wrong.append(str(error))
    wrong += sessions_that_run_over(pages)
    for line in wrong:
        print(f"error: {line}", file=sys.stderr)
    if wrong:
        return 1
    json.dump(book, sys.stdout)
    return 0


def sessions_that_run_over(pages: list[Page]) -> list[str]:
    minutes: dict[str, int] = {}
    for page in pages:
        if page.session:
            minutes[page.session] = minutes.get(page.session, 0) + page.minutes
    return [
        f"session {session} takes {sum_} minutes, and a session has 90"
        for session, sum_ in minutes.items()
        if sum_ > 90
    ]


if __name__ == "__main__":
    sys.exit(main())
