"""What the programs of session 4 show, for test_claims.py."""

from changes import COUNT, numbers


def levels(runs):
    """An answer that has waited for k disks survives the death of k - 1, and of no more; whoever
    waits for all waits longest, and often in vain."""
    took, unheard = [0, 0, 0], [0, 0, 0]
    for said in runs:
        leader, majority, everybody = rows = [numbers(row) for row in said.splitlines()[2:]]
        took = [sum(pair) for pair in zip(took, (row[0] for row in rows), strict=True)]
        unheard = [sum(pair) for pair in zip(unheard, (row[1] for row in rows), strict=True)]
        assert leader[2] > 0 and leader[3] > 0
        assert majority[2] == 0 and majority[3] > 0
        assert everybody[2:] == [0, 0]
    assert took[0] < took[1] < took[2] / 3
    assert unheard[0] == 0 and unheard[1] < unheard[2] / 10


def cut_off(runs):
    """By numbers, two lead nearly as long as the cut lasts; by votes for a second at most, and then
    it is the level that keeps the old one from selling."""
    unsafe = 0
    for said in runs:
        number, votes, safe = (numbers(row[38:].replace(".", "")) for row in said.splitlines()[1:])
        assert number[0] > 5 * 10 and number[1] >= number[0] / 10 - 1 and number[2] >= number[1]
        assert votes[0] <= 1.3 * 10 and votes[2] > 0
        assert safe[0] == votes[0] and safe[1:] == [0, 0]
        unsafe += votes[1] > 0
    assert COUNT / 10 < unsafe < COUNT


def memory(runs):
    """A vote that is forgotten may be given twice, and elects two; one that is kept never."""
    for said in runs:
        memory, disk = (numbers(row) for row in said.splitlines()[1:])
        assert memory[2] > 0 and disk[2] == 0 and disk[1] > 0


def two_leaders(runs):
    """Where the last writer wins, sales go in silence, some of them the later ones; where both are
    kept, as many wait for somebody to decide."""
    for said in runs:
        last, both, one = (numbers(row) for row in said.splitlines()[1:])
        assert last[1] > last[2] > 0 and last[3] == 0
        assert both == [last[0], 0, 0, last[1]]
        assert one[1:] == [0, 0, 0]


COPIES_CLAIMS = {
    "11-replication": (
        levels,
        {"SYNC_MS": 2.0, "LINK_MS": 4.0, "DOWN_MS": 4000, "SOON_MS": 20, "DOWN": 0.1},
        [("SALES", 200)],
    ),
    "12-election": (cut_off, {"CUT_S": 10, "CUT_AT_S": 5, "ELECTION_S": 1.0}, [("EVENING_S", 20)]),
    "12-memory": (memory, {"RESTARTS": 0.3}, [("ELECTIONS", 300)]),
    "13-two-leaders": (
        two_leaders,
        {"SEATS": 300, "TELL_S": 10, "AHEAD_S": 4},
        [("ORDERS", 500)],
    ),
}
