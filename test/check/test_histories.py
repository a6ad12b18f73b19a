"""`quartet check` on the histories here: MODEL_NAME.jsonl is judged by MODEL, and what it prints is
MODEL_NAME.txt, whose first line is the command. REWRITE=1 rewrites the texts; read the diff."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
QUARTET = os.environ.get("QUARTET", str(HERE.parents[1] / "build" / "quartet"))
NAMES = sorted(path.stem for path in HERE.glob("*.jsonl"))


def transcript(command):
    done = subprocess.run(
        [QUARTET, *shlex.split(command)[2:]],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    return f"{command}\n{done.stdout}{done.stderr}exit {done.returncode}\n"


@pytest.mark.parametrize("name", NAMES)
def test_history(name):
    text = HERE / f"{name}.txt"
    command = f"$ quartet check {name.split('_')[0]} {name}.jsonl"
    if text.exists():
        command = text.read_text().splitlines()[0]
    answer = transcript(command)
    if os.environ.get("REWRITE"):
        text.write_text(answer)
    assert answer == text.read_text()


def test_every_verdict_has_a_history():
    codes = {(HERE / f"{name}.txt").read_text().splitlines()[-1] for name in NAMES}
    assert codes == {"exit 0", "exit 1", "exit 2", "exit 3"}


def test_the_example_of_the_format_is_judged():
    lines = (HERE.parents[1] / "specs/history.md").read_text().splitlines()
    example = [line for line in lines if line.startswith('{"type"')]
    assert example == (HERE / "register_good.jsonl").read_text().splitlines()


@pytest.mark.parametrize("name", ["kv_lost_delete", "kv_lost_markup", "register_stale_read"])
def test_a_violation_can_be_looked_at(name, tmp_path):
    page = tmp_path / "page.html"
    words = [name.split("_")[0], f"{name}.jsonl", "--html", page]
    assert subprocess.run([QUARTET, "check", *words], cwd=HERE, capture_output=True).returncode == 1
    text = page.read_text()
    assert not re.search(r"(?:src|href|url|import|fetch)\s*[=(]", text)
    assert set(re.findall(r"https?://[^'\"]+", text)) == {"http://www.w3.org/2000/svg"}
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    for key in json.loads(scripts[0])["keys"]:
        assert key["stuck"] not in key["prefixes"][key["main"]]["ops"]
        for number, operation in enumerate(key["ops"]):
            if operation["prefix"] is not None:
                prefix = key["prefixes"][operation["prefix"]]
                assert number in prefix["ops"] and len(prefix["ops"]) == len(prefix["states"])
    if shutil.which("node"):
        script = tmp_path / "script.js"
        script.write_text(scripts[1])
        subprocess.run(["node", "--check", script], check=True)


@pytest.mark.parametrize(
    "words, said",
    [
        (["register", "no-such-file"], "no-such-file: No such file"),
        (["regster", "x"], 'no model "regster"'),
        (["register"], "which model, and which file?"),
        (["register", "register_good.jsonl", "--initial", "x"], "--initial: x: a whole number"),
        (["register", "register_good.jsonl", "--memory", "0"], "a whole number from 1 to"),
    ],
)
def test_a_wrong_call_is_explained(words, said):
    done = subprocess.run(
        [QUARTET, "check", *words], cwd=HERE, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_the_readme_shows_what_is_said():
    transcript = (HERE / "register_stale_read.txt").read_text().rsplit("exit ", 1)[0]
    shown = transcript.replace("$ quartet ", "$ build/quartet ")
    shown = shown.replace("register_stale_read.jsonl", "test/check/register_stale_read.jsonl")
    assert shown in (HERE.parents[1] / "README.md").read_text()
