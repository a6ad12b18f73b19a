"""The table of test/mutants/README.md counts its rows, and tells of patches that are there."""

import re

from rooms import ROOT

MUTANTS = ROOT / "test/mutants"


def untrue(patches, text):
    """What the text says of the patches that is not so."""
    told = text[text.index("<!-- measured -->") : text.index("<!-- end -->")]
    rows = re.findall(r"^\| `([^`]+)` \|", told, re.MULTILINE)
    count = int(re.search(r"(\d+) mutants", told).group(1))
    wrong = [f"{name}: no such patch" for name in sorted(set(rows) - patches)]
    return wrong + ([f"{count} mutants, and {len(rows)} rows"] if count != len(rows) else [])


def test_the_table_is_true():
    patches = {path.stem for path in MUTANTS.glob("*.patch")}
    assert untrue(patches, (MUTANTS / "README.md").read_text()) == []


def test_canary_is_caught():
    text = "<!-- measured -->\n7 mutants.\n\n| `a-rule` | r | 1 | c |\n<!-- end -->"
    assert len(untrue({"another-rule"}, text)) == 2
