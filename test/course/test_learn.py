"""./learn and its exercises: a starter fails with a sentence, a solution passes, and the tool says
what to do when something else is wrong."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from minis import NODE, SUFFIX

COURSE = Path(__file__).resolve().parents[2] / "distributed-systems-course"
EXERCISES = sorted(path.parent.name for path in COURSE.glob("exercises/*/exercise.toml"))


@pytest.fixture
def course(tmp_path):
    """A copy of what ./learn needs, so that nobody's own work is touched."""
    shutil.copy(COURSE / "learn", tmp_path)
    ignore = shutil.ignore_patterns("mine", "__pycache__")
    shutil.copytree(COURSE / "exercises", tmp_path / "exercises", ignore=ignore)
    return tmp_path


def learn(course, *words, code=0):
    path = f"{Path(NODE).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, course / "learn", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def mine(course, name, language):
    return course / "exercises/mine" / name / language / f"mine.{SUFFIX[language]}"


@pytest.mark.parametrize("language", SUFFIX)
@pytest.mark.parametrize("name", EXERCISES)
def test_the_starter_fails_with_a_sentence_and_the_solution_passes(course, name, language):
    learn(course, "start", name, "--language", language)
    said = learn(course, "check", code=1)
    assert said.startswith(("Not yet: ", "Your program ended with an error"))
    solution = course / "exercises" / name / language / f"solution.{SUFFIX[language]}"
    shutil.copy(solution, mine(course, name, language))
    assert "Right" in learn(course, "check")
    assert f"[x] {name}" in learn(course, "list")
    assert "1 of" in learn(course, "progress")


@pytest.mark.parametrize("language", SUFFIX)
def test_a_program_that_hangs_is_stopped_and_told_so(course, language):
    learn(course, "start", "01", "--language", language)
    loop = {
        "python": "while True: pass\n",
        "typescript": "export class BoxOffice {}\nwhile (true);\n",
    }[language]
    mine(course, "01-dedup", language).write_text(loop)
    assert "still running after 10 seconds" in learn(course, "check", code=1)


@pytest.mark.parametrize("language", SUFFIX)
def test_a_program_that_crashes_shows_its_own_error_and_where(course, language):
    learn(course, "start", "01", "--language", language)
    broken = {"python": "x = 1\nboom()\n", "typescript": "export class BoxOffice {}\nboom();\n"}[
        language
    ]
    mine(course, "01-dedup", language).write_text(broken)
    said = learn(course, "check", code=1)
    assert "boom" in said.split("Look at:")[0]
    assert f"mine.{SUFFIX[language]}" in said.split("Look at:")[1]


def test_hints_come_one_by_one_and_then_the_solution(course):
    learn(course, "start", "02")
    said = [learn(course, "hint") for _ in range(4)]
    assert [text.split(":")[0] for text in said[:3]] == [f"Hint {n} of 3" for n in (1, 2, 3)]
    assert "solution.py" in said[3]


def test_reset_keeps_what_was_written(course):
    learn(course, "start", "02")
    mine(course, "02-lease", "python").write_text("# my work\n")
    learn(course, "reset", "02")
    kept = [path.read_text() for path in course.glob("exercises/mine/02-lease/*/mine.py")]
    assert "# my work\n" in kept and len(kept) == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["check"], "./learn list shows them"),
        (["start", "nothing"], "there is no exercise"),
        (["check", "01"], "is not begun"),
        (["start"], "which one?"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(course, words, complaint):
    said = learn(course, *words, code=1)
    assert complaint in said and len(said.splitlines()) == 1


def test_starting_twice_touches_nothing(course):
    learn(course, "start", "01")
    mine(course, "01-dedup", "python").write_text("# my work\n")
    assert "reset" in learn(course, "start", "01", code=1)
    assert mine(course, "01-dedup", "python").read_text() == "# my work\n"


def test_a_progress_file_that_is_broken_is_begun_anew(course):
    learn(course, "start", "01")
    (course / "exercises/mine/progress.json").write_text("{")
    assert "0 of" in learn(course, "progress")
    learn(course, "hint", "01")
    assert json.loads((course / "exercises/mine/progress.json").read_text())["hints"]


def test_the_tool_parses_where_only_an_old_python_is():
    ast.parse((COURSE / "learn").read_text(), feature_version=(3, 8))
