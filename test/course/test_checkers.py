"""The course's programs, read by their languages' own checkers: typed, linted and formatted."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from minis import MINIS, NODE
from rooms import EXAMPLES, STORE

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "distributed-systems-course"
SHOP = MINIS.parent
CHAT = EXAMPLES / "03-chat"
CONSENSUS = EXAMPLES / "04-consensus"
EXERCISES = sorted(path.parent for path in COURSE.glob("exercises/*/exercise.toml"))
JUNK = shutil.ignore_patterns("node_modules", "__pycache__", "mine", "book")


def modules():
    """Where npm has put the checkers: tools/test says; by hand, tools/deps knows."""
    if "NODE_PATH" in os.environ:
        return Path(os.environ["NODE_PATH"])
    done = subprocess.run([ROOT / "tools/deps", "path"], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()) / "node_modules"


def finds_nothing(*command, cwd=COURSE):
    # luck.py, world.py, judge.py, and the steps of the small store
    places = ("examples/concepts", "examples", "exercises", "examples/02-store/mini/python")
    env = {**os.environ, "MYPYPATH": os.pathsep.join(str(COURSE / place) for place in places)}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def python(*words, cwd=COURSE):
    finds_nothing(sys.executable, "-m", *words, cwd=cwd)


def node(program, *words, cwd=COURSE):
    finds_nothing(NODE, modules() / program, *words, cwd=cwd)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Shared by the runs of mypy: the standard library is read once."""
    return tmp_path_factory.mktemp("mypy")


def finished(exercise, language, place):
    """An exercise as it is when a learner has solved it."""
    home = place / exercise.name / language
    shutil.copytree(exercise / language, home, ignore=JUNK)
    suffix = {"python": "py", "typescript": "ts"}[language]
    if (home / f"solution.{suffix}").exists():
        shutil.copy(home / f"solution.{suffix}", home / f"mine.{suffix}")
    else:
        what = tomllib.loads((exercise / "exercise.toml").read_text())
        mini = COURSE / "examples" / what["mini"] / language
        shutil.copytree(max(mini.glob("step*")), home / "mine")
        for path in mini.glob("nodes.*"):
            shutil.copy(path, home)
    return home


def test_ruff_finds_nothing_to_complain_of_or_to_format():
    config = ("--config", COURSE / "pyproject.toml")
    for flags, places in (
        (
            (),
            (
                COURSE / "learn",
                SHOP / "shop",
                STORE / "shop",
                CHAT / "shop",
                CONSENSUS / "shop",
                COURSE / "examples",
                COURSE / "exercises",
            ),
        ),
        (config, (ROOT / "test/course", ROOT / "test/compose")),
    ):
        python("ruff", "check", "--no-cache", *flags, *places)
        python("ruff", "format", "--no-cache", "--check", *flags, *places)


def test_prettier_finds_nothing_to_format():
    node("prettier/bin/prettier.cjs", "--check", "examples/**/*.ts", "exercises/*-*/**/*.ts")
    node("prettier/bin/prettier.cjs", "--check", "exercises/judge.ts", "../test/course/*.ts")
    scripts = [f"theme/{name}.js" for name in ("missed", "progress", "questions")]
    scripts.append("../test/browser/questions.mjs")
    node("prettier/bin/prettier.cjs", "--check", "--print-width", "100", *scripts)


@pytest.mark.parametrize(
    "place",
    [
        *(shop / "clients/python" for shop in (SHOP, STORE, CHAT, CONSENSUS)),
        MINIS / "python",
        STORE / "mini/python",
    ],
    ids=lambda p: p.relative_to(COURSE / "examples").as_posix(),
)
def test_mypy_finds_nothing_in_a_program_of_many_files(place, cache):
    python("mypy", "--cache-dir", cache, ".", cwd=place)


@pytest.mark.parametrize(
    "path",
    [
        *COURSE.glob("examples/concepts/luck.py"),
        *COURSE.glob("examples/concepts/*/python/main.py"),
        *COURSE.glob("examples/*.py"),
        *SHOP.glob("*.py"),
        *STORE.glob("*.py"),
        *CHAT.glob("*.py"),
        *CONSENSUS.glob("*.py"),
        *COURSE.glob("exercises/*.py"),
    ],
    ids=lambda path: path.relative_to(COURSE).as_posix(),
)
def test_mypy_finds_nothing_in_a_program_of_one_file(path, cache):
    python("mypy", "--strict", "--cache-dir", cache, path.name, cwd=path.parent)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda path: path.name)
def test_mypy_finds_nothing_in_an_exercise(exercise, cache, tmp_path):
    home = finished(exercise, "python", tmp_path)
    names = [name for name in ("check.py", "starter.py") if (home / name).exists()]
    python("mypy", "--strict", "--cache-dir", cache, *names, cwd=home)  # mine.py is imported


@pytest.mark.parametrize(
    "name",
    [
        "01-queue/clients/typescript",
        "01-queue/mini/typescript",
        "02-store/clients/typescript",
        "02-store/mini/typescript",
        "03-chat/clients/typescript",
        "04-consensus/clients/typescript",
        "concepts",
    ],
)
def test_tsc_finds_nothing_in_the_examples(name, tmp_path):
    place = tmp_path / "program"
    shutil.copytree(COURSE / "examples" / name, place, ignore=JUNK)
    (place / "node_modules").symlink_to(modules())
    node("typescript/bin/tsc", cwd=place)


def test_tsc_finds_nothing_in_the_exercises_and_the_single_programs(tmp_path):
    for exercise in EXERCISES:
        finished(exercise, "typescript", tmp_path)
    for path in SHOP.glob("*.ts"):
        shutil.copy(path, tmp_path)
    examples = tmp_path / "examples"  # worlds, and who drives one
    shutil.copytree(COURSE / "examples/concepts", examples / "concepts", ignore=JUNK)
    for path in (*COURSE.glob("examples/world*.ts"), *STORE.glob("*.ts")):
        (examples / path.relative_to(COURSE / "examples")).parent.mkdir(exist_ok=True)
        shutil.copy(path, examples / path.relative_to(COURSE / "examples"))
    shutil.copytree(STORE / "mini/typescript/step2", examples / "02-store/mini/typescript/step2")
    (tmp_path / "exercises").mkdir()
    for path in COURSE.glob("exercises/*.ts"):
        shutil.copy(path, tmp_path / "exercises")
    for name in ("tsconfig.json", "package.json"):
        shutil.copy(COURSE / "exercises" / name, tmp_path)
    (tmp_path / "node_modules").symlink_to(modules())
    node("typescript/bin/tsc", cwd=tmp_path)


def test_a_checker_that_has_something_to_say_is_heard(tmp_path):
    """The canary: each of the four must fail on this."""
    (tmp_path / "bad.py").write_text("import os\ndef f(x) : return x\n")
    (tmp_path / "bad.ts").write_text("const x : number = 'text'\n")
    shutil.copy(COURSE / "exercises/tsconfig.json", tmp_path)
    (tmp_path / "node_modules").symlink_to(modules())
    for command in (
        lambda: python("ruff", "check", "--no-cache", "bad.py", cwd=tmp_path),
        lambda: python("ruff", "format", "--no-cache", "--check", "bad.py", cwd=tmp_path),
        lambda: python("mypy", "--strict", "--no-incremental", "bad.py", cwd=tmp_path),
        lambda: node("prettier/bin/prettier.cjs", "--check", "bad.ts", cwd=tmp_path),
        lambda: node("typescript/bin/tsc", cwd=tmp_path),
    ):
        with pytest.raises(AssertionError, match="bad"):
            command()
