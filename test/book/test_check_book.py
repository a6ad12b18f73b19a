"""Canaries of tools/check_book.py: a small book is broken in one place, and that place is named."""

import json
import re

import pytest
import spacetime
from conftest import CHOICE, OPEN_QUESTION, QUESTION, ROOT, SUMMARY

BLOCK = ":::diagram"


def only(complaints, *expected):
    """All that is said, and nothing else, begins as expected."""
    assert len(complaints) == len(expected), complaints
    for complaint, begin in zip(complaints, expected, strict=True):
        assert begin in complaint, complaints


def test_the_small_book_is_right(book):
    only(book.complaints())


def test_what_is_wrong_is_said_and_ends_with_1(book):
    assert book.run("tools/check_book.py").returncode == 0
    book.change("src/one.md", "minutes: 5", "minutes: 91")
    done = book.run("tools/check_book.py")
    assert done.returncode == 1
    assert done.stderr.startswith("error: src/one.md:3: session 1 takes 91 minutes")


# --- what a page shows


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (BLOCK, "```python\nx = 1\n```\n\n:::diagram", "src/one.md:33: this code block is no incl"),
        (BLOCK, "```mermaid\nflowchart LR\n```\n\n:::diagram", "src/one.md:33: a diagram is writ"),
        ("$ python main.py", "$ python main.py\n3", "src/one.md:19: line 2 of this console block"),
        ("$ python main.py\n", "", "src/one.md:19: this block is empty"),
        ("main.py:add", "gone.py:add", "src/one.md:16: there is no file gone.py"),
        ("main.py:add", "main.py:gone", "src/one.md:16: main.py has no 'gone'"),
        (
            "{{#transcript add}}",
            "{{#transcript gone}}",
            "src/one.md:23: there is no transcript gone",
        ),
        ("A box stands", "---\nA box stands", "src/one.md:34: say in words"),
        ("What it shows", "", "src/one.md:34: a diagram needs a title"),
    ],
)
def test_what_a_page_shows(book, old, new, complaint):
    book.change("src/one.md", old, new)
    only(book.complaints(), *([complaint] if complaint else []))


def test_a_file_that_no_test_runs(book):
    book.change("tools/tested.toml", "examples/add/*", "examples/add/*.ts")
    only(
        book.complaints(),
        "src/one.md:16: no test runs examples/add/main.py",
    )


def test_a_program_that_a_transcript_ran_and_no_test_runs(book):
    book.change("transcripts/add.sh", "main.{ext}", "main.{ext} tools/mermaid.py")
    only(book.complaints(), "src/one.md:23: no test runs tools/mermaid.py")


def test_a_test_that_is_not_there(book):
    book.change("tools/tested.toml", "::test_add", "::test_gone")
    only(book.complaints(), "tools/tested.toml:3: there is no test test/test_add.py::test_gone")


@pytest.mark.parametrize(
    ("name", "old", "complaint"),
    [
        ("examples/add/main.py", "return a + b", "examples/add/main.py:2: "),
        ("examples/add/main.ts", "return a + b;", "examples/add/main.ts:2: "),
    ],
)
def test_an_example_that_does_not_parse(book, name, old, complaint):
    book.change(name, old, "return a +* )")
    only(book.complaints(), complaint)


# --- the form of a page

WORDS = "Words that say what can be seen in the picture."


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("objectives:\n  - break a small book\n", "", "objectives"),
        ("flowchart LR\n    A --> B", "events add", ""),  # it has another one
        ("{{#code add/main.ts:add}}", "Words.", "TypeScript"),
        ("{{#code add/main.py:add}}", "Words.", "Python"),
        ("$ docker compose up", "$ docker compose down", "a run under Compose"),
        ("$ docker compose up", "$ ./shop up python", ""),
        ("{{#quiz one}}", "", "a quiz"),
        ("{{#quiz one}}", ":::take-home\n{{#quiz one}}\n:::", "a quiz"),
        ("## Recap", "## The end", "a recap"),
    ],
)
def test_a_timed_page_without(book, events, old, new, what):
    book.write("transcripts/add.typescript.events", events)
    book.change("src/one.md", old, new)
    only(book.complaints(), *([f"src/one.md:2: a timed page has {what}"] if what else []))


def test_a_timed_page_whose_only_diagrams_are_of_runs(book, events):
    book.write("transcripts/add.typescript.events", events)
    for way in ("LR", "TB"):
        book.change("src/one.md", f"flowchart {way}\n    A --> B", "events add")
    only(book.complaints(), "src/one.md:2: a timed page has a Mermaid diagram")


def test_a_timed_page_without_an_exercise(book):
    book.change("exercises/01-add/exercise.toml", "one.md", "two.md")
    only(book.complaints(), "src/one.md:2: a timed page has an exercise")


def test_a_timed_page_whose_transcript_runs_the_shop(book):
    book.change("src/one.md", "$ docker compose up", "$ ls")
    book.change("transcripts/add.sh", "# must: 3", "# must: 3\n# shop: c")
    complaints = [one for one in book.complaints() if "is stale" not in one]
    only(complaints)


def test_a_page_to_take_home(book):
    page = f"---\nat-home: Later\nobjectives:\n  - see\n---\n# Two\n\n## A part\n\n{BLOCK} A\n"
    page += f"{WORDS}\n---\nflowchart LR\n    A --> B\n:::\n"
    book.write("src/two.md", page)
    only(book.complaints())
    quiz = (book.course / "quizzes/one.toml").read_text().replace('ask = "', 'ask = "Again: ')
    book.write("quizzes/two.toml", quiz)
    book.write("src/two.md", page + "\n{{#quiz two}}\n")
    only(book.complaints(), "quizzes/two.toml:1: not 0 of the questions are timed")
    book.write("quizzes/two.toml", quiz.replace("timed = true\n", ""))
    only(book.complaints())
    book.write("src/two.md", page.replace("objectives:\n  - see\n", ""))
    only(book.complaints(), "src/two.md:2: a page to take home has objectives")
    book.write("src/two.md", page[: page.index(BLOCK)])
    only(book.complaints(), "src/two.md:2: a page to take home has a diagram")


# --- how long a page is


def test_a_page_of_too_many_words(book):
    words = "word " * 1500 + "\n"
    book.change("src/one.md", "Some words", words + "Some words")
    book.change("src/one.md", "minutes: 5", "minutes: 15")
    complaints = book.complaints()
    only(complaints, "src/one.md:1: 15")
    book.change("src/one.md", "minutes: 15", "minutes: 15\nlong-page: all of it is one story")
    only(book.complaints())


def test_a_block_of_too_many_lines(book):
    body = "".join(f"    a += {i}\n" for i in range(30))
    book.change("examples/add/main.py", "    return", body + "    return")
    only(book.complaints(), "src/one.md:16: 32 lines, and a block has 30")
    book.change("src/one.md", "minutes: 5", "minutes: 5\nlong-code: it is read as one")
    only(book.complaints())


def test_fewer_minutes_than_the_words_take(book):
    book.change("src/one.md", "Some words", "word " * 900 + "Some words")
    only(book.complaints(), "src/one.md:3: 5 minutes, and the page needs 6: ")
    book.change("src/one.md", "Some words", "\n:::\n\nSome words")
    book.change("src/one.md", "word word", ":::take-home At home\nword word")
    only(book.complaints())


def test_fewer_minutes_than_the_commands_took(book):
    for language in ("python", "typescript"):
        name = f"transcripts/add.{language}.txt"
        head = (book.course / name).read_text().splitlines()[0]
        book.change(name, head, " ".join([*head.split()[:2], "300.0"]))
    only(book.complaints(), "src/one.md:3: 5 minutes, and the page needs 6: ")


def test_fewer_minutes_than_the_code_takes(book):
    body = "".join(f"  a += {i};\n" for i in range(60))
    book.change("examples/add/main.ts", "  return", body + "  return")
    book.change("src/one.md", "minutes: 5", "minutes: 5\nlong-code: it is read as one")
    only(book.complaints(), "src/one.md:3: 5 minutes, and the page needs 6: ")


def test_fewer_minutes_than_the_exercise(book):
    text = 'title = "x"\npage = "one.md"\nkind = "timed"\nminutes = 5\n'
    book.write("exercises/01-x/exercise.toml", text)
    only(book.complaints(), "src/one.md:3: 5 minutes, and the page needs 6: ")
    book.write("exercises/01-x/exercise.toml", text.replace("timed", "take-home"))
    only(book.complaints())


def test_a_session_of_more_than_90_minutes(book):
    page = (book.course / "src/one.md").read_text()
    book.write("src/two.md", page.replace("minutes: 5", "minutes: 86") + "\n## A part\n")
    book.write("exercises/02-add/exercise.toml", 'page = "two.md"\n')
    book.change("src/two.md", "the first two numbers", "two others")
    book.change("src/two.md", "{{#quiz one}}", "{{#quiz two}}")
    quiz = (book.course / "quizzes/one.toml").read_text()
    book.write("quizzes/two.toml", quiz.replace('ask = "', 'ask = "Again: '))
    only(book.complaints(), "src/two.md:3: session 1 takes 91 minutes")


def test_a_page_that_nobody_finds(book):
    book.write("src/three.md", "# Three\n")
    only(book.complaints(), "src/three.md:1: SUMMARY.md does not name this page")
    book.change("src/SUMMARY.md", "two.md", "four.md")
    only(book.complaints(), "src/SUMMARY.md:4: there is no page four.md")


# --- predictions

PREDICT = ":::predict What does the program print when it adds the first two numbers?"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (PREDICT, ":::predict", ":25: a prediction needs a question, choices or (write)"),
        ("---\nIt prints three.", "---", ":25: a prediction needs a question, choices or (write)"),
        ("---\nIt prints three.", "It prints three.", ":25: a prediction needs a question, choi"),
        ("( ) It prints one of the two.", "It prints one of the two.", ":26: a prediction needs"),
        ("( ) It prints one of the two.\n", "", ":26: a prediction has 3 choices or more"),
        ("(x)", "( )", ":26: a prediction has 3 choices or more; (x) marks those that happen"),
        ("make together", "make together: they are three.", ":27: the right choice is 1.2"),
        ("one of the two.", "always one of the two.", ":26: only wrong choices say 'always'"),
        ("make together", "make: a link to a part", ""),
        ("what both make together", "some words and a link to a part", ":27: this prediction is g"),
    ],
)
def test_a_prediction(book, old, new, complaint):
    book.change("src/one.md", old, new)
    only(book.complaints(), *([f"src/one.md{complaint}"] if complaint else []))


def test_a_prediction_that_is_written(book):
    text = (book.course / "src/one.md").read_text()
    begin, end = text.index("( ) It prints one"), text.index("---\nIt prints three.")
    book.write("src/one.md", text[:begin] + "(write) A number:\n" + text[end:])
    only(book.complaints())
    book.change("src/one.md", "(write)", "( ) Both kinds at once.\n(write)")
    only(book.complaints(), "src/one.md:25: a prediction needs a question, choices or (write)")


def test_a_prediction_that_is_asked_twice(book):
    text = (book.course / "src/one.md").read_text()
    again = text[text.index(PREDICT) : text.index(":::diagram")]
    book.write("src/two.md", f"# Two\n\n## A part\n\n{again}")
    complaint = "src/two.md:1: src/one.md asks the same: What does the program print"
    only([one for one in book.complaints() if "given away" not in one], complaint)


# --- quizzes

SECOND = QUESTION.count("\n") + 1  # the line of the second question


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"Three."', '"one"', "quizzes/one.toml:14: this choice is listed twice"),
        ('"Because this', '"Be"  # ', "quizzes/one.toml:5: this choice is not explained"),
        ("right = true\n", "", "quizzes/one.toml:1: 0 choices are marked right"),
        (
            "[[question.choice]]",
            "[[question.choice]]\nright = true",
            "quizzes/one.toml:1: 2 choices",
        ),
        ("right = true", 'right = "Four."', "quizzes/one.toml:1: 0 choices are marked right"),
        ("ask =", "answer = 4\nask =", "quizzes/one.toml:1: a question has no 'answer'"),
        ("why =", "because =", "quizzes/one.toml:5: a choice has no 'because'"),
        ('ask = "And how many?"', 'ask = ""', f"quizzes/one.toml:{SECOND}: this question asks"),
        ("timed = true\n", "", "quizzes/one.toml:1: not 2 of the questions are timed"),
        ("[[question]]\nfrom", "[[question]]\ntimed = true\nfrom", "one.toml:1: not 2 of the"),
        (
            CHOICE.format("three", "Three."),
            "",
            "quizzes/one.toml:1: 2 choices, and 3 are the least",
        ),
        (OPEN_QUESTION, "", "quizzes/one.toml:1: 2 questions, and a chapter has 3 or 4"),
        ('points = ["this"]\n', "", f"quizzes/one.toml:{2 * SECOND - 1}: a question needs choices"),
        ("timed = true", "timed =", "quizzes/one.toml:2: "),
        ('"Three."', '" . "', "quizzes/one.toml:14: this choice says nothing"),
        (
            'points = ["this"]\n',
            'choice = [{ text = "this" }]\n',
            f"quizzes/one.toml:{2 * SECOND - 1}: choices are [[question.choice]] tables",
        ),
    ],
)
def test_a_quiz(book, old, new, complaint):
    book.change("quizzes/one.toml", old, new)
    complaints = book.complaints()
    assert complaints and complaint in complaints[0], complaints


BELIEF = "# believes: that it is three and nothing else\n"
WHY = 'why = "Because this is how it is with it."'


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("Two.", "Twofold.", ":9: the right choice is 1.33 times as long as the mean"),
        ("Three.", "Never.", ":14: only wrong choices say 'never'"),
        ("One.", "It is always one.", ":5: only wrong choices say 'always'"),
        ("Two.", "A box stands.", ":9: the right choice repeats its page: 'a box stands'"),
        (BELIEF, "", ":14: no comment says who chooses this"),
        ("that it is three and nothing else", "it is three", ":14: no comment says who chooses"),
        ("it is three and", "it is one and", ":14: another choice of this question has the same"),
        ('from = "one.md#one-page"\n', "", ":1: this question does not say where it was told"),
        ("one.md#one-page", "one.md", ":1: this question does not say where it was told"),
        ("one.md#one-page", "gone.md#one-page", ":1: from: there is no page gone.md"),
        ("one.md#one-page", "one.md#two-pages", ":1: from: one.md has no heading #two-pages"),
        ("one.md#one-page", "two.md#a-part", ":1: from: two.md#a-part comes later than the qu"),
        ("one.md#one-page", "one.md#the-end", ":1: from: one.md#the-end comes later than the qu"),
    ],
)
def test_a_quiz_that_is_not_fair(book, old, new, complaint):
    book.change("src/one.md", "{{#quiz one}}", "{{#quiz one}}\n\n## The end")
    if new == "A box stands.":
        for other in ("One.", "Three."):
            book.change("quizzes/one.toml", other, other * 3)
    book.change("quizzes/one.toml", old, new)
    only(book.complaints(), f"quizzes/one.toml{complaint}")


def test_a_wrong_choice_whose_reason_gives_the_right_one_away(book):
    text = (book.course / "quizzes/one.toml").read_text()
    for number in ("One", "Two", "Three"):
        text = text.replace(f"{number}.", f"{number} of the many that there are.", 1)
    book.write("quizzes/one.toml", text)
    only(book.complaints())
    book.write(
        "quizzes/one.toml", text.replace(WHY, 'why = "No: two of the many that there are."', 1)
    )
    only(book.complaints(), ":5: why this one is wrong gives the right one away: 'two of the many")


def test_both_kinds_of_choices_may_say_always(book):
    for number in ("One", "Two"):
        book.change("quizzes/one.toml", f"{number}.", f"{number}, always.")
    only(book.complaints())


def test_a_question_may_come_back_to_an_earlier_page(book):
    first, second = "- [One](one.md)\n", "- [Two](two.md)\n"
    book.write("src/SUMMARY.md", SUMMARY.replace(first + second, second + first))
    book.change("quizzes/one.toml", "one.md#one-page", "two.md#a-part")
    only(book.complaints())


def test_a_quiz_that_no_page_shows_yet(book):
    book.write("quizzes/two.toml", "question = 3\n")
    only(book.complaints(), "quizzes/two.toml:1: ")


# --- mdBook's output, and the HTML


@pytest.mark.parametrize("line", [" WARN something is odd", "ERROR something is broken"])
def test_what_mdbook_says(book, line):
    (book.root / "log").write_text(f" INFO all is well\n{line}\n")
    only(book.complaints(log=book.root / "log"), f"mdbook: {line.strip()}")


HTML = """\
<html><head><link rel="stylesheet" href="a.css"></head><body>
<h1 id="one">One</h1>
<a href="one.html#one">itself</a> <a href="https://example.org/">the world</a>
<pre><code class="language-console">$ ls</code></pre>
<svg role="img"><title>a</title><desc>b</desc></svg>
<pre class="mermaid">flowchart LR
    accTitle: a
    accDescr: b</pre>
</body></html>
"""


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("", "", ""),
        ("<h1", "{{#include x}}<h1", "book/one.html:2: {{# is left of a mark"),
        ("one.html#one", "two.html#one", "src/one.md:3: the link two.html#one leads nowhere"),
        ("one.html#one", "one.html#two", "book/one.html:3: the link one.html#two leads to a page"),
        ("one.html#one", "#two", "book/one.html:3: the link #two leads to a page without"),
        ("https://example.org/", "https:", "book/one.html:3: the link https: names no host"),
        ("https://example.org/", "ftp://x/", "book/one.html:3: the link ftp://x/ is of no kind"),
        ("a.css", "b.css", "book/one.html:1: the link b.css leads nowhere"),
        ("a.css", "https://example.org/a.css", "book/one.html:1: loads https://example.org/a.css"),
        ("<h1", "<img src='a.css'><h1", "book/one.html:2: a picture without words"),
        ("<title>a</title>", "", "book/one.html:5: a diagram without title and desc"),
        ("    accTitle: a\n", "", "book/one.html:6: a diagram without accTitle and accDescr"),
        (' class="language-console"', "", "book/one.html:4: a code block of no language"),
    ],
)
def test_the_html(book, old, new, complaint):
    place = book.course / "book"
    book.write("src/one.md", "# One\n\n[nowhere](two.md#one)\n")
    book.write("src/SUMMARY.md", "# Summary\n\n- [One](one.md)\n")
    (book.course / "src/two.md").unlink()
    for gone in ("src/reference/what-i-got-wrong.md", "src/teach/session-1.md"):
        (book.course / gone).unlink()
    (place / "assets").mkdir(parents=True)
    (place / "a.css").write_text("")
    (place / "one.html").write_text(HTML.replace(old, new, 1))
    complaints = book.complaints(html=place)
    missing = [line for line in complaints if "assets/mermaid.min.js" in line]
    assert len(missing) == 1  # the fixture has none: that is a canary, too
    only([line for line in complaints if line not in missing], *([complaint] if complaint else []))


def test_a_book_that_was_not_made(book):
    only(book.complaints(html=book.course / "book"), "book:1: there is no HTML")


# --- diagrams of runs


def test_a_diagram_of_a_run(book, events):
    book.write("transcripts/add.typescript.events", events)
    book.change(
        "src/one.md", "flowchart LR\n    A --> B", "events add\nfrom: reserve\nbefore: the con"
    )
    only(book.complaints())
    for old, new, complaint in [
        (
            "from: reserve",
            "from: nothing",
            "src/one.md:36: no event of this run begins with 'nothing'",
        ),
        (
            "from: nothing",
            "until: reserve",
            "src/one.md:36: a run is cut down by part:, from:, before: and unit:, and asks by",
        ),
        ("until: reserve\n", "", ""),
        ("events add", "events gone", "src/one.md:36: there is no transcript gone"),
        ("events gone", "trace gone", "src/one.md:36: there is no log gone.txt"),
    ]:
        book.change("src/one.md", old, new)
        only(book.complaints(), *([complaint] if complaint else []))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"at": 2.5, ', '"at": 2.5 ', "add.typescript.events:3: no JSON"),
        ('"from": "Anna", ', "", "add.typescript.events:1: a message needs 'from'"),
        ('"body": ', '"corpse": ', "add.typescript.events:2: a message has no 'corpse'"),
        ('"ends": true', '"ends": 1', "add.typescript.events:3: 'ends' cannot be 1"),
        ('"at": 2.5', '"at": 0', "add.typescript.events:3: it happens at 0, after what happens"),
        (
            '"at": 0.001',
            '"at": 0.001, "got": 0',
            "add.typescript.events:2: it arrives at 0, before",
        ),
        (
            '"ends": true',
            '"state": {"Anna": {"is": "sad"}}',
            "events:3: a process is cut, down, pa",
        ),
        ('"ends": true', '"state": {"Anna": 1}', "add.typescript.events:3: 'state' says for each"),
    ],
)
def test_a_log_that_is_broken(book, events, old, new, complaint):
    assert old in events
    book.write("transcripts/add.typescript.events", events.replace(old, new, 1))
    book.change("src/one.md", "flowchart LR\n    A --> B", "events add")
    only(book.complaints(), complaint)
    assert book.complaints()[0].startswith("src/one.md:36: transcripts/")


ASK = "events add\nstop: RESERVED\nask: And now?\n+ a job\n- nothing :: It has one.\n- two jobs"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("", "", ""),
        ("stop: RES", "stop: NO", "src/one.md:36: no event of this run begins with 'NOERVED'"),
        ("stop: RES", "stop: queue -> Anna: RES", ""),
        ("stop: RES", "stop: queue -> Ben: RES", "src/one.md:36: no event of this run begins"),
        ("ask: And now?\n", "", "src/one.md:36: stop: RESERVED needs an ask:, one + and some -"),
        ("- nothing", "+ nothing", "src/one.md:36: stop: RESERVED needs an ask:, one + and some -"),
        ("\n- nothing :: It has one.\n- two jobs", "", "stop: RESERVED leaves no choice"),
        ("stop: RESERVED\nask", "ask", "src/one.md:36: a run is cut down by part:"),
    ],
)
def test_what_a_picture_asks(book, events, old, new, complaint):
    book.write("transcripts/add.typescript.events", events)
    book.change("src/one.md", "flowchart LR\n    A --> B", ASK.replace(old, new, 1))
    only(book.complaints(), *([complaint] if complaint else []))


def test_what_a_picture_that_plays_is_told(book, events):
    (book.course / "transcripts/add.typescript.events").write_text(events)
    run, _ = spacetime.of_page(book.course, ASK.splitlines())
    said = json.loads(run.play_data())
    assert said["lanes"] == ["Anna", "queue"]
    assert [one["kind"] for one in said["steps"]] == ["message", "message", "note"]
    assert said["steps"][1]["state"]["Anna"] == {"facts": {"holds": "job 1"}}
    assert said["steps"][2]["state"]["Anna"] == {"is": "down", "facts": {"holds": ""}}
    assert said["steps"][2]["state"]["queue"] == {"facts": {"ready": "1", "reserved": ""}}
    assert said["asks"]["2"]["choices"][1] == {
        "text": "nothing",
        "right": False,
        "why": "It has one.",
    }
    assert "<" not in run.play_data()  # it stands in a script


def test_what_was_before_a_part_of_a_run_is_known(book, events):
    (book.course / "transcripts/add.typescript.events").write_text(events)
    run, _ = spacetime.of_page(book.course, ["events add", "from: the connection ends"])
    said = json.loads(run.play_data())
    assert said["start"] == {"Anna": {"facts": {"holds": "job 1"}}}


def test_a_message_that_is_on_its_way_takes_two_steps(book):
    (book.course / "transcripts/add.typescript.events").write_text(
        '{"at": 0, "from": "a", "to": "b", "text": "slow", "got": 2}\n'
        '{"at": 1, "who": "a", "text": "waits"}\n'
    )
    run, _ = spacetime.of_page(book.course, ["events add"])
    assert [step.kind for step in run.steps] == ["sent", "note", "arrived"]
    assert 'data-step="1" data-until="3"' in spacetime.figure(run, "A title", "Some words", "n")


def test_roles_and_terms_are_read_off_a_trace(book):
    story = (ROOT / "test/trace/leader_crash.txt").read_text()
    book.write("../test/trace/crash.txt", story)
    source = ["trace crash", "from: is elected leader of term 3", "before: refuses: it has no 3/2"]
    said = json.loads(spacetime.of_page(book.course, source)[0].play_data())
    assert said["steps"][0]["state"] == {"server 3": {"role": "leader", "facts": {"term": "3"}}}
    assert said["start"]["server 1"] == {"role": "leader", "facts": {"term": "2"}}
    assert {"server 2": {"role": "follower", "facts": {"term": "3"}}} in [
        step.get("state") for step in said["steps"]
    ]


def test_a_line_is_broken_where_its_process_stands_still_and_ends_where_it_does(book):
    lines = [
        {"who": "a", "text": "stops", "state": {"a": {"is": "paused"}}},
        {"who": "a", "text": "goes on", "state": {"a": {"is": "up"}}},
        {"who": "a", "text": "dies", "ends": True},
        {"from": "b", "to": "b-of-a-very-long-name", "text": "hello"},
    ]
    path = book.course / "transcripts/add.typescript.events"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    picture, _ = drawn(book, ["events add"])
    line = r'class="(st-life[^"]*)" data-lane="asks" x1="105" y1="(\d+)" x2="105" y2="(\d+)"'
    lives = re.findall(line, picture)
    assert [kind for kind, _, _ in lives] == ["st-life", "st-life st-paused", "st-life"]
    assert lives[0][2] == lives[1][1] and lives[1][2] == lives[2][1]


def test_on_a_phone_notes_and_names_stay_inside(book):
    lines = [
        {"who": name, "text": "a note of many long words"}
        for name in ("worker-typescript-1", "b", "c", "d")
    ]
    path = book.course / "transcripts/add.typescript.events"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run, _ = spacetime.of_page(book.course, ["events add"])
    narrow = spacetime.figure(run, "A title", "Some words", "n").split("</svg>")[1]
    assert 'viewBox="0 0 360 ' in narrow and ">typescript-</text>" in narrow
    for x, width in re.findall(r'<rect [^>]*x="(-?\d+)"[^>]*width="(\d+)"', narrow):
        assert int(x) >= 0 and int(x) + int(width) <= 360


def test_long_lists_of_jobs_are_cut_short(book):
    lines = [f'{{"from": "queue", "to": "shop", "text": "INSERTED {n}"}}\n' for n in range(1, 8)]
    (book.course / "transcripts/add.typescript.events").write_text("".join(lines))
    said = json.loads(spacetime.of_page(book.course, ["events add"])[0].play_data())
    assert said["steps"][6]["state"]["queue"]["facts"]["ready"] == "1 2 3 4 and 3 more"


def drawn(book, source):
    """(the wide one of the two pictures, its log)."""
    run, log = spacetime.of_page(book.course, source)
    return spacetime.figure(run, "A title", "Some words", "n").partition("</svg>")[0], log


def test_what_a_diagram_of_a_run_draws(book, events):
    path = book.course / "transcripts/add.typescript.events"
    path.write_text(events)
    picture, log = drawn(book, ["events add"])
    assert log == path
    for part in ["A title</title>", "Some words</desc>", ">Anna</text>", ">queue</text>"]:
        assert part in picture
    assert "RESERVED 1 7 “seat &lt;1&gt;”" in picture
    assert picture.count("st-arrow") == 2 and "st-ends" in picture and "st-lost" not in picture
    assert "⋮ 2.5 s" in picture  # that long nothing happened


def test_a_trace_of_the_tests_can_be_drawn(book):
    story = (ROOT / "test/trace/leader_crash.txt").read_text()
    book.write("../test/trace/crash.txt", story)
    source = ["trace crash", "from: appends [2:x]", "before: hears no leader"]
    picture, _ = drawn(book, source)
    lost = story[story.index("  1 appends [2:x]") : story.index("  2 hears no leader")]
    assert picture.count("st-lost") == lost.count(": lost") > 0
    assert all(f">server {number}</text>" in picture for number in (1, 2, 3))
    with pytest.raises(LookupError, match="a diagram has 1 to 40"):
        drawn(book, ["trace crash"])
