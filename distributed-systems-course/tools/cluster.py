#!/usr/bin/env python3
"""Clusters that one plays with: the project's own simulator in the page (theme/play/cluster.ts).

worlds/NAME.toml says how a world begins and what is asked about it; worlds/NAME.json how the nodes
of a run stood then, which is the still picture: for paper, and for who has no WebAssembly.

    system = "queue"                  one with hands (src/sim/hand.h)
    nodes = 3                         1, 3 or 5
    seed = 7
    options = ""                      src/web/page.h
    begin = ["until calm", "put leader seat 11"]    goals and orders, before anything is shown
    lives = true                      it plays by itself while it is in sight (the cover)
    [[acts]]                          any number, one after the other
    ask = "..."                       before it happens
    do = ["kill leader"]              leader, follower, other: nodes by what they are then
    until = "leader"                  when it is settled: leader, answer, calm
    holds = ["another leads"]         what must be true then, of 20 seeds (test/web/claims.ts)
    [[acts.choices]]
    text = "..."
    right = true                      of one of them
    why = "..."                       said when it is settled

    python3 tools/cluster.py MODULE   opens them all, and writes worlds/*.json; MODULE is what
                                      tools/wasm makes
"""

import html
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import progress

COURSE = Path(__file__).resolve().parents[1]
KEYS = {"system", "nodes", "seed", "options", "begin", "lives", "acts"}
ACT_KEYS = {"ask", "do", "until", "holds", "choices"}
GOALS = {"leader", "answer", "calm"}
MODULE = "assets/world.js"
WIDTH = 760
CARD_W, CARD_H = 190, 108
PLANS = {
    1: (300, [(532, 150)], (167, 150)),
    3: (440, [(380, 70), (120, 350), (640, 350)], (380, 270)),
    5: (600, [(380, 70), (640, 245), (600, 520), (160, 520), (120, 245)], (380, 330)),
}
ENTRIES_MAX = 6


def load(course: Path, name: str) -> dict[str, Any]:
    """The scene of worlds/NAME.toml. Raises LookupError or ValueError, saying what is wrong."""
    path = course / "worlds" / f"{name}.toml"
    if not path.is_file():
        raise LookupError(f"there is no world {name}")
    try:
        scene = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"worlds/{name}.toml: {error}") from error
    if wrong := mistake(scene):
        raise ValueError(f"worlds/{name}.toml: {wrong}")
    return {"options": "", "begin": [], "acts": [], **scene}


def mistake(scene: dict[str, Any]) -> str:
    if missing := {"system", "nodes", "seed"} - set(scene):
        return f"{sorted(missing)[0]!r} is missing"
    if unknown := set(scene) - KEYS:
        return f"a world has no {sorted(unknown)[0]!r}"
    if not isinstance(scene.get("lives", False), bool):
        return "lives is true or false"
    if scene["nodes"] not in PLANS:
        return "a world has 1, 3 or 5 nodes"
    for number, act in enumerate(scene.get("acts", []), start=1):
        if set(act) != ACT_KEYS:
            return f"act {number} needs {', '.join(sorted(ACT_KEYS))}, and nothing else"
        if act["until"] not in GOALS:
            return f"act {number} ends with {', '.join(sorted(GOALS))}"
        choices = act["choices"]
        if len(choices) < 2 or sum(bool(one.get("right")) for one in choices) != 1:
            return f"act {number} needs two choices or more, and one of them is right"
        if not all(set(one) <= {"text", "right", "why"} and one.get("text") for one in choices):
            return f"a choice of act {number} has text, right, why"
    return ""


def page_data(scene: dict[str, Any]) -> str:
    """For theme/play, as it stands in a <script>."""
    acts = [
        {
            "ask": {
                "ask": act["ask"],
                **({"id": act["id"]} if "id" in act else {}),
                "choices": [{"right": False, **one} for one in act["choices"]],
            },
            "do": act["do"],
            "until": act["until"],
            "holds": act["holds"],
        }
        for act in scene["acts"]
    ]
    said = {"scene": {**scene, "acts": acts}, "module": MODULE}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


# --- the still picture ----------------------------------------------------------------------------


def still(nodes: list[dict[str, Any]], title: str, words: str, number: str) -> str:
    height, places, centre = PLANS[len(nodes)]
    parts = []
    for i, (x, y) in enumerate(places):
        for to in [centre, *places[i + 1 :]]:
            kind = "cluster-link to-client" if to == centre else "cluster-link"
            parts.append(f'<line class="{kind}" x1="{x}" y1="{y}" x2="{to[0]}" y2="{to[1]}"/>')
    parts.append(card(*centre, 120, 40) + text(*centre, "clients", "cs-name", 6))
    for node, (x, y) in zip(nodes, places, strict=True):
        parts.append(node_card(node, x, y))
    return (
        f'<svg class="cluster-drawn" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-labelledby="{number}-title {number}-desc" style="--wide: {WIDTH}px">'
        f'<title id="{number}-title">{html.escape(title)}</title>'
        f'<desc id="{number}-desc">{html.escape(words)}</desc>{"".join(parts)}</svg>'
    )


def card(x: float, y: float, width: float, height: float, kind: str = "") -> str:
    return (
        f'<rect class="cs-card {kind}" x="{x - width / 2:.0f}" y="{y - height / 2:.0f}" '
        f'width="{width}" height="{height}" rx="8"/>'
    )


def text(x: float, y: float, said: str, kind: str, below: float = 0.0) -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y + below:.0f}">{html.escape(said)}</text>'


def node_card(node: dict[str, Any], x: float, y: float) -> str:
    role = node.get("role", "down") if node["up"] else "down"
    vote = f"node {node['vote']}" if node.get("vote") else "nobody"
    mark = "★ " if role == "leader" else ""
    out = [
        card(x, y, CARD_W, CARD_H, role),
        text(x, y - 32, f"{mark}node {node['id']}, {role}", "cs-name"),
        text(x, y - 10, f"term {node.get('term', 0)}, voted for {vote}", "cs-fact"),
        text(x, y + 10, f"holds {node.get('holds', 'nothing')}", "cs-fact"),
    ]
    entries = node.get("log", [])[-ENTRIES_MAX:]
    left = x - 14 * (len(entries) - 1)
    for i, entry in enumerate(entries):
        kind = "cs-entry" if entry["index"] <= node.get("commit", 0) else "cs-entry open"
        at = left + 28 * i
        out.append(
            f'<rect class="{kind}" x="{at - 12:.0f}" y="{y + 22:.0f}" width="24" height="22"/>'
        )
        out.append(text(at, y + 38, str(entry["index"]), "cs-index"))
    return "".join(out)


def figure(
    course: Path, name: str, title: str, words: str, page: str, number: int
) -> tuple[str, list[progress.Asked], Path]:
    """(what stands in the <figure>, what it asks, its file). `number` is that of the picture."""
    scene = load(course, name)
    asked = progress.pictured(page, scene["acts"])
    recorded = course / "worlds" / f"{name}.json"
    if not recorded.is_file():
        raise LookupError(f"worlds/{name}.json is not there: python3 tools/cluster.py MODULE")
    nodes = json.loads(recorded.read_text())["nodes"]
    drawn = still(nodes, title, words, f"cluster-{Path(page).stem}-{number}")
    picture = f'{progress.anchors(asked)}<div class="picture">{drawn}</div>'
    data = f'<script type="application/json" class="play-data">{page_data(scene)}</script>'
    return picture + data, asked, course / "worlds" / f"{name}.toml"


# --- what runs show -------------------------------------------------------------------------------


def record(course: Path, name: str, module: Path) -> str:
    """How a run of it begins, as worlds/NAME.json has it. Raises ValueError."""
    scene = json.loads(page_data(load(course, name)))["scene"]
    player = course / "tools/record.ts"
    command = ["node", str(player), str(module)]
    done = subprocess.run(
        command, input=json.dumps(scene), capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise ValueError(f"worlds/{name}.toml: {done.stderr.strip()}")
    return done.stdout


def names(course: Path) -> list[str]:
    return sorted(path.stem for path in (course / "worlds").glob("*.toml"))


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for name in names(COURSE):
        try:
            (COURSE / "worlds" / f"{name}.json").write_text(
                record(COURSE, name, Path(sys.argv[1]).resolve())
            )
        except (LookupError, ValueError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
