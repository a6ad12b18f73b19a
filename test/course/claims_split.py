"""What the programs of session 3 show, for test_claims.py."""

from changes import COUNT, numbers


def plans(runs):
    """By range: busy in front. By remainder: most keys move. By slot: only the newcomer's share."""
    for said in runs:
        by_range, by_remainder, by_slot = (numbers(row) for row in said.splitlines()[2:])
        assert by_range[0] > 50 and by_remainder[0] < 40 and by_slot[0] < 40
        assert 10 < by_range[1] < 22 and 70 < by_remainder[1] < 80 and 20 < by_slot[1] < 30
        assert (by_range[2], by_remainder[2], by_slot[2]) == (1, 3, 3)


def rings(runs):
    """One point each: chance decides, and one gives all. Many points: nearly fair, and all give."""
    rows = [[numbers(row) for row in said.splitlines()[2:]] for said in runs]
    for run in rows:
        assert all(row[-1] == 0 for row in run)  # among those that were there
        one, hundred, thousand = run[0], run[2], run[3]
        assert sum(gave > 0 for gave in one[3:6]) <= 1
        assert hundred[1] < 47 and thousand[1] < 41 and 20 < thousand[2] < 30
        assert all(4 < gave < 13 for gave in thousand[3:6])
    busiest = [run[0][1] for run in rows]
    assert 55 < sum(busiest) / COUNT < 67 and max(busiest) > 80  # 11/18 on average
    assert sum(run[0][1] for run in rows) > sum(run[1][1] for run in rows)


def halls(runs):
    """With no cut all rules are equal. In one, seats are sold twice, or customers are turned away:
    the fewest by a majority, and then no seat twice."""
    twice = 0
    for said in runs:
        one, two, three = (numbers(row) for row in said.splitlines()[2:])
        assert all(row[:2] == [0, 0] for row in (one, two, three))
        assert one[3] == 0 and two[2] == three[2] == 0
        assert 0 < two[3] < three[3]
        twice += one[2] > 0
    assert twice > 0.9 * COUNT


SPLIT_CLAIMS = {
    "08-partition": (plans, {"ROWS": 30, "SEATS": 40}, [("QUESTIONS", 1000)]),
    "09-ring": (rings, {"KEYS": 2000}, [("KEYS", 2000)]),  # in a fifth of the time
    "10-cut": (halls, {"SEATS": 100, "CUSTOMERS": 120, "CUT_FROM": 30, "CUT_UNTIL": 90}, ()),
}
