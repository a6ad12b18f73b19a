"""The page that collects what a reader got wrong, and how far they have come: {{#progress}}.

All that the book asks stands in it, hidden; theme/missed.js shows what the browser remembers. So it
works from file://, where a page cannot look into another.
"""

import hashlib
import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from inline import inline

MARK = "{{#progress}}"
KINDS = {"g": "objectives", "p": "predictions", "q": "questions"}


@dataclass
class Asked:
    """Something that a page asks of its reader."""

    id: str  # begins with its kind
    ask: str
    choices: list[dict[str, Any]] = field(default_factory=list)
    points: list[str] = field(default_factory=list)
    told: str = ""  # PAGE.md#HEADING


def goal(path: str, text: str) -> str:
    return "g-" + hashlib.sha256(f"{path}\n{text}".encode()).hexdigest()[:10]


def pictured(path: str, asks: list[dict[str, Any]]) -> list[Asked]:
    """What a picture asks: a prediction, too. Each of the asks is told its `id`."""
    for one in asks:
        texts = [path, one["ask"], *(choice["text"] for choice in one["choices"])]
        one["id"] = "p-" + hashlib.sha256("\n".join(texts).encode()).hexdigest()[:10]
    return [Asked(one["id"], one["ask"], one["choices"]) for one in asks]


def anchors(asked: list[Asked]) -> str:
    """Where the links to what a picture asks lead."""
    return "".join(f'<span class="asked-here" id="{one.id}"></span>' for one in asked)


def progress_html(pages: list[Any], to_root: str) -> str:
    asking = [page for page in pages if page.asked]
    parts = [
        "## What to look at again\n",
        '<div class="progress">',
        '<p class="without-script">Your browser runs no JavaScript for this page: nothing that you'
        " answer is remembered, and so nothing is collected here.</p>",
        '<div class="missed-list" hidden>',
        *(missed(page, one, to_root) for page in asking for one in page.asked if one.id[0] != "g"),
        '</div><p class="missed-none" role="status"></p></div>\n',
        "## How far I have come\n",
        '<div class="table-wrapper"><table class="come-far"><thead><tr><th>page</th>',
        *(f"<th>{name}</th>" for name in KINDS.values()),
        "</tr></thead><tbody>",
        *(row(page, to_root) for page in asking),
        "</tbody></table></div>\n",
        '<div class="forget"></div>',
    ]
    return "\n".join(parts) + "\n"


def row(page: Any, to_root: str) -> str:
    cells = []
    for kind in KINDS:
        ids = [one.id for one in page.asked if one.id[0] == kind]
        cells.append(f'<td data-all="{" ".join(ids)}">{len(ids)}</td>')
    link = f'<a href="{to_root}{page_html(page)}">{html.escape(page.chapter["name"])}</a>'
    return f"<tr><td>{link}</td>{''.join(cells)}</tr>"


def page_html(page: Any) -> str:
    return html.escape(page.path.removesuffix(".md") + ".html")


def missed(page: Any, one: Asked, to_root: str) -> str:
    here = f"{to_root}{page_html(page)}#{one.id}"
    told = one.told.replace(".md#", ".html#")
    again = f'<a href="{here}">Go to the question</a>'
    again += f' <a href="{to_root}{html.escape(told)}">Read about it again</a>' if told else ""
    name = html.escape(page.chapter["name"])
    return "".join(
        [
            f'<section class="missed" data-missed="{one.id}" hidden><h3>{inline(one.ask)}</h3>',
            f'<p class="missed-where">{name}</p><p class="missed-said" hidden></p>',
            "<ul>",
            *answers(one),
            f'</ul><p class="missed-links">{again}</p></section>',
        ]
    )


def answers(one: Asked) -> Iterator[str]:
    for i, choice in enumerate(one.choices):
        right = ' data-right="1"' if choice.get("right") else ""
        why = f' <span class="why">{inline(choice["why"])}</span>' if "why" in choice else ""
        text = f'<span class="text">{inline(choice["text"])}</span>'
        yield f'<li data-choice="{i}"{right} hidden>{text}{why}</li>'
    for i, point in enumerate(one.points):
        yield f'<li data-point="{i}" hidden>{inline(point)}</li>'
