"""What the pages of session 3 propose to change is changed here, and run, in both languages."""

import pytest
from changes import COUNT, numbers, run
from minis import PROGRAMS
from stores import Cluster

CUT_TO_THE_END = ("CUT_UNTIL", 120)


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


def rows(said):
    return [numbers(row) for row in said.splitlines()[2:]]


def test_a_longer_cut_costs_more_and_without_a_majority_nobody_sells(language, tmp_path):
    short = run(tmp_path / "short", "10-cut", language)
    long = run(tmp_path / "long", "10-cut", language, [CUT_TO_THE_END])
    halls = ("Hall(2, needs)", "Hall(1, needs)")
    even = run(tmp_path / "even", "10-cut", language, [CUT_TO_THE_END, halls])
    twice = [sum(rows(said)[0][2] for said in runs) for runs in (short, long)]
    assert twice[0] < twice[1]
    for before, after, without in zip(short, long, even, strict=True):
        _, two, three = rows(before)
        assert rows(after)[1][3] > two[3] and rows(after)[2][3] == three[3] + 30 == 90
        _, two, three = rows(without)
        assert two[1] == 0 and two[3] == 90  # both halls refuse, as long as the cable is cut
        assert three[1] == three[3] == 120  # and that there is no third copy, no cable mends
    assert len(even) == COUNT


def test_what_stands_in_braces_decides_the_slot(language, tmp_path):
    nodes = Cluster([language], "step2", tmp_path)
    try:
        nodes.start()
        keys = ("seat:12", "seat:13", "{row:5}:seat:12", "{row:5}:seat:13")
        slots = [nodes.say(1, "CLUSTER", "KEYSLOT", key) for key in keys]
        assert slots == [6434, 2307, 1289, 1289]
    finally:
        nodes.stop()
