"""Pieces of source files, found by the name of what they define, so that the files need no marks.

Python by indentation, TypeScript and C by braces; or between `ANCHOR: name` and `ANCHOR_END: name`.
"""

import difflib
import re
import textwrap
from pathlib import Path

LANGUAGES = {
    **{".py": "python", ".ts": "typescript", ".c": "c", ".h": "c", ".yaml": "yaml", ".sh": "bash"},
    **{".toml": "toml", ".json": "json", ".Dockerfile": "dockerfile"},
}


class BookError(Exception):
    """Something on a page is wrong; says which page and line."""


def cut(path: Path, place: str) -> list[str]:
    """The lines of one piece, dedented. Raises LookupError, saying what is not there."""
    if not path.is_file():
        raise LookupError(f"there is no file {path.name} at {path.parent}")
    lines = path.read_text(encoding="utf-8").splitlines()
    piece = (
        lines
        if not place
        else anchored(lines, place) or named(lines, place.split("."), path.suffix)
    )
    piece = [line for line in piece if not re.search(r"\bANCHOR(_END)?:", line)]
    if not any(line.strip() for line in piece):
        raise LookupError(f"{path.name} has no {place!r}, or nothing in it")
    return textwrap.dedent("\n".join(piece)).strip("\n").splitlines()


def anchored(lines: list[str], name: str) -> list[str]:
    def at(word: str) -> int | None:
        mark = re.compile(rf"\b{word}: {re.escape(name)}\b")
        return next((i for i, line in enumerate(lines) if mark.search(line)), None)

    first, last = at("ANCHOR"), at("ANCHOR_END")
    return [] if first is None or last is None else lines[first + 1 : last]


def named(lines: list[str], names: list[str], suffix: str) -> list[str]:
    """Goes inward: the class, then its method. A comment right above belongs to it."""
    for name in names:
        first = next((i for i, line in enumerate(lines) if defines(line, name, suffix)), None)
        if first is None:
            return []
        last = end_by_indent(lines, first) if suffix == ".py" else end_by_braces(lines, first)
        while first > 0 and is_lead(lines[first - 1], suffix):
            first -= 1
        lines = lines[first:last]
    return lines


def defines(line: str, name: str, suffix: str) -> bool:
    word = re.escape(name)
    if suffix == ".py":
        return bool(re.match(rf"\s*(?:(?:async )?def|class) {word}\b|{word}(?:: [^=]+)? = ", line))
    if suffix == ".ts":
        lead = r"\s*(?:export |private |protected |readonly |override |async |static )*"
        kind = r"(?:class|function\*?|const|type|interface) "
        return bool(
            re.match(rf"{lead}{kind}{word}\b", line)
            or re.match(rf"{lead}(?!if|for|while|return)\*?{word}\((?:.*[{{,(])?$", line)
        )
    return bool(re.match(rf"[A-Za-z_].*\b{word}\b", line)) and not line.rstrip().endswith(";")


def is_lead(line: str, suffix: str) -> bool:
    text = line.strip()
    return text.startswith(("@", "#")) if suffix == ".py" else text.startswith(("/*", "*", "//"))


def end_by_indent(lines: list[str], first: int) -> int:
    depth = indent(lines[first])
    opened = 0
    for i in range(first, len(lines)):
        opened += sum(lines[i].count(c) for c in "([{") - sum(lines[i].count(c) for c in ")]}")
        if opened <= 0 and lines[i].rstrip().endswith(":"):
            first = i
            break
        if opened <= 0 and i >= first and not lines[i].rstrip().endswith(("(", "[", "{", ",")):
            return i + 1
    last = first + 1
    for i in range(first + 1, len(lines)):
        if lines[i].strip():
            if indent(lines[i]) <= depth:
                break
            last = i + 1
    return last


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def end_by_braces(lines: list[str], first: int) -> int:
    depth, opened = 0, False
    for i in range(first, len(lines)):
        text = re.sub(r'"[^"]*"|`[^`]*`|//.*', "", lines[i])
        depth += text.count("{") - text.count("}")
        opened |= "{" in text
        if depth <= 0 and (opened or text.rstrip().endswith(";")):
            return i + 1
    return len(lines)


def new_lines(lines: list[str], before: list[str]) -> set[int]:
    """Which of the lines (from 0) are not in what stood before."""
    matcher = difflib.SequenceMatcher(None, before, lines, autojunk=False)
    new: set[int] = set()
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag in ("insert", "replace"):
            new.update(i for i in range(first, last) if lines[i].strip())
    return new
