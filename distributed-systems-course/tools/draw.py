#!/usr/bin/env python3
"""Draws a run of your own, as the book draws its runs: one HTML file that holds all it needs.

    draw.py EVENTS PAGE [--title TITLE]     EVENTS: JSON lines (events.py), or - for stdin

The picture plays where esbuild is there (apt-get install esbuild), and stands still elsewhere.
"""

import argparse
import html
import sys
import tempfile
from pathlib import Path

if sys.version_info < (3, 11):  # as all of the course's tools; ./shop gets by with less
    sys.exit(f"draw: needs Python 3.11 or newer, and this is {sys.version.split()[0]}")

import bundle  # noqa: E402 (needs it)
import spacetime  # noqa: E402
from events import read_events  # noqa: E402

COURSE = Path(__file__).resolve().parents[1]
EVENTS_MAX = 1000  # what a browser plays without a hitch, and then some
STYLES = ("palette", "play/page", "play/still", "play/play")
DARK = (
    "if (matchMedia('(prefers-color-scheme: dark)').matches)"
    " document.documentElement.className = 'navy'"
)


def page(run: spacetime.Run, title: str, script: str) -> str:
    words = (
        f"{len(run.steps)} steps between {', '.join(run.lanes[:-1])} and {run.lanes[-1]}; "
        "time runs downwards"
    )
    styles = "".join((COURSE / f"theme/{name}.css").read_text() for name in STYLES)
    plays = ' data-play="lanes"' if script else ""
    name, script = html.escape(title), script.replace("</script", "<\\/script")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{styles}</style>
<script>{DARK}</script>
</head>
<body>
<main>
<h1>{name}</h1>
<figure class="diagram"{plays}>{spacetime.figure(run, title, words, "run")}
<figcaption><strong>{name}.</strong> {html.escape(words)}.</figcaption>
</figure>
</main>
<script>{script}</script>
</body>
</html>
"""


def script_of_play() -> str:
    """Nothing, with a word of why, where it cannot be had."""
    try:
        return bundle.bundle(COURSE / "theme/play/main.ts").decode()
    except bundle.NotBundled as error:
        print(f"draw: {error}: the picture stands still", file=sys.stderr)
        return ""


def run_of(source: str) -> spacetime.Run:
    if source != "-":
        return spacetime.run_of(read_events(Path(source)), {}, [], EVENTS_MAX)
    with tempfile.TemporaryDirectory(prefix="draw-") as place:
        path = Path(place) / "stdin"
        path.write_text(sys.stdin.read())
        return spacetime.run_of(read_events(path), {}, [], EVENTS_MAX)


def main() -> int:
    parser = argparse.ArgumentParser(description="Draws a run of your own, as one HTML file.")
    parser.add_argument("events", help="JSON lines; - for stdin")
    parser.add_argument("page", type=Path)
    parser.add_argument("--title", default="A run of yours")
    options = parser.parse_args()
    try:
        options.page.write_text(page(run_of(options.events), options.title, script_of_play()))
    except (LookupError, ValueError, OSError) as error:
        print(f"draw: {error}", file=sys.stderr)
        return 1
    print(f"{options.page}: open it in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
