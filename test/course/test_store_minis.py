"""The small store, step by step, in both languages: small enough to be read."""

import difflib

import pytest
from minis import MINIS, PROGRAMS, SUFFIX
from rooms import STORE

FILES = {  # what each step adds
    "step1": ("store", "log"),
    "step2": ("slots",),
    "step3": ("replica", "promises"),
    "step4": ("votes",),
    "step5": ("levels",),
}
LINES_MAX, LOG_MAX = 150, 60
STEPS = list(FILES)


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


def lines_of(path):
    return [line for line in path.read_text().splitlines() if line.strip()]


def test_no_file_is_long(language):
    for path in (STORE / "mini" / language).rglob(f"*.{SUFFIX[language]}"):
        most = LOG_MAX if path.stem == "log" else LINES_MAX
        assert len(lines_of(path)) <= most, path


def test_the_log_is_that_of_session_2_unchanged(language):
    """And so its file is still called queue.log."""
    log = (MINIS / language / "step4" / f"log.{SUFFIX[language]}").read_bytes()
    for step in STEPS:
        assert (STORE / "mini" / language / step / f"log.{SUFFIX[language]}").read_bytes() == log


def test_each_step_adds_files_and_changes_almost_none(language):
    home, seen = STORE / "mini" / language, []
    for step, names in FILES.items():
        seen += names
        files = {path.stem for path in (home / step).glob(f"*.{SUFFIX[language]}")} - {"__init__"}
        assert files == set(seen)
    for before, step in zip(STEPS, STEPS[1:], strict=False):
        for path in (home / before).glob(f"*.{SUFFIX[language]}"):
            old, new = lines_of(path), lines_of(home / step / path.name)
            added = [line for line in difflib.ndiff(old, new) if line.startswith("+ ")]
            # From step 3 on all slots are the leader's: the owners of step 2 go.
            assert len(added) <= (2 if (step, path.stem) == ("step3", "slots") else 0), path
