"""The book's machinery: what it makes, and that it refuses what is wrong, with page and line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parents[2] / "distributed-systems-course"
PAGES = sorted(path.relative_to(COURSE / "src").as_posix() for path in COURSE.glob("src/**/*.md"))


def render(**pages):
    """(exit code, complaints, {path: content}) of the preprocessor for pages given by name."""
    items = [
        {"Chapter": {"name": name, "path": f"{name}.md", "content": text, "sub_items": []}}
        for name, text in pages.items()
    ]
    done = subprocess.run(
        [sys.executable, COURSE / "tools/preprocess.py"],
        input=json.dumps([{}, {"items": items}]),
        capture_output=True,
        text=True,
        timeout=400,  # the first call compiles the simulator for the pages
        check=False,
    )
    content = {}
    if done.returncode == 0:
        for item in json.loads(done.stdout)["items"]:
            content[item["Chapter"]["path"]] = item["Chapter"]["content"]
    return done.returncode, done.stderr, content


QUEUE = "01-queue/mini/python/step2/queue.py"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("one\n{{#code nothing.py:f}}\n", "page.md:2: there is no file nothing.py"),
        (f"{{{{#code {QUEUE}:Queue.nothing}}}}", "page.md:1: queue.py has no 'Queue.nothing'"),
        ("{{#transcript nothing}}", "page.md:1:"),
        ("{{#quiz nothing}}", "page.md:1:"),
        ("{{#code}}", "page.md:1: {{#code}} of what?"),
        ("a\n\n:::hint x\ntext\n", "page.md:3: this ::: block has no end"),
        (":::nonsense\n:::", "page.md:1: there is no block :::nonsense"),
        (":::tabs\n== One\nx\n:::", "page.md:2: tabs need two parts"),
        (":::diagram A\nno words\n---\nflowchart LR\n:::", "page.md:2: say in words"),
        ("---\nsession: 1\nminutes: 91\n---\n# A", "page.md:3: session 1 takes 91 minutes"),
        ("---\nsesion: 1\n---\n# A", "page.md:2: front matter has no 'sesion'"),
        ("a\n\n```console\n$ ls\n", "page.md:3: this ``` has no end"),
    ],
)
def test_what_is_wrong_stops_the_build_and_says_where(text, complaint):
    code, said, _ = render(page=text)
    assert code == 1
    assert complaint in said


def test_front_matter_counts_for_line_numbers():
    _, said, _ = render(page="---\nsession: 1\nminutes: 5\n---\n# A\n{{#quiz nothing}}\n")
    assert "page.md:6:" in said


def test_a_page_says_under_its_title_when_it_is_read_and_how_long_it_takes():
    _, _, pages = render(
        timed="---\nsession: 1\nminutes: 42\n---\n# A\n",
        home="---\nat-home: Session 2, about 20 minutes\n---\n# B\n",
    )
    assert '<p class="page-meta">Session 1, 42 of its 90 minutes</p>' in pages["timed.md"]
    assert '<p class="page-meta">Session 2, about 20 minutes</p>' in pages["home.md"]


def test_a_page_of_a_session_opens_with_its_map():
    timed = "---\nsession: 1\nminutes: {}\nobjectives:\n  - see\n---\n# A\n"
    _, _, pages = render(
        one=timed.format(40),
        two=timed.format(50),
        home="---\nat-home: Session 1, about 20 minutes\n---\n# B\n",
        other="---\nsession: 2\nminutes: 9\n---\n# C\n",
        none="# D\n",
    )
    for here in ("one", "two", "home"):
        maps = pages[f"{here}.md"]
        assert re.findall(r'href="(\w+).html"', maps) == ["one", "two", "home"]
        assert re.findall(r'href="(\w+).html" aria-current="page"', maps) == [here]
        assert re.findall(r'map-minutes">([^<]*)<', maps) == ["0 to 40", "40 to 90", "take home"]
        ids = re.findall(r'data-goals="([^"]*)"', maps)
        assert ids[0].startswith("g-") and ids[0] != ids[1]
    assert "session-map" not in pages["none.md"]


TAUGHT = """---
session: 1
minutes: 40
---
# A

```console
$ ./shop up
it is up
```

:::predict What does the program print when it adds the first two numbers?
( ) It prints one of the two.
(x) It prints what both make together.
( ) It prints nothing, for it has not been told to.
---
It prints three.
:::

:::diagram What it shows
A box stands to the left of another box, and an arrow leads from it to the other one.
---
flowchart LR
    A --> B
:::

:::instructor
| minutes | what to do |
|---|---|
| 0 to 9 | begin |
| 9 to 40 | go on |

Ask: why?
:::
"""


def test_a_page_for_teachers_is_made_of_what_the_session_says():
    _, said, pages = render(teacher="# T\n\n{{#teach 1}}\n", one=TAUGHT)
    page = pages["teacher.md"]
    assert not said
    assert "| 0 to 9 | [one](one.md) | begin |\n| 9 to 40 |  | go on |" in page
    assert "$ ./shop up\n```" in page and "it is up" not in page
    assert "## Notes: one\n\nAsk: why?" in page
    assert "<br>It prints what both make together.</li>" in page


def test_slides_are_the_diagrams_of_the_session():
    _, _, pages = render(slides="# S\n\n{{#slides 1}}\n", one=TAUGHT)
    assert pages["slides.md"].count('<section class="slide">') == 1
    figure = re.search(r"<figure.*?</figure>", pages["one.md"], re.S)
    assert figure and figure[0] in pages["slides.md"]


@pytest.mark.parametrize("mark", ["teach", "slides"])
def test_a_session_that_is_not_there_cannot_be_taught(mark):
    code, said, _ = render(page=f"# A\n{{{{#{mark} 7}}}}")
    assert code == 1 and "page.md:2: there is no session '7'" in said


def test_the_schedule_adds_up_under_each_session():
    front = "---\nsession: {}\nminutes: {}\n---\n# A\n"
    _, _, pages = render(
        a=front.format(1, 40),
        b=front.format(1, 50),
        c=front.format(2, 30),
        plan="{{#schedule}}\n",
    )
    rows = [line for line in pages["plan.md"].splitlines() if line.startswith("|")][2:]
    assert rows == [
        "| 1 | [a](a.md) | 40 |",
        "| 1 | [b](b.md) | 50 |",
        "| | **together** | **90** |",
        "| 2 | [c](c.md) | 30 |",
        "| | **together** | **30** |",
    ]


def test_code_is_cut_by_name_in_each_language():
    names = {
        f"{QUEUE}:Queue.reserve": 'job.state, job.holder, job.due = "reserved"',
        "01-queue/mini/typescript/step2/queue.ts:Queue.reserve": "[job.state, job.holder, job.due]",
        "01-queue/mini/typescript/step3/log.ts:Log.replay": "*replay(): Generator<Entry> {",
        "01-queue/clients/typescript/worker.ts:Worker.giveUp": "private async giveUp(",
        "src/systems/queue/machine/job.c:queue_job_held_by": "bool queue_job_held_by(",
    }
    for name, line in names.items():
        code, said, pages = render(page=f"{{{{#code {name}}}}}")
        assert code == 0, said
        block = re.search(r"```\w+\n(.*?)```", pages["page.md"], re.DOTALL)[1]
        assert line in block
        assert block.count("{") == block.count("}")


def test_new_lines_are_marked_and_old_ones_are_not():
    _, _, pages = render(page=f"{{{{#code {QUEUE}:Queue.put since={QUEUE}}}}}")
    assert "--new" not in pages["page.md"]
    old = QUEUE.replace("step2", "step1")
    _, _, pages = render(page=f"{{{{#code {QUEUE}:Queue.reserve since={old}}}}}")
    assert "--new" in pages["page.md"]


def test_several_places_of_a_file_make_one_block():
    old = QUEUE.replace("step2", "step1")
    text = f"{{{{#code {QUEUE}:Queue.put Queue.reserve since={old}}}}}"
    _, _, pages = render(page=text)
    blocks = re.findall(r"```\w+\n(.*?)```", pages["page.md"], re.DOTALL)
    assert len(blocks) == 1
    lines = blocks[0].splitlines()
    assert (
        lines[0].startswith("def put(") and lines[4] == "" and lines[5].startswith("def reserve(")
    )
    assert pages["page.md"].count("linear-gradient") == 2  # nothing of put() is new
    code, said, _ = render(page=f"{{{{#code {QUEUE}:Queue.put Queue.nothing}}}}")
    assert code == 1 and "page.md:1: queue.py has no 'Queue.nothing'" in said


def test_code_in_a_fence_is_left_alone():
    _, _, pages = render(page="```text\n{{#quiz x}}\n:::hint\n```\n")
    assert "{{#quiz x}}\n:::hint" in pages["page.md"]


def test_the_whole_book_renders_without_a_mark_left():
    texts = {name.removesuffix(".md"): (COURSE / "src" / name).read_text() for name in PAGES}
    code, said, pages = render(**texts)
    assert code == 0, said
    for name, content in pages.items():
        outside = re.sub(r"```.*?```", "", content, flags=re.DOTALL)
        assert "{{#" not in outside, name
        assert ":::" not in outside, name
