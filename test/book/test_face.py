"""The colours of the book (theme/palette.css): said once, readable, and told apart by everybody."""

import itertools
import re

import pytest
from conftest import COURSE

THEME = COURSE / "theme"
HEX = re.compile(r"#[0-9a-fA-F]{3,8}\b")
LANES = ["lane-keeps", "lane-works", "lane-asks"]
STATES = ["node-up", "node-down", "node-paused", "node-cut"]
KINDS = ["predict", "hint", "solution", "home", "instructor"]
TEXT = ["fg", "links", "inline-code-color", "letter", "lost", *STATES, *KINDS]
ON = [
    *((name, "bg") for name in [*TEXT, "right", "wrong", "accent"]),
    *((name, "soft") for name in ["fg", "links", "inline-code-color", "lost", "right", *KINDS]),
    *((name, "card") for name in ["fg", "links", *STATES]),
    *(("letter-ink", f"message-{kind}") for kind in ["append", "vote", "ack", "client"]),
    *[("fg", "note"), ("fg", "leader"), ("right", "right-soft"), ("wrong", "wrong-soft")],
    *[("fg", "right-soft"), ("fg", "wrong-soft"), ("stage-fg", "stage"), ("stage-gold", "stage")],
    *[("sidebar-fg", "sidebar-bg"), ("sidebar-active", "sidebar-bg")],
    *[("sidebar-non-existant", "sidebar-bg"), ("searchresults-header-fg", "bg"), ("icons", "bg")],
    *[("searchbar-fg", "searchbar-bg"), ("fg", "searchresults-li-bg"), ("fg", "quote-bg")],
]
# How much of red, green and blue is seen in each by who lacks one kind of cone: Machado, Oliveira
# and Fernandes 2009, severity 1.
EYES = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deutan": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    "tritan": ((1.256, -0.077, -0.179), (-0.078, 0.931, 0.148), (0.005, 0.691, 0.304)),
}
APART = 12  # CIE76; 2.3 is just noticeable side by side


def faces():
    text = (THEME / "palette.css").read_text()
    day, night = text.split("@media screen")

    def said(part):
        return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))

    return {"day": said(day), "night": {**said(day), **said(night)}}


FACES = faces()


def linear(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def luminance(colour):
    return sum(k * c for k, c in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def lab(colour, eye):
    r, g, b = (
        min(1, max(0, sum(k * c for k, c in zip(row, linear(colour), strict=True)))) for row in eye
    )
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one, other, eye):
    pairs = zip(lab(one, eye), lab(other, eye), strict=True)
    return sum((a - b) ** 2 for a, b in pairs) ** 0.5


@pytest.mark.parametrize("face", FACES)
def test_text_can_be_read_on_what_it_stands_on(face):
    colours = FACES[face]
    found = {(a, b): contrast(colours[a], colours[b]) for a, b in ON}
    assert not {pair: round(ratio, 2) for pair, ratio in found.items() if ratio < 4.5}


@pytest.mark.parametrize("face", FACES)
def test_lines_can_be_seen(face):
    colours = FACES[face]
    grounds = ["bg", "soft", "card"]
    for line in ["edge", *LANES]:
        assert all(contrast(colours[line], colours[ground]) >= 3 for ground in grounds), line


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("eye", EYES)
def test_states_are_told_apart_by_every_eye(face, eye):
    colours = FACES[face]
    found = {
        (a, b): distance(colours[a], colours[b], EYES[eye])
        for kind in (STATES, LANES)
        for a, b in itertools.combinations(kind, 2)
    }
    assert not {pair: round(apart, 1) for pair, apart in found.items() if apart < APART}


def test_no_other_file_has_colours_of_its_own():
    files = [
        path
        for path in sorted(THEME.rglob("*"))
        if path.suffix in {".css", ".js", ".ts"} and path.name != "palette.css"
    ]
    assert len(files) > 10
    found = {path.name: HEX.findall(path.read_text()) for path in files}
    assert not {name: colours for name, colours in found.items() if colours}
