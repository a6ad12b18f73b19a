"""One page of the book: its front matter, and its Markdown with our marks made into mdBook's."""

import html
import re
import tomllib
from pathlib import Path
from typing import Any

from cuts import LANGUAGES, BookError, cut, new_lines

FOLDED = {
    "predict": "Predict",
    "hint": "Hint",
    "solution": "Solution",
    "take-home": "Take home",
    "instructor": "For the instructor",
}
MARK = re.compile(r"\{\{#(code|transcript|quiz|schedule)\s*([^}]*)\}\}")
NEW_LINE_EM = 1.5  # the line height that theme/course.css gives to code


class Page:
    def __init__(self, book: Path, chapter: dict[str, Any]) -> None:
        self.book, self.chapter = book, chapter
        self.path = chapter["path"]
        self.front, self.body, self.offset = split_front_matter(chapter["content"])
        self.session = str(self.front.get("session", ""))
        self.minutes = int(self.front.get("minutes", 0))
        self.to_root = "../" * self.path.count("/")
        self.diagrams = 0

    def fail(self, number: int, why: str) -> BookError:
        return BookError(f"src/{self.path}:{number + self.offset}: {why}")

    def render(self, pages: list["Page"]) -> str:
        self.pages = pages
        out: list[str] = []
        lines = self.body.splitlines()
        self.render_lines(lines, 1, out)
        return "\n".join(out) + "\n"

    # -- blocks ------------------------------------------------------------------------------------

    def render_lines(self, lines: list[str], first: int, out: list[str]) -> None:
        at = 0
        fenced = False
        while at < len(lines):
            line, number = lines[at], first + at
            if line.startswith("```"):
                fenced = not fenced
            opened = re.match(r":::([a-z-]+)\s*(.*)$", line)
            if opened and not fenced:
                end = self.block_end(lines, at, number)
                self.render_block(opened[1], opened[2], lines[at + 1 : end], number + 1, out)
                at = end + 1
                continue
            out.append(line if fenced else MARK.sub(lambda m, n=number: self.mark(m, n), line))
            if line.startswith("# ") and not fenced and self.front.get("objectives"):
                out += ["", *self.objectives()]
            at += 1

    def block_end(self, lines: list[str], at: int, number: int) -> int:
        depth = 0
        for i in range(at, len(lines)):
            depth += bool(re.match(r":::[a-z]", lines[i])) - (lines[i].rstrip() == ":::")
            if depth == 0:
                return i
        raise self.fail(number, "this ::: block has no end")

    def render_block(
        self, kind: str, title: str, lines: list[str], first: int, out: list[str]
    ) -> None:
        if kind in FOLDED:
            name = FOLDED[kind] + (f": {title}" if title else "")
            out += [f'<details class="{kind}">', f"<summary>{html.escape(name)}</summary>", ""]
            self.render_lines(lines, first, out)
            out += ["", "</details>", ""]
        elif kind == "tabs":
            self.render_tabs(lines, first, out)
        elif kind == "diagram":
            self.render_diagram(title, lines, first, out)
        else:
            raise self.fail(first - 1, f"there is no block :::{kind}")

    def render_tabs(self, lines: list[str], first: int, out: list[str]) -> None:
        starts = [i for i, line in enumerate(lines) if line.startswith("== ")]
        if len(starts) < 2 or any(line.strip() for line in lines[: starts[0]]):
            raise self.fail(first, "tabs need two parts or more, each begun by == NAME")
        out += ['<div class="tabs">']
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            name = html.escape(lines[start][3:].strip())
            out += [f'<section class="tab" data-tab="{name}">']
            out += [f'<p class="tab-name"><strong>{name}</strong></p>', ""]
            self.render_lines(lines[start + 1 : end], first + start + 1, out)
            out += ["", "</section>"]
        out += ["</div>", ""]

    def render_diagram(self, title: str, lines: list[str], first: int, out: list[str]) -> None:
        if "---" not in lines or not title:
            raise self.fail(first, "a diagram needs a title, words, a line ---, and its source")
        middle = lines.index("---")
        words = " ".join(line.strip() for line in lines[:middle]).strip()
        source = [line for line in lines[middle + 1 :] if line.strip()]
        if len(words) < 40 or not source:
            raise self.fail(first, "say in words (before ---) what the diagram shows")
        self.diagrams += 1
        kind, *rest = source
        access = [f"    accTitle: {title}", f"    accDescr: {words.replace(';', ',')}"]
        text = html.escape("\n".join([kind, *access, *rest]), quote=False)
        out += [f'<figure class="diagram"><pre class="mermaid">{text}</pre>']
        out += [f"<figcaption><strong>{html.escape(title)}.</strong>"]
        out += [html.escape(words), "</figcaption></figure>", ""]

    # -- marks -------------------------------------------------------------------------------------

    def mark(self, match: re.Match[str], number: int) -> str:
        name, rest = match[1], match[2].split()
        try:
            if name == "schedule":
                return "\n".join(schedule(self.pages))
            if not rest:
                raise LookupError(f"{{{{#{name}}}}} of what?")
            return {"code": self.code, "transcript": self.transcript, "quiz": self.quiz}[name](rest)
        except (LookupError, OSError, ValueError) as error:
            raise self.fail(number, str(error).strip("'\"")) from error

    def code(self, words: list[str]) -> str:
        name, _, place = words[0].partition(":")
        root = self.book if not name.startswith("src/") else self.book.parent
        path = root / name if name.startswith("src/") else root / "examples" / name
        options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        places = [place, *(word for word in words[1:] if "=" not in word)]
        lines = together([cut(path, place) for place in places])
        language = LANGUAGES.get(path.suffix, "dockerfile" if path.stem == "Dockerfile" else "text")
        link = self.to_root + "../" + str(path.relative_to(self.book.parent))
        where = f'<p class="code-from"><a href="{"../" + link}">{html.escape(name)}</a></p>'
        style, legend = "", ""
        if "since" in options:
            earlier = self.book / "examples" / options["since"]
            new = new_lines(lines, together([dedented(earlier, place) for place in places]))
            style = f' style="--new: {gradients(new)}"' if new else ""
            legend = '<p class="code-new">A bar marks the lines that are new.</p>' if new else ""
        return "\n".join(
            [f'<div class="code"{style}>{legend}', "", f"```{language}", *lines, "```", ""]
            + [where, "</div>", ""]
        )

    def transcript(self, words: list[str]) -> str:
        lines = (self.book / "transcripts" / f"{words[0]}.txt").read_text().splitlines()
        shown = [line for line in lines if not line.startswith("#!")]
        return "\n".join(["```console", *shown, "```", ""])

    def quiz(self, words: list[str]) -> str:
        path = self.book / "quizzes" / f"{words[0]}.toml"
        with path.open("rb") as file:
            questions = tomllib.load(file)["question"]
        parts = [question_html(words[0], i, q) for i, q in enumerate(questions, start=1)]
        return "\n".join(['<div class="quiz">', *parts, "</div>", ""])

    def objectives(self) -> list[str]:
        boxes = [
            f'<p><label><input type="checkbox"> {inline(text)}</label></p>'
            for text in self.front["objectives"]
        ]
        return ['<div class="objectives">', "<p>After this page you can</p>", *boxes, "</div>", ""]


def split_front_matter(text: str) -> tuple[dict[str, Any], str, int]:
    """(what it says, the rest, how many lines it took)."""
    lines = text.splitlines()
    if not lines or lines[0] != "---" or "---" not in lines[1:]:
        return {}, text, 0
    end = lines.index("---", 1)
    front: dict[str, Any] = {}
    for line in lines[1:end]:
        if line.startswith("  - "):
            front.setdefault("objectives", []).append(line[4:])
        elif ":" in line:
            key, value = line.split(":", 1)
            if value.strip():
                front[key.strip()] = value.strip()
    return front, "\n".join(lines[end + 1 :]), end + 1


def dedented(path: Path, place: str) -> list[str]:
    try:
        return cut(path, place)
    except LookupError:
        return []  # all of it is new


def together(pieces: list[list[str]]) -> list[str]:
    """One block, with an empty line between its pieces."""
    return [line for piece in pieces for line in ["", *piece]][1:]


def gradients(new: set[int]) -> str:
    """A bar beside each run of new lines, as CSS backgrounds of the code."""
    runs: list[list[int]] = []
    for line in sorted(new):
        if runs and line == runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([line, line + 1])
    bar = "linear-gradient(var(--new-bar), var(--new-bar))"
    return ", ".join(
        f"{bar} 0 calc(1rem + {a * NEW_LINE_EM}em) / 4px {(b - a) * NEW_LINE_EM}em no-repeat"
        for a, b in runs
    )


def question_html(quiz: str, number: int, question: dict[str, Any]) -> str:
    name = f"{quiz}-{number}"
    home = "" if question.get("timed") else " <small>(take home)</small>"
    ask = f"<legend>{number}. {inline(question['ask'])}{home}</legend>"
    if "model" in question:
        points = "".join(f"<li>{inline(point)}</li>" for point in question["points"])
        return (
            f"<fieldset>{ask}<p><label>Your answer<textarea></textarea></label></p>"
            f"<details><summary>Compare with ours</summary><p>{inline(question['model'])}</p>"
            f"<p>Does yours say that:</p><ul>{points}</ul></details></fieldset>"
        )
    choices, reasons = [], []
    for i, choice in enumerate(question["choice"]):
        right = bool(choice.get("right"))
        id_ = f"{name}-{i}"
        choices.append(
            f'<p><input type="radio" name="{name}" id="{id_}" data-right="{int(right)}">'
            f'<label for="{id_}"> {inline(choice["text"])}</label></p>'
        )
        verdict = f"<strong>{'Right' if right else 'No'}.</strong> {inline(choice['why'])}"
        reasons.append(f"<li>{inline(choice['text'])}<br>{verdict}</li>")
    return (
        f'<fieldset>{ask}{"".join(choices)}<p class="verdict" role="status"></p>'
        f"<details><summary>Every choice explained</summary><ul>{''.join(reasons)}</ul>"
        "</details></fieldset>"
    )


def inline(text: str) -> str:
    """`code` and *emphasis*; the rest as it is."""
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def schedule(pages: list[Page]) -> list[str]:
    lines = ["| session | page | minutes |", "|---|---|---|"]
    total: dict[str, int] = {}
    for page in pages:
        if page.session:
            link = page.path
            lines.append(f"| {page.session} | [{page.chapter['name']}]({link}) | {page.minutes} |")
            total[page.session] = total.get(page.session, 0) + page.minutes
    return lines + [f"| **{s}** | **together** | **{minutes}** |" for s, minutes in total.items()]
