"""How a page of a session opens: where it stands in the session's ninety minutes, what else belongs
to it, and how far the reader has come. theme/face.js fills in the last, from the objectives ticked.
"""

import html
import re
from typing import Any

import progress
from inline import inline


def session_of(page: Any) -> str:
    """Of a page to take home, too; empty where it belongs to none."""
    found = re.match(r"Session (\d+)", str(page.front.get("at-home", "")))
    return page.session or (found[1] if found else "")


def where(page: Any) -> str:
    if page.session:
        return f"Session {page.session}, {page.minutes} of its 90 minutes"
    return str(page.front.get("at-home", ""))


def name_of(page: Any) -> str:
    return re.sub(r"^(Session \d+|Take home): ", "", page.chapter["name"])


def opener(page: Any, pages: list[Any]) -> list[str]:
    """What stands under a page's title; nothing where it is part of no session."""
    session, said = session_of(page), inline(where(page))
    if not session:
        return ["", f'<p class="page-meta">{said}</p>', ""] if said else []
    mine = [one for one in pages if session_of(one) == session]
    return [
        "",
        f'<nav class="session-map" aria-label="The pages of session {session}">'
        f'<p class="page-meta">{said}</p>',
        *parts([one for one in mine if one.session], page, "map-timed"),
        *parts([one for one in mine if not one.session], page, "map-home"),
        "</nav>",
        "",
    ]


def parts(mine: list[Any], here: Any, kind: str) -> list[str]:
    if not mine:
        return []
    items, minute = [], 0
    for one in mine:
        span = f"{minute} to {minute + one.minutes}" if one.session else "take home"
        minute += one.minutes
        items.append(item(one, here, span))
    return [f'<ul class="{kind}">', *items, "</ul>"]


def item(page: Any, here: Any, span: str) -> str:
    goals = [progress.goal(page.path, text) for text in page.front.get("objectives", [])]
    link = here.to_root + page.path.removesuffix(".md") + ".html"
    current = ' aria-current="page"' if page is here else ""
    return (
        f'<li style="--minutes: {page.minutes}" data-goals="{" ".join(goals)}">'
        f'<a href="{html.escape(link)}"{current}><span class="map-name">'
        f"{html.escape(name_of(page))}</span> "
        f'<span class="map-minutes">{span}</span></a></li>'
    )
