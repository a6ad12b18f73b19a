"""What makes a question fair: who has not understood must not find the right choice by its looks.

By its length, by words like "always", or by a sentence that one has just read. And each wrong
choice is something that people really believe: a comment in the quiz says what, and the reader who
chose it is told why it is wrong, and not which one is right.
"""

import re
from collections.abc import Iterator
from typing import Any

LENGTH_MAX = 1.2  # of the right choice, by the mean of all
ABSOLUTE = re.compile(r"\b(always|never)\b", re.IGNORECASE)
BELIEF = re.compile(r"#\s*believes:\s*(.*)$")
BELIEF_CHARS_MIN = 20
REPEATED_WORDS = 6  # in a row: so many are no chance
SHORT_CHOICE_WORDS = 3  # a right choice of fewer words repeats nothing

Wrong = Iterator[tuple[int, str]]


def choices_apart(choices: list[dict[str, Any]], at: list[int]) -> Wrong:
    """The right choice must not be told from the others by its form. `at` are their lines."""
    pairs = list(zip(choices, at, strict=True))
    rights = [(choice, line) for choice, line in pairs if choice.get("right") is True]
    others = [(choice, line) for choice, line in pairs if choice.get("right") is not True]
    if len(rights) != 1 or not others:
        return
    right, line = rights[0]
    mean = sum(len(choice["text"]) for choice in choices) / len(choices)
    if len(right["text"]) > LENGTH_MAX * mean:
        ratio = len(right["text"]) / mean
        yield line, f"the right choice is {ratio:.2f} times as long as the mean ({LENGTH_MAX})"
    said = [(match[0], where) for c, where in others if (match := ABSOLUTE.search(c["text"]))]
    if said and not ABSOLUTE.search(right["text"]):
        word, where = said[0]
        yield where, f"only wrong choices say {word.lower()!r}: it tells them from the right one"
    for choice, where in others:
        if run := repeated(right["text"], words(choice.get("why", ""))):
            yield where, f"why this one is wrong gives the right one away: {run!r}"


def beliefs(text: str, at: list[int], choices: list[dict[str, Any]]) -> Wrong:
    """Each wrong choice has a comment `# believes: ...` between its [[question.choice]] and what
    follows; no two of them the same."""
    lines = text.splitlines()
    seen: set[str] = set()
    for choice, line in zip(choices, at, strict=True):
        if choice.get("right") is True:
            continue
        belief = belief_below(lines, line)
        if len(belief) < BELIEF_CHARS_MIN:
            yield line, "no comment says who chooses this (# believes: ...)"
        elif belief in seen:
            yield line, "another choice of this question has the same # believes: ..."
        seen.add(belief)


def belief_below(lines: list[str], line: int) -> str:
    for below in lines[line:]:
        if below.startswith("[["):
            break
        if match := BELIEF.match(below):
            return match[1].strip()
    return ""


def words(text: str) -> list[str]:
    """Of a text, without marks: what two texts are compared by."""
    text = re.sub(r"\]\([^)]*\)|<[^>]*>", " ", text)
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def repeated(choice: str, page: list[str]) -> str:
    """What a choice says in the words of the page, or nothing: six in a row, or all that it has."""
    mine = words(choice)
    if len(mine) < SHORT_CHOICE_WORDS:
        return ""
    size = min(REPEATED_WORDS, len(mine))
    theirs = {tuple(page[i : i + size]) for i in range(len(page) - size + 1)}
    runs = (tuple(mine[i : i + size]) for i in range(len(mine) - size + 1))
    return next((" ".join(run) for run in runs if run in theirs), "")


# --- where it was told ----------------------------------------------------------------------------


def slug(heading: str) -> str:
    """The id that mdBook gives to a heading."""
    plain = re.sub(r"[`*]", "", heading.strip().lower())
    return "".join("-" if c.isspace() else c for c in plain if c.isalnum() or c in "_- \t")


def told(question: dict[str, Any], page: Any, line: int, pages: list[Any]) -> str:
    """Why `from = PAGE#HEADING` is not right for a question that `page` asks at `line`, or
    nothing. Pages are in the order in which they are read, and have been rendered."""
    source, _, heading = str(question["from"]).partition("#")
    known = {one.path: place for place, one in enumerate(pages)}
    if source not in known:
        return f"from: there is no page {source} (PAGE#HEADING)"
    headings = pages[known[source]].headings
    if heading not in headings:
        return f"from: {source} has no heading #{heading}"
    here = known[page.path]
    if known[source] > here or (source == page.path and headings[heading] > line):
        return f"from: {source}#{heading} comes later than the question"
    return ""
