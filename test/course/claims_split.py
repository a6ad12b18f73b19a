"""What the programs of session 3 show, for test_claims.py."""

from changes import numbers


def plans(runs):
    """By range: busy in front. By remainder: most keys move. By slot: only the newcomer's share."""
    for said in runs:
        by_range, by_remainder, by_slot = (numbers(row) for row in said.splitlines()[2:])
        assert by_range[0] > 50 and by_remainder[0] < 40 and by_slot[0] < 40
        assert 10 < by_range[1] < 22 and 70 < by_remainder[1] < 80 and 20 < by_slot[1] < 30
        assert (by_range[2], by_remainder[2], by_slot[2]) == (1, 3, 3)


SPLIT_CLAIMS = {
    "08-partition": (plans, {"ROWS": 30, "SEATS": 40}, [("QUESTIONS", 1000)]),
}
