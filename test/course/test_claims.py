"""What the pages claim, where it rests on numbers or on luck: with each number a fifth smaller and
a fifth larger, for a hundred seeds, in both languages. One process runs all seeds.
"""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from changes import CONCEPTS, COUNT, RUN, numbers, run
from claims_copies import COPIES_CLAIMS
from claims_reads import READS_CLAIMS
from claims_split import SPLIT_CLAIMS
from minis import PROGRAMS, SUFFIX


@pytest.fixture(params=list(PROGRAMS))
def language(request):
    return request.param


# --- what the programs show -----------------------------------------------------------------------

STORIES = ("the request was lost", "the office crashed", "the reply was lost", "but it took")


def timeouts(runs):
    """Four stories behind one timeout; whether a seat is sold cannot be seen from the shop."""
    for said in runs:
        rows = said.splitlines()[1:-2]
        assert len(rows) == 12
        assert all(("timeout" in row) == any(story in row for story in STORIES) for row in rows)
    for story in STORIES:
        assert sum(story in said for said in runs) > COUNT / 3, story
        assert any(story in said.splitlines()[1] for said in runs), f"seat 1, never: {story}"
    assert any(re.match(" +1  sold", said.splitlines()[1]) for said in runs)
    sold_and_not = sum(all(numbers(said.splitlines()[-2])[1:]) for said in runs)
    assert sold_and_not > 0.9 * COUNT


def promises(runs):
    """At most once loses, at least once repeats, and neither does both; a key ends it."""
    lost = twice = 0
    for said in runs:
        most, least, keyed = (numbers(row) for row in said.splitlines())
        assert most[2] == 0 and least[1] == 0 and keyed[1:] == [0, 0]
        lost += most[1] > 0
        twice += least[2] > 0
    assert min(lost, twice) > 0.95 * COUNT


def generals(runs):
    """More messengers make a lone attack rarer, and any attack, too; never impossible."""
    for said in runs:
        rows = [numbers(row) for row in said.splitlines()[1:-1]]
        both, alone = [row[1] for row in rows], [row[3] for row in rows]
        assert all(alone) and alone[0] > alone[3] > alone[7] and both[0] > both[3] > both[7]


def crowd(runs):
    """Only chance pulls a crowd apart."""
    for said in runs:
        at_once, doubling, jitter = said.splitlines()[1::2]
        workers = numbers(at_once)[-1]
        assert "still not served" in at_once and at_once.endswith(f"{workers} still not served")
        assert doubling.endswith(f"{workers} still not served")  # not one of them
        assert "all served after" in jitter and numbers(jitter)[-1] < 100


def leases(runs):
    """A longer lease: less done twice, and the tasks of the dead lie longer; touch helps with work
    that is long, and not with a worker that stands still."""
    for said in runs:
        rows = [numbers(row) for row in said.splitlines()[1:]]
        _, twice, with_touch, waited = (list(column) for column in zip(*rows, strict=True))
        assert twice == sorted(twice, reverse=True) and waited == sorted(waited) and waited[0] > 0
        assert all(touched <= plain for touched, plain in zip(with_touch, twice, strict=True))
        assert 0 < with_touch[0] < twice[0]  # for a short lease, not zero


def fences(runs):
    """To ask before one writes makes it rarer; only the number of the lease ends it."""
    for said in runs:
        writes, asks, fenced = (numbers(row) for row in said.splitlines()[1:])
        assert writes[0] > asks[0] > 0 and fenced[0] == 0
        assert writes[1] == asks[1] == 0 and fenced[1] == writes[0]


def orders_of_steps(runs):
    for said in runs:
        first, second, third = (numbers(row) for row in said.splitlines()[2:])
        assert first[0] > 0 and first[1] > 0
        assert second[0] == 0 and second[1] > 0  # what killing the program does not show
        assert third == [0, 0]


def pressure(runs):
    """With a limit who gets in is served soon; from the door it takes as long as without one."""
    for said in runs:
        unlimited, refusing, waiting = (numbers(row) for row in said.splitlines()[2:])
        inside = refusing[1]
        assert unlimited[1] == unlimited[3] > 5 * inside and unlimited[2] == unlimited[4] == 0
        assert refusing[3] == inside and refusing[2] == 0 and refusing[4] > 0
        assert waiting[1] == inside and waiting[3] == unlimited[3] and waiting[4] == 0
        assert waiting[0] == refusing[0] and waiting[2] > 0


PROGRAM_CLAIMS = {
    "01-timeout": (timeouts, {"TIMEOUT_MS": 100, "LOSS": 0.2, "CRASH": 0.2}, ()),
    "02-delivery": (promises, {"LOSS": 0.3, "SEATS": 20, "TRIES_MAX": 50}, ()),
    "03-two-generals": (generals, {"CAUGHT": 0.25}, [("BATTLES", 1000)]),  # in a tenth of the time
    "04-backoff": (
        crowd,
        {"WORKERS": 100, "SERVED_PER_S": 20, "REFUSAL_COST": 0.5, "CAP_S": 32, "SECONDS_MAX": 200},
        (),
    ),
    "05-lease": (leases, {"TASKS": 1000, "LONG": 0.1, "DIES": 0.02, "STANDS_STILL": 0.03}, ()),
    "05-fencing": (fences, {"LEASES": 1000, "LEASE_S": 10, "STANDS_STILL": 0.1}, ()),
    "06-persist": (orders_of_steps, {"JOBS": 1000}, ()),
    "07-backpressure": (
        pressure,
        {"RUSH_S": 600, "RUSH": 15, "CALM": 4, "PRINTED_PER_S": 10, "LIMIT": 100},
        (),
    ),
    **COPIES_CLAIMS,
    **SPLIT_CLAIMS,
    **READS_CLAIMS,
}


def test_each_program_has_its_claim():
    assert sorted(PROGRAM_CLAIMS) == sorted(path.name for path in CONCEPTS.glob("[0-9]*"))


@pytest.mark.parametrize("topic", PROGRAM_CLAIMS)
def test_a_claim_holds_for_each_seed_and_with_each_number_a_fifth_off(topic, language, tmp_path):
    claim, given, always = PROGRAM_CLAIMS[topic]
    variations = [()]
    for name, number in given.items():
        for factor in (0.8, 1.2):
            varied = type(number)(round(number * factor, 4))
            variations.append(((name, varied),))
    with ThreadPoolExecutor(2) as pool:
        work = [
            pool.submit(run, tmp_path / str(i), topic, language, [*always, *edits])
            for i, edits in enumerate(variations)
        ]
        for edits, done in zip(variations, work, strict=True):
            runs = done.result()
            assert len(runs) == COUNT
            try:
                claim(runs)
            except AssertionError as error:
                raise AssertionError(f"{topic} with {edits}: {error}") from error


@pytest.mark.parametrize("topic", PROGRAM_CLAIMS)
def test_both_languages_have_the_same_luck(topic, tmp_path):
    edits = PROGRAM_CLAIMS[topic][2]
    python, typescript = (run(tmp_path / one, topic, one, edits, "0..29") for one in PROGRAMS)
    assert python == typescript


ONE_SEAT = {
    "python": """
office = BoxOffice(remember=True)
print(*(office.sell(*order) for order in (("a", "anna", 12), ("b", "ben", 12), ("a", "anna", 12))))
print(*office.sold.values())
play(lambda seed: None)
""",
    "typescript": """
const office = new BoxOffice(true);
const [a, b] = [["a", "anna", 12], ["b", "ben", 12]] as const;
console.log(office.sell(...a), office.sell(...b), office.sell(...a));
console.log(...office.sold.values());
play(() => {});
""",
}


def test_the_box_office_gives_a_seat_to_one_customer_only(language, tmp_path):
    head = "play(main)\n" if language == "python" else "play(main);\n"
    place = tmp_path / "copy"
    run(place, "02-delivery", language, [("\n" + head, ONE_SEAT[language])], "1..1")
    program = place / "02-delivery" / language / f"main.{SUFFIX[language]}"
    done = subprocess.run([RUN[language], program, "1"], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["sold taken sold", "1"]
