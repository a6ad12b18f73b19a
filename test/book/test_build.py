"""The small book, made by mdBook: with a word about what is wrong, with and without mermaid."""

import os
import re
import shutil
import stat

import pytest


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("src/one.md", ":::tabs", ":::tab", "src/one.md:12: there is no block :::tab"),
        ("quizzes/one.toml", "right = true\n", "", "quizzes/one.toml:1: 0 choices are marked"),
        ("examples/add/main.py", "def add", "def sum", "src/one.md:16: main.py has no 'add'"),
        ("src/one.md", "minutes: 5", "minutes: 91", "src/one.md:3: session 1 takes 91 minutes"),
    ],
)
def test_what_is_broken_stops_mdbook_with_file_and_line(book, name, old, new, complaint):
    book.change(name, old, new)
    done = book.build()
    assert done.returncode != 0
    assert f"error: {complaint}" in done.stderr


def fake_npm(place, script):
    place.mkdir()
    (place / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (place / "npm").chmod(stat.S_IRWXU)
    return f"{place}:{os.environ['PATH']}"


def test_mdbook_alone_takes_mermaid_from_the_cache(book, tmp_path):
    path = fake_npm(tmp_path / "bin", f"touch {tmp_path / 'asked'}; exit 1")
    assert book.run("tools/mermaid.py").returncode == 0  # now it is in the cache
    done = book.build(PATH=path)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert (book.course / "book/assets/mermaid.min.js").stat().st_size > 1_000_000
    assert not (tmp_path / "asked").exists()
    assert not book.complaints(html=book.course / "book")


def test_mdbook_alone_fetches_mermaid_at_the_first_need(book, tmp_path):
    """From an npm of ours, which packs what the cache has."""
    cached = book.run("tools/mermaid.py").stdout.strip()
    script = (
        "mkdir -p package/dist && "
        f"cp {cached} package/dist/ && tar czf mermaid-${{3##*@}}.tgz package && rm -r package"
    )
    path = fake_npm(tmp_path / "bin", script)
    done = book.build(PATH=path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert "fetching mermaid" in done.stderr
    assert list((tmp_path / "cache").rglob("mermaid.min.js"))
    assert (book.course / "book/assets/mermaid.min.js").exists()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo the network is down >&2; exit 1", "the network is down"),
        ("touch mermaid-${3##*@}.tgz", "npm"),
    ],
)
def test_without_mermaid_mdbook_says_so_and_makes_the_book(book, tmp_path, script, why):
    path = fake_npm(tmp_path / "bin", script)
    done = book.build(PATH=path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert why in done.stderr and "its diagrams are not drawn" in done.stderr
    page = (book.course / "book/one.html").read_text()
    assert "A box stands to the left" in page
    complaints = book.complaints(html=book.course / "book")
    assert len(complaints) == 1 and "assets/mermaid.min.js" in complaints[0]


def with_a_run(book, events):
    book.write("transcripts/add.typescript.events", events)
    book.change("src/one.md", "flowchart LR\n    A --> B", "events add")


def test_a_picture_of_a_run_plays(book, events):
    if shutil.which("esbuild") is None:
        pytest.skip("no esbuild here")
    with_a_run(book, events)
    done = book.build()
    assert done.returncode == 0, done.stderr
    assert 'data-play="lanes"' in (book.course / "book/one.html").read_text()
    script = (book.course / "book/assets/play.js").read_text()
    assert "import" not in script.split("(", 1)[0]  # a classic script: file:// knows no modules
    assert not book.complaints(html=book.course / "book")


def test_without_esbuild_pictures_stay_still_and_mdbook_says_so(book, events, tmp_path):
    with_a_run(book, events)
    (tmp_path / "bin").mkdir()
    for name in ("python3", "sh"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    done = book.build(PATH=str(tmp_path / "bin"))
    assert done.returncode == 0, done.stderr
    assert "there is no esbuild here" in done.stderr and "pictures stay still" in done.stderr
    page = (book.course / "book/one.html").read_text()
    assert "data-play=" not in page and '<svg class="spacetime' in page
    assert not book.complaints(html=book.course / "book")


def test_theme_play_that_is_no_typescript_stops_mdbook(book, events):
    if shutil.which("esbuild") is None:
        pytest.skip("no esbuild here")
    with_a_run(book, events)
    book.change("theme/play/main.ts", "import", "imp ort")
    done = book.build()
    assert done.returncode != 0
    assert "main.ts:" in done.stderr


def test_a_log_that_is_broken_stops_mdbook_with_file_and_line(book, events):
    with_a_run(book, events.replace('"at": 2.5, ', '"at": 2.5 '))
    done = book.build()
    assert done.returncode != 0
    assert "error: src/one.md:36: transcripts/add.typescript.events:3: no JSON" in done.stderr


def test_a_mark_that_mdbook_cannot_include_is_noticed(book, tmp_path):
    """mdBook leaves it in the page and exits with 0."""
    book.change("src/two.md", "Words.", "{{#include gone.md}}")
    done = book.build()
    (tmp_path / "log").write_text(done.stdout + done.stderr)
    complaints = book.complaints(log=tmp_path / "log", html=book.course / "book")
    assert any(line.startswith("mdbook: ERROR") for line in complaints), complaints
    assert any(line.startswith("src/two.md:5: {{# is left") for line in complaints), complaints


def test_a_link_that_leads_nowhere_is_noticed(book):
    book.change("src/one.md", "two.md#a-part", "two.md#another-part")
    assert book.build().returncode == 0  # mdBook has nothing against it
    complaints = book.complaints(html=book.course / "book")
    assert len(complaints) == 1, complaints
    assert complaints[0].startswith("src/one.md:10: the link two.html#another-part leads to a page")


def test_what_a_page_asks_can_be_found_on_the_page_of_wrong_answers(book):
    assert book.build().returncode == 0
    page = (book.course / "book/one.html").read_text()
    missed = (book.course / "book/reference/what-i-got-wrong.html").read_text()
    asked = re.findall(r'data-asked="([pq]-[0-9a-f]{10})"', page)
    assert len(asked) == len(set(asked)) == 4  # a prediction and three questions
    assert re.findall(r'data-missed="([^"]+)"', missed) == asked
    assert all(f'href="../one.html#{one}"' in missed and f'id="{one}"' in page for one in asked)
    goal = re.search(r'data-asked="(g-[0-9a-f]{10})"', page)[1]
    assert f'data-all="{goal}"' in missed
    complaints = book.complaints(html=book.course / "book")
    assert not [one for one in complaints if "mermaid" not in one], complaints


def test_an_answer_is_void_when_the_question_asks_something_else(book):
    def ids():
        assert book.build().returncode == 0
        return re.findall(r'data-asked="([gpq]-\w+)"', (book.course / "book/one.html").read_text())

    before = ids()
    book.change("src/one.md", "It prints three.", "It prints three, as one would expect.")
    assert ids() == before
    book.change("src/one.md", "It prints one of the two.", "It prints one of them all.")
    book.change("src/one.md", "- break a small book", "- mend a small book")
    book.change("quizzes/one.toml", "Three.", "Four.")
    assert [a == b for a, b in zip(ids(), before, strict=True)] == [False, False, False, True, True]
