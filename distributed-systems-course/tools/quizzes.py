"""A quiz: quizzes/NAME.toml, read, examined, and made into HTML.

A question has `ask`, where it was told (`from = PAGE#HEADING`), perhaps `timed`, and either choices
(`text`, `why`, and `right` on one) or a model answer with its points, which the reader compares
with his own. What is wrong names the file and the line: one wrong key costs a reader's trust.
Whether the choices are fair, quiz_rules.py says.
"""

import hashlib
import html
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import quiz_rules
from cuts import BookError
from inline import inline
from progress import Asked

QUESTIONS = (3, 4)
TIMED = 2
CHOICES_MIN = 3
WHY_CHARS_MIN = 20
MODEL_CHARS_MIN = 40
KEYS = {"ask", "from", "timed", "choice", "model", "points"}
CHOICE_KEYS = {"text", "why", "right"}

Question = dict[str, Any]


def load(path: Path) -> list[Question]:
    """The questions. Raises BookError with all that is wrong."""
    name = f"quizzes/{path.name}"
    if not path.is_file():
        raise LookupError(f"there is no quiz {path.stem} ({name})")
    text = path.read_text(encoding="utf-8")
    try:
        quiz = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise BookError(f"{name}:{line[1] if line else 1}: {error}") from error
    questions = quiz.get("question", [])
    wrong = list(examine(questions, places(text), set(quiz)))
    wrong = wrong or list(unfair(questions, text))
    if wrong:
        raise BookError("\n".join(f"{name}:{line}: {why}" for line, why in wrong))
    return questions


def places(text: str) -> list[tuple[int, list[int]]]:
    """Of each question: its line, and those of its choices."""
    found: list[tuple[int, list[int]]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() == "[[question]]":
            found.append((number, []))
        elif line.strip() == "[[question.choice]]" and found:
            found[-1][1].append(number)
    return found


def examine(
    questions: list[Question], at: list[tuple[int, list[int]]], names: set[str]
) -> Iterator[tuple[int, str]]:
    if names != {"question"} or not isinstance(questions, list) or len(at) != len(questions):
        yield 1, "a quiz is [[question]] tables and nothing else"
        return
    if not QUESTIONS[0] <= len(questions) <= QUESTIONS[1]:
        yield 1, f"{len(questions)} questions, and a chapter has {QUESTIONS[0]} or {QUESTIONS[1]}"
    for question, (line, choices) in zip(questions, at, strict=True):
        if len(question.get("choice", [])) != len(choices):
            yield line, "choices are [[question.choice]] tables"
            continue
        if unknown := set(question) - KEYS:
            yield line, f"a question has no {sorted(unknown)[0]!r}"
        if not str(question.get("ask", "")).strip():
            yield line, "this question asks nothing"
        if not re.fullmatch(r"[\w/.-]+\.md#[\w-]+", str(question.get("from", ""))):
            yield line, 'this question does not say where it was told (from = "PAGE#HEADING")'
        if "choice" in question:
            yield from examine_choices(question["choice"], line, choices)
        elif len(question.get("model", "")) < MODEL_CHARS_MIN or not question.get("points"):
            yield line, "a question needs choices, or a model answer and its points"


def examine_choices(
    choices: list[dict[str, Any]], line: int, at: list[int]
) -> Iterator[tuple[int, str]]:
    if len(choices) < CHOICES_MIN:
        yield line, f"{len(choices)} choices, and {CHOICES_MIN} are the least"
    rights = sum(choice.get("right") is True for choice in choices)
    if rights != 1:
        yield line, f"{rights} choices are marked right = true; the key has to be one of them"
    seen: set[str] = set()
    for choice, where in zip(choices, at, strict=True):
        if unknown := set(choice) - CHOICE_KEYS:
            yield where, f"a choice has no {sorted(unknown)[0]!r}"
        if choice.get("right", True) is not True:
            yield where, "right is true, or it is not there"
        text = " ".join(str(choice.get("text", "")).lower().split()).rstrip(".")
        if not text:
            yield where, "this choice says nothing"
        elif text in seen:
            yield where, "this choice is listed twice"
        seen.add(text)
        if len(choice.get("why", "")) < WHY_CHARS_MIN:
            yield where, "this choice is not explained (why)"


def unfair(questions: list[Question], text: str) -> Iterator[tuple[int, str]]:
    for question, (_, at) in zip(questions, places(text), strict=True):
        if "choice" in question:
            yield from quiz_rules.choices_apart(question["choice"], at)
            yield from quiz_rules.beliefs(text, at, question["choice"])


def told_amiss(path: Path, page: Any, line: int, pages: list[Any]) -> Iterator[str]:
    """What is wrong with a quiz on the page that shows it at `line`."""
    questions, at = load(path), places(path.read_text(encoding="utf-8"))
    timed = TIMED if page.session else 0
    if sum(bool(question.get("timed")) for question in questions) != timed:
        yield f"quizzes/{path.name}:1: not {timed} of the questions are timed"
    prose = quiz_rules.words(" ".join(page.prose))
    for question, (where, choices) in zip(questions, at, strict=True):
        if why := quiz_rules.told(question, page, line, pages):
            yield f"quizzes/{path.name}:{where}: {why}"
        for choice, place in zip(question.get("choice", []), choices, strict=True):
            if choice.get("right") and (run := quiz_rules.repeated(choice["text"], prose)):
                yield f"quizzes/{path.name}:{place}: the right choice repeats its page: {run!r}"


def identity(question: Question) -> str:
    """Of a question as it is asked: when it asks something else, what was answered is void."""
    said = [question["ask"], [choice["text"] for choice in question.get("choice", [])]]
    said += [question.get("points", [])]
    return "q-" + hashlib.sha256(json.dumps(said).encode()).hexdigest()[:10]


def words_of(question: Question) -> str:
    """What one reads to answer it."""
    texts = [question["ask"], *(choice["text"] for choice in question.get("choice", []))]
    return " ".join(texts)


# --- as HTML --------------------------------------------------------------------------------------


def asked(question: Question) -> Asked:
    choices, points = question.get("choice", []), question.get("points", [])
    return Asked(identity(question), question["ask"], choices, points, question["from"])


def quiz_html(questions: list[Question], to_root: str) -> str:
    mixed = any(question.get("timed") for question in questions)
    parts = [question_html(i, q, to_root, mixed) for i, q in enumerate(questions, start=1)]
    return "\n".join(['<div class="quiz">', *parts, "</div>", ""])


def question_html(number: int, question: Question, to_root: str, mixed: bool) -> str:
    """Without the page's script, all is there, and the explanations are folded. Of mixed ones it is
    said which are to take home."""
    name = identity(question)
    home = ' <span class="home">take home</span>' if mixed and not question.get("timed") else ""
    place = html.escape(question["from"].replace(".md#", ".html#"))
    told = f'<p class="told"><a href="{to_root}{place}">Where the page says it</a></p>'
    body = written_html(question) if "model" in question else choices_html(name, question["choice"])
    return (
        f'<fieldset class="question" id="{name}" data-asked="{name}">'
        f"<legend>{number}. {inline(question['ask'])}{home}</legend>"
        f"{body}{told}</details></fieldset>"
    )


def written_html(question: Question) -> str:
    points = "".join(
        f'<li><label><input type="checkbox"> {inline(point)}</label></li>'
        for point in question["points"]
    )
    return (
        "<p><label>Your answer<textarea></textarea></label></p>"
        '<p class="verdict" role="status"></p>'
        f"<details><summary>Compare with ours</summary><p>{inline(question['model'])}</p>"
        f'<p>Tick what yours says, too:</p><ul class="points">{points}</ul>'
    )


def choices_html(name: str, choices: list[dict[str, Any]]) -> str:
    boxes, reasons = [], []
    for i, choice in enumerate(choices):
        right = bool(choice.get("right"))
        boxes.append(
            f'<p class="choice"><input type="radio" name="{name}" id="{name}-{i}"'
            f' data-right="{int(right)}">'
            f'<label for="{name}-{i}"> {inline(choice["text"])}</label></p>'
        )
        mark, verdict = ("✓", "Right.") if right else ("✗", "No.")
        reasons.append(
            f"<li>{inline(choice['text'])}<br><strong>{mark} {verdict}</strong>"
            f' <span class="why">{inline(choice["why"])}</span></li>'
        )
    return (
        f'{"".join(boxes)}<p class="verdict" role="status"></p>'
        f"<details><summary>Every choice explained</summary><ul>{''.join(reasons)}</ul>"
    )
