"""The pictures that play: theme/play, by node's own test runner, and read by tsc and prettier."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import COURSE, ROOT

PLAY = COURSE / "theme/play"
TESTS = sorted((ROOT / "test/book/play").glob("*.test.ts"))
NAMES = [
    (path.name, name)
    for path in TESTS
    for name in re.findall(r'^test\("(.*)",', path.read_text(), re.MULTILINE)
]


def environment_of_tests():
    """tools/test says where npm has put the checkers and node lies; by hand, tools/deps knows."""
    done = subprocess.run([ROOT / "tools/deps", "path"], capture_output=True, text=True, check=True)
    place = Path(done.stdout.strip())
    path = f"{place / 'venv/bin'}:{os.environ['PATH']}"
    return place / "node_modules", {**os.environ, "PATH": path}


def node(*words, cwd=PLAY):
    _, env = environment_of_tests()
    command = ["node", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def ran():
    return node("--test", "--test-reporter=tap", *TESTS)


@pytest.mark.parametrize(("file", "name"), NAMES)
def test_of_theme_play(ran, file, name):
    assert re.search(rf"^ *ok \d+ - {re.escape(name)}$", ran.stdout, re.MULTILINE), ran.stdout


def test_no_test_of_theme_play_is_missed(ran):
    assert ran.returncode == 0, ran.stdout
    assert re.search(rf"^# pass {len(NAMES)}$", ran.stdout, re.MULTILINE), ran.stdout


def test_tsc_and_prettier_find_nothing(tmp_path):
    modules, _ = environment_of_tests()
    (tmp_path / "distributed-systems-course/theme").mkdir(parents=True)
    shutil.copytree(PLAY, tmp_path / "distributed-systems-course/theme/play")
    done = node(
        modules / "typescript/bin/tsc", cwd=tmp_path / "distributed-systems-course/theme/play"
    )
    assert done.returncode == 0, done.stdout
    files = [*PLAY.glob("*.ts"), *TESTS]
    done = node(
        modules / "prettier/bin/prettier.cjs", "--check", "--config", PLAY / "package.json", *files
    )
    assert done.returncode == 0, done.stdout + done.stderr
