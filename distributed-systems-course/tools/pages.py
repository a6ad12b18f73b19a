"""One page of the book: its front matter, and its Markdown with our marks made into mdBook's.

While it renders, a page takes down what it shows (`shown`) and how many words are read on its timed
path, for check_book.py to judge.
"""

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bars
import cluster
import openers
import predictions
import progress
import quiz_rules
import quizzes
import spacetime
import teach
import transcripts
from cuts import LANGUAGES, BookError, cut, new_lines
from inline import inline

FOLDED = {
    "hint": "Hint",
    "solution": "Solution",
    "take-home": "Take home",
    "instructor": "For the instructor",
}
AT_HOME = {"take-home", "instructor"}  # not on the timed path
TAB_NAMES = {"typescript": "TypeScript", "python": "Python"}
FRONT = {"session", "minutes", "at-home", "objectives", "long-page", "long-code"}
SIMULATOR = "our own simulator, with the real nodes in it"
MARK = re.compile(r"\{\{#(code|transcript|quiz|schedule|progress|teach|slides)\s*([^}]*)\}\}")
RUN = re.compile(r"(events|trace|bars) [\w.-]+$")
NEW_LINE_EM = 1.5  # the line height that theme/course.css gives to code


@dataclass
class Shown:
    """Something that is no prose: where it stands, and what it is made of."""

    line: int
    kind: str  # code, transcript, fence, diagram or quiz
    name: str
    lines: list[str]
    files: list[Path]  # what is shown, or was run
    timed: bool
    seconds: float = 0.0


class Page:
    def __init__(self, book: Path, chapter: dict[str, Any]) -> None:
        self.book, self.chapter = book, chapter
        self.path, self.source = chapter["path"], chapter["content"]
        self.front, self.body, self.offset = split_front_matter(chapter["content"])
        self.session = str(self.front.get("session", ""))
        self.minutes = int(self.front.get("minutes", 0))
        self.to_root = "../" * self.path.count("/")
        self.shown: list[Shown] = []
        self.whole = False  # rendered to its end
        self.words = self.words_timed = 0
        self.prose: list[str] = []  # what is read, in its order
        self.asked: list[progress.Asked] = []
        self.headings: dict[str, int] = {}  # by mdBook's id for them, their lines
        self.folds: list[str] = []  # the blocks around the line that is being rendered
        self.tab = ""  # its name, inside tabs

    def fail(self, number: int, why: str) -> BookError:
        return BookError(f"src/{self.path}:{number + self.offset}: {why}")

    def front_line(self, key: str) -> str:
        """Where a key of the front matter stands, as `src/page.md:3`."""
        lines = self.source.splitlines()
        found = (i for i, line in enumerate(lines, start=1) if line.startswith(f"{key}:"))
        return f"src/{self.path}:{next(found, 1)}"

    def render(self, pages: list["Page"]) -> str:
        self.pages = pages
        if unknown := set(self.front) - FRONT:
            key = sorted(unknown)[0]
            raise BookError(f"{self.front_line(key)}: front matter has no {key!r}")
        out: list[str] = []
        self.render_lines(self.body.splitlines(), 1, out)
        for text in self.front.get("objectives", []):
            self.count(text)
        self.whole = True
        return "\n".join(out) + "\n"

    # -- what is taken down ------------------------------------------------------------------------

    def timed(self) -> bool:
        """Whether it is read in the session: not at home, and of two tabs only one."""
        return not AT_HOME & set(self.folds) and self.tab in ("", "TypeScript")

    def count(self, text: str) -> None:
        """The words that a reader reads: neither marks nor the address of a link."""
        text = re.sub(r"\]\([^)]*\)|<[^>]*>", " ", MARK.sub(" ", text))
        words = word_count(text)
        self.prose.append(text)
        self.words += 0 if "instructor" in self.folds else words
        self.words_timed += words if self.timed() else 0

    def show(self, number: int, kind: str, name: str, lines: list[str], **more: Any) -> None:
        files = more.pop("files", [])
        line = number + self.offset
        self.shown.append(Shown(line, kind, name, lines, files, self.timed(), **more))

    # -- blocks ------------------------------------------------------------------------------------

    def render_lines(self, lines: list[str], first: int, out: list[str]) -> None:
        at = 0
        while at < len(lines):
            line, number = lines[at], first + at
            opened = re.match(r":::([a-z-]+)\s*(.*)$", line)
            if line.startswith("```"):
                end = self.fence_end(lines, at, number)
                self.show(number, "fence", line[3:].strip(), lines[at + 1 : end])
                out += lines[at : end + 1]
                at = end
            elif opened:
                end = self.block_end(lines, at, number)
                self.render_block(opened[1], opened[2], lines[at + 1 : end], number + 1, out)
                at = end
            else:
                self.count(line)
                if heading := re.match(r"#+ (.*)", line):
                    self.headings[quiz_rules.slug(heading[1])] = number + self.offset
                out.append(MARK.sub(lambda m, n=number: self.mark(m, n), line))
                if line.startswith("# "):
                    out += openers.opener(self, self.pages)
                if line.startswith("# ") and self.front.get("objectives"):
                    out += ["", *self.objectives()]
            at += 1

    def fence_end(self, lines: list[str], at: int, number: int) -> int:
        for i in range(at + 1, len(lines)):
            if lines[i].startswith("```"):
                return i
        raise self.fail(number, "this ``` has no end")

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
            self.folds.append(kind)
            self.count(title)
            label = f'<span class="fold-kind">{FOLDED[kind]}</span>'
            name = label + (f" {inline(title)}" if title else "")
            out += [f'<details class="{kind}">', f"<summary>{name}</summary>", ""]
            self.render_lines(lines, first, out)
            out += ["", "</details>", ""]
            self.folds.pop()
        elif kind == "predict":
            self.render_prediction(title, lines, first, out)
        elif kind == "tabs":
            self.render_tabs(lines, first, out)
        elif kind == "diagram":
            self.render_diagram(title, lines, first, out)
        elif kind == "cluster":
            self.render_cluster(title, lines, first, out)
        else:
            raise self.fail(first - 1, f"there is no block :::{kind}")

    def render_prediction(self, title: str, lines: list[str], first: int, out: list[str]) -> None:
        try:
            made = predictions.read(title, lines, first)
            for number, why in predictions.unfair(made, quiz_rules.words(" ".join(self.prose))):
                raise ValueError(number, why)
        except ValueError as error:
            raise self.fail(*error.args) from error
        self.count(made.ask)
        if self.timed():  # like a quiz: not part of the page's length, but of its time
            self.words_timed += word_count(made.words()) - word_count(made.ask)
        self.show(first - 1, "predict", title, [])
        self.asked.append(progress.Asked(made.identity(), made.ask, made.choices))
        out += [predictions.head(made), "<details><summary>What happens</summary>", ""]
        self.render_lines(lines[made.rest :], first + made.rest, out)
        out += ["", "</details></section>", ""]

    def render_tabs(self, lines: list[str], first: int, out: list[str]) -> None:
        starts = [i for i, line in enumerate(lines) if line.startswith("== ")]
        if len(starts) < 2 or any(line.strip() for line in lines[: starts[0]]):
            raise self.fail(first, "tabs need two parts or more, each begun by == NAME")
        out += ['<div class="tabs">']
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            self.tab = lines[start][3:].strip()
            out += tab_head(self.tab)
            self.render_lines(lines[start + 1 : end], first + start + 1, out)
            out += ["", "</section>"]
        self.tab = ""
        out += ["</div>", ""]

    def render_diagram(self, title: str, lines: list[str], first: int, out: list[str]) -> None:
        if "---" not in lines or not title:
            raise self.fail(first, "a diagram needs a title, words, a line ---, and its source")
        middle = lines.index("---")
        words = " ".join(line.strip() for line in lines[:middle]).strip()
        source = [line for line in lines[middle + 1 :] if line.strip()]
        if len(words) < 40 or not source:
            raise self.fail(first, "say in words (before ---) what the diagram shows")
        self.count(f"{title} {words}")
        number = sum(one.kind == "diagram" for one in self.shown) + 1
        plays = ""
        if RUN.match(source[0]):
            picture, files = self.picture_of_run(source, title, words, first + middle + 1, number)
            plays = "" if source[0].startswith("bars ") else ' data-play="lanes"'
        else:
            kind, *rest = source
            access = [f"    accTitle: {title}", f"    accDescr: {words.replace(';', ',')}"]
            text = html.escape("\n".join([kind, *access, *rest]), quote=False)
            picture, files = f'<pre class="mermaid">{text}</pre>', []
        self.show(first - 1, "diagram", title, source, files=files)
        out += [f'<figure class="diagram"{plays}>{picture}']
        out += [f"<figcaption><strong>{html.escape(title)}.</strong>"]
        out += [html.escape(words) + self.drawn_from(files), "</figcaption></figure>", ""]

    def render_cluster(self, title: str, lines: list[str], first: int, out: list[str]) -> None:
        middle = lines.index("---") if "---" in lines else len(lines)
        words = " ".join(line.strip() for line in lines[:middle]).strip()
        named = " ".join(lines[middle + 1 :]).strip()
        if not title or len(words) < 40 or not named:
            why = "a cluster needs a title, what one sees in words, a line ---, and a world"
            raise self.fail(first - 1, why)
        self.count(f"{title} {words}")
        try:
            inside, asked, file = cluster.figure(
                self.book, named, title, words, self.path, len(self.shown)
            )
        except (LookupError, OSError, ValueError) as error:
            raise self.fail(first + middle + 1, said(error)) from error
        self.take_asked(asked)
        self.show(first - 1, "cluster", title, [named], files=[file])
        out += [f'<figure class="diagram" data-play="cluster">{inside}']
        out += [f"<figcaption><strong>{html.escape(title)}.</strong>"]
        simulator = self.link(self.book.parent / "src/sim", SIMULATOR)
        out += [f"{html.escape(words)} It runs in {simulator}."]
        out += ["</figcaption></figure>", ""]

    def picture_of_run(
        self, source: list[str], title: str, words: str, line: int, number: int
    ) -> tuple[str, list[Path]]:
        name = f"run-{Path(self.path).stem}-{number}"
        try:
            if source[0].startswith("bars "):
                drawn, log = bars.of_page(self.book, source[0].split()[1], title, words, name)
                return f'<div class="picture">{drawn}</div>', [log]
            run, log = spacetime.of_page(self.book, source)
        except (LookupError, OSError, ValueError) as error:
            raise self.fail(line, said(error)) from error
        asked = progress.pictured(self.path, list(run.asks.values()))
        self.take_asked(asked)
        return progress.anchors(asked) + spacetime.figure(run, title, words, name), [log]

    def take_asked(self, asked: list[progress.Asked]) -> None:
        """What a picture asks is no part of the page's length, but of its time."""
        self.asked += asked
        if self.timed():
            texts = [text for one in asked for text in (one.ask, *(c["text"] for c in one.choices))]
            self.words_timed += word_count(" ".join(texts))

    def drawn_from(self, files: list[Path]) -> str:
        links = [self.link(path, "log of a real run") for path in files]
        return "".join(f" Drawn from the {link}." for link in links)

    def link(self, path: Path, text: str) -> str:
        """To a file of the repository, from the page as it lies in book/."""
        place = self.to_root + "../../" + path.relative_to(self.book.parent).as_posix()
        return f'<a href="{html.escape(place)}">{html.escape(text)}</a>'

    # -- marks -------------------------------------------------------------------------------------

    def mark(self, match: re.Match[str], number: int) -> str:
        name, rest = match[1], match[2].split()
        try:
            if name == "schedule":
                return "\n".join(schedule(self.pages))
            if name == "progress":
                return progress.progress_html(self.pages, self.to_root)
            if not rest:
                raise LookupError(f"{{{{#{name}}}}} of what?")
            if name in ("teach", "slides"):
                return teach.made(name, rest[0], self.pages, self.to_root)
            make = {"code": self.code, "transcript": self.transcript, "quiz": self.quiz}[name]
            return make(rest, number)
        except (LookupError, OSError, ValueError) as error:
            raise self.fail(number, said(error)) from error

    def code(self, words: list[str], number: int) -> str:
        name, _, place = words[0].partition(":")
        root = self.book if not name.startswith("src/") else self.book.parent
        path = root / name if name.startswith("src/") else root / "examples" / name
        options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        places = [place, *(word for word in words[1:] if "=" not in word)]
        lines = together([cut(path, place) for place in places])
        language = LANGUAGES.get(path.suffix, "dockerfile" if path.stem == "Dockerfile" else "text")
        style, legend = "", ""
        if "since" in options:
            earlier = self.book / "examples" / options["since"]
            new = new_lines(lines, together([dedented(earlier, place) for place in places]))
            style = f' style="--new: {gradients(new)}"' if new else ""
            legend = '<p class="code-new">A bar marks the lines that are new.</p>' if new else ""
        self.show(number, "code", words[0], lines, files=[path])
        return "\n".join(
            [f'<div class="code"{style}>{legend}', "", f"```{language}", *lines, "```", ""]
            + [f'<p class="code-from">{self.link(path, name)}</p>', "</div>", ""]
        )

    def transcript(self, words: list[str], number: int) -> str:
        """What a run printed; of a program in two languages, both runs, in tabs or in the one that
        this stands in."""
        runs = transcripts.of_name(self.book, words[0])
        inside = [run for run in runs if TAB_NAMES.get(run.language) == self.tab]
        runs = (inside or runs[:1]) if self.tab else runs
        first = True
        parts: list[str] = []
        for run in runs:
            lines = run.lines()
            if first:
                more = {"files": run.files(), "seconds": run.seconds()}
                self.show(number, "transcript", words[0], lines, **more)
            first = False
            block = ['<div class="transcript">', "", "```console", *lines, "```", "", "</div>"]
            if len(runs) > 1:
                block = [*tab_head(TAB_NAMES[run.language]), *block, "", "</section>"]
            parts += block
        return "\n".join(
            ['<div class="tabs">', *parts, "</div>", ""] if len(runs) > 1 else [*parts, ""]
        )

    def quiz(self, words: list[str], number: int) -> str:
        path = self.book / "quizzes" / f"{words[0]}.toml"
        questions = quizzes.load(path)
        for question in questions:  # which is not part of the page's length, but of its time
            if question.get("timed") and self.timed():
                self.words_timed += word_count(quizzes.words_of(question))
        self.show(number, "quiz", words[0], [], files=[path])
        self.asked += [quizzes.asked(question) for question in questions]
        more = [
            f"\nYour answers are kept: [{page.chapter['name']}]({self.to_root}{page.path}).\n"
            for page in self.pages
            if progress.MARK in page.body
        ]
        return "## Questions\n\n" + quizzes.quiz_html(questions, self.to_root) + "".join(more)

    def objectives(self) -> list[str]:
        goals = [progress.Asked(progress.goal(self.path, t), t) for t in self.front["objectives"]]
        self.asked += goals
        boxes = [
            f'<p><label><input type="checkbox" data-asked="{one.id}"> {inline(one.ask)}</label></p>'
            for one in goals
        ]
        return ['<div class="objectives">', "<p>After this page you can</p>", *boxes, "</div>", ""]


def word_count(text: str) -> int:
    return len(re.findall(r"[^\W_]+(?:['’.-][^\W_]+)*", text))


def said(error: Exception) -> str:
    """A file that is not there is said without the place of this checkout."""
    if isinstance(error, FileNotFoundError):
        return f"there is no file {Path(error.filename).name}"
    return str(error.args[0]) if isinstance(error, KeyError) else str(error)


def tab_head(name: str) -> list[str]:
    name = html.escape(name)
    return [
        f'<section class="tab" data-tab="{name}">',
        f'<p class="tab-name"><strong>{name}</strong></p>',
        "",
    ]


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


def schedule(pages: list[Page]) -> list[str]:
    """The pages of each session, and under them what they take together."""
    lines = ["| session | page | minutes |", "|---|---|---|"]
    for session in dict.fromkeys(page.session for page in pages if page.session):
        mine = [page for page in pages if page.session == session]
        for page in mine:
            link = f"[{page.chapter['name']}]({page.path})"
            lines.append(f"| {session} | {link} | {page.minutes} |")
        lines.append(f"| | **together** | **{sum(page.minutes for page in mine)}** |")
    return lines
