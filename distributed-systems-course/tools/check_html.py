"""The book as mdBook made it: no mark left, no link that leads nowhere, no picture without words.

Why not mdbook-linkcheck2 0.12.2: run by itself it reads the pages' sources, before our
preprocessor. It takes Mermaid's `[*]` for links, sees none of those that we write (schedule, code,
quizzes) nor any in HTML, and does not look whether `page.md#part` has such a part.
"""

import hashlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SKIPPED = {"404.html"}  # has a base of its own
DERIVED = {"index.html", "print.html", "toc.html"}  # made of the others
WORLD = {"http", "https", "mailto"}


class Html(HTMLParser):
    """What is asked of one file, in one pass: each with its line."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: set[str] = set()
        self.links: list[tuple[int, str]] = []
        self.loads: list[tuple[int, str]] = []  # scripts, styles, pictures: fetched with the page
        self.wrong: list[tuple[int, str]] = []
        self.mermaid: tuple[int, str] | None = None
        self.diagrams = 0
        self.svg: tuple[int, set[str]] | None = None
        self.in_pre = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        line = self.getpos()[0]
        if "id" in known:
            self.ids.add(known["id"])
        if tag == "a" and "name" in known:
            self.ids.add(known["name"])
        if tag == "a" and "href" in known:
            self.links.append((line, known["href"]))
        elif tag in ("script", "img", "iframe") and "src" in known:
            self.loads.append((line, known["src"]))
        elif tag == "link" and known.get("rel") in ("stylesheet", "icon", "shortcut icon"):
            self.loads.append((line, known.get("href", "")))
        if tag == "img" and not known.get("alt", "").strip():
            self.wrong.append((line, "a picture without words (alt)"))
        self.start_of_block(tag, known, line)

    def start_of_block(self, tag: str, known: dict[str, str], line: int) -> None:
        if tag == "pre":
            self.in_pre = True
            if "mermaid" in known.get("class", "").split():
                self.mermaid = (line, "")
                self.diagrams += 1
        elif tag == "code" and self.in_pre and "language-" not in known.get("class", ""):
            self.wrong.append((line, "a code block of no language: it is no include"))
        elif tag == "svg" and known.get("role") == "img":
            self.svg = (line, set())
        elif self.svg and tag in ("title", "desc"):
            self.svg[1].add(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self.in_pre = False
            if self.mermaid and not all(w in self.mermaid[1] for w in ("accTitle:", "accDescr:")):
                self.wrong.append((self.mermaid[0], "a diagram without accTitle and accDescr"))
            self.mermaid = None
        elif tag == "svg" and self.svg:
            if self.svg[1] != {"title", "desc"}:
                self.wrong.append((self.svg[0], "a diagram without title and desc"))
            self.svg = None

    def handle_data(self, data: str) -> None:
        if self.mermaid:
            self.mermaid = (self.mermaid[0], self.mermaid[1] + data)
        if "{{#" in data:
            line = self.getpos()[0] + data[: data.index("{{#")].count("\n")
            self.wrong.append((line, "{{# is left of a mark"))


def check(book: Path, course: Path, mermaid_sha256: str) -> Iterator[str]:
    files = {p: Html(p) for p in sorted(book.rglob("*.html")) if p.name not in SKIPPED}
    if not files:
        yield f"{book.name}:1: there is no HTML"
    for derived in (False, True):
        wrong: list[str] = []
        for path, html in files.items():
            if (path.name in DERIVED) == derived:
                wrong += check_file(path, html, Place(path, book, course), files, course.parent)
        yield from wrong
        if wrong:
            break  # those made of them would only repeat it
    script = book / "assets/mermaid.min.js"
    drawn = script.is_file() and hashlib.sha256(script.read_bytes()).hexdigest() == mermaid_sha256
    if any(html.diagrams for html in files.values()) and not drawn:
        why = "is not there, or not the pinned one: no diagram is drawn"
        yield f"book/assets/mermaid.min.js:1: {why}"


def check_file(
    path: Path, html: Html, place: "Place", files: dict[Path, Html], repository: Path
) -> Iterator[str]:
    for line, why in html.wrong:
        yield f"{place.of('{{#', line)}: {why}"
    for line, link in html.links:
        if why := broken(link, path, files, repository):
            yield f"{place.of(link, line)}: {why}"
    for line, link in html.loads:
        if urlsplit(link).scheme or link.startswith("//"):
            yield f"{place.of(link, line)}: loads {link} from another place"
        elif why := broken(link, path, files, repository):
            yield f"{place.of(link, line)}: {why}"


def broken(link: str, path: Path, files: dict[Path, Html], repository: Path) -> str:
    """Why a link leads nowhere, or nothing. What is in the world is not asked for."""
    parts = urlsplit(link)
    if parts.scheme in WORLD:
        return "" if parts.netloc or parts.path else f"the link {link} names no host"
    if parts.scheme or parts.netloc:
        return f"the link {link} is of no kind that we know"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists() or not target.is_relative_to(repository.resolve()):
        return f"the link {link} leads nowhere"
    is_ours = parts.fragment and target in files
    if is_ours and unquote(parts.fragment) not in files[target].ids:
        return f"the link {link} leads to a page without that part"
    return ""


class Place:
    """Where something in the HTML comes from: the line of the source, if it is found there."""

    def __init__(self, path: Path, book: Path, course: Path) -> None:
        self.html = f"book/{path.relative_to(book)}"
        source = path.relative_to(book).with_suffix(".md")
        self.name = f"src/{source}"
        file = course / "src" / source
        self.lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []

    def of(self, what: str, html_line: int) -> str:
        what = what.replace(".html", ".md")
        for number, line in enumerate(self.lines, start=1):
            if what in line:
                return f"{self.name}:{number}"
        return f"{self.html}:{html_line}"
