"""Clusters in the page: their worlds are read and checked, and where there is no simulator they stay
still. What the worlds show is test/web/world.ts's matter, how one plays with them test/browser's."""

import json
import shutil
import tomllib

import pytest
from conftest import COURSE

import cluster

BLOCK = """\
:::cluster A cluster
Three nodes, one of them the leader, each with its log, and clients between them.
---
kill-the-leader
:::
"""
ACT = """
[[acts]]
ask = "What now?"
do = ["kill leader"]
until = "leader"
holds = []
[[acts.choices]]
text = "this"
right = true
[[acts.choices]]
text = "that"
"""
WORLD = 'system = "queue"\nnodes = 3\nseed = 1\n' + ACT


def with_a_cluster(book):
    shutil.copytree(COURSE / "worlds", book.course / "worlds")
    (book.root / "src/sim").mkdir(parents=True)  # where a link leads
    book.change("src/two.md", "Words.", f"Words.\n\n{BLOCK}")


@pytest.mark.parametrize("name", cluster.names(COURSE))
def test_what_is_recorded_is_of_the_world_as_it_is_written(name):
    recorded = json.loads((COURSE / f"worlds/{name}.json").read_text())
    scene = json.loads(cluster.page_data(cluster.load(COURSE, name)))["scene"]
    assert recorded["scene"] == scene, "stale: python3 tools/cluster.py MODULE"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('system = "queue"\n', "", "'system' is missing"),
        ("nodes = 3", "nodes = 4", "1, 3 or 5 nodes"),
        ("seed = 1", "seed = 1\nlives = 3", "lives is true or false"),
        ("seed = 1", "seed = 1\nluck = 2", "a world has no 'luck'"),
        ('until = "leader"', 'until = "christmas"', "act 1 ends with"),
        ("holds = []\n", "", "act 1 needs"),
        ("right = true\n", "", "one of them is right"),
        ('text = "that"', 'text = "that"\nright = true', "one of them is right"),
        ('text = "that"', 'txt = "that"', "a choice of act 1"),
    ],
)
def test_a_world_that_is_wrong_is_refused_in_words(old, new, complaint):
    assert cluster.mistake(tomllib.loads(WORLD)) == ""
    assert old in WORLD
    assert complaint in cluster.mistake(tomllib.loads(WORLD.replace(old, new)))


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("worlds/kill-the-leader.toml", "seed = 7", "seed = ", "worlds/kill-the-leader.toml: "),
        ("worlds/kill-the-leader.toml", "seed = 7", "seeds = 7", "'seed' is missing"),
        ("src/two.md", "kill-the-leader", "gone", "src/two.md:10: there is no world gone"),
        ("src/two.md", ":::cluster A cluster", ":::cluster", "src/two.md:7: a cluster needs"),
        ("src/two.md", "---\n", "", "a cluster needs"),
    ],
)
def test_what_is_broken_stops_mdbook_with_its_place(book, name, old, new, complaint):
    with_a_cluster(book)
    book.change(name, old, new)
    done = book.build()
    assert done.returncode != 0
    assert complaint in done.stderr


def test_without_the_simulator_a_cluster_stays_still_and_mdbook_says_so(book):
    with_a_cluster(book)
    done = book.build()
    assert done.returncode == 0, done.stderr
    assert "its clusters stay still" in done.stderr
    page = (book.course / "book/two.html").read_text()
    assert 'data-play="cluster"' not in page and '<svg class="cluster-drawn"' in page
    assert not book.complaints(html=book.course / "book")


def test_with_the_simulator_a_cluster_plays(book):
    """The simulator lies there already, of just these sources, so nothing is compiled."""
    with_a_cluster(book)
    (book.root / "tools/wasm").write_text("#!/bin/sh\nexit 1\n")
    import world

    made = f'/* {world.fingerprint(book.root)} */\nwindow.quartetWorld="";\n'
    book.write("src/assets/world.js", made)
    done = book.build()
    assert done.returncode == 0, done.stderr
    assert 'data-play="cluster"' in (book.course / "book/two.html").read_text()
    assert (book.course / "book/assets/world.js").read_text() == made


def test_the_still_picture_says_who_is_down():
    nodes = json.loads((COURSE / "worlds/kill-the-leader.json").read_text())["nodes"]
    nodes[0] = {"id": 1, "up": False}
    drawn = cluster.still(nodes, "A title", "What it shows", "one")
    assert "leader" in drawn and "node 1, down" in drawn
    assert "<title id=" in drawn and "<desc id=" in drawn
