"""The programs of the pages, copied, with their text changed as a reader would change it."""

import re
import shutil
import subprocess
import sys

from minis import MINIS, NODE, SUFFIX

CONCEPTS = MINIS.parents[1] / "concepts"
RUN = {"python": sys.executable, "typescript": NODE}
SEEDS = "1..100"
COUNT = 100


def changed(text, edits):
    """A number by its name, or one text for another; what is not there is no change."""
    for old, new in edits:
        if re.fullmatch(r"[A-Z_]+", old):
            text, count = re.subn(
                rf"(?m)^((?:const )?{old}(?:: \w+)? = )[\d.]+", rf"\g<1>{new}", text
            )
        else:
            text, count = text.replace(old, new), text.count(old)
        assert count == 1, (old, count)
    return text


def run(place, topic, language, edits=(), seeds=SEEDS):
    """What the program says for each seed."""
    place.mkdir(parents=True)
    shutil.copy(CONCEPTS / "package.json", place)
    shutil.copy(CONCEPTS / f"luck.{SUFFIX[language]}", place)
    home = place / topic / language
    shutil.copytree(CONCEPTS / topic / language, home)
    program = home / f"main.{SUFFIX[language]}"
    program.write_text(changed(program.read_text(), edits))
    done = subprocess.run(
        [RUN[language], program, "--seeds", seeds], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return re.split(r"(?m)^seed \d+\n", done.stdout)[1:]


def numbers(text):
    return [int(word) for word in re.findall(r"-?\d+", text)]
