"""What the programs of session 5 show, for test_claims.py."""

from changes import COUNT, numbers


def levels(runs):
    """A copy may be stale, older than before, and without one's own write; with a token it may only
    be stale; a confirmed leader is none of it, and costs a round."""
    rows = [[numbers(row.replace("-", " ")) for row in said.splitlines()[1:]] for said in runs]
    for local, session, linearizable in rows:
        assert local[3] == 0 and linearizable[:3] == [0, 0, 0]
        assert session[1:3] == [0, 0]
        assert linearizable[3] > 0
    for column in range(3):
        assert sum(local[column] > 0 for local, _, _ in rows) > 0.5 * COUNT
    assert sum(session[0] > 0 for _, session, _ in rows) > 0.5 * COUNT
    assert sum(session[3] for _, session, _ in rows) > 0


def quorums(runs):
    """R + W > N never misses what is done; and two readers may see new, then old."""
    for said in runs:
        lines = said.splitlines()
        rows = [numbers(line.partition("=")[2])[1:] for line in lines[2:5]]
        for w, row in enumerate(rows, start=1):
            assert [missed == 0 for missed in row] == [r + w > 3 for r in (1, 2, 3)]
        as_above, back = (numbers(line)[0] for line in lines[-2:])
        assert as_above > 0 and back == 0


def clocks(runs):
    """Clocks that are off miss causes; one number misses none and invents; a vector neither."""
    rows = [[numbers(row) for row in said.splitlines()[2:]] for said in runs]
    for wall, count, vector in rows:
        assert wall[1] > 0
        assert count[0] == 0 and count[1] > 0
        assert vector == [0, 0]
    assert sum(wall[0] > 0 for wall, _, _ in rows) > 0.2 * COUNT


STEPS = ["no yes yes yes", "no no yes yes", "no no no yes", "no no no no"]


def spectrum(runs):
    """Each promise keeps what the weaker ones keep; causal does not follow from own writes."""
    drawn = [0, 0, 0, 0]
    for said in runs:
        lines = said.splitlines()
        assert [" ".join(line[31:].split()) for line in lines[1:5]] == STEPS
        counts = numbers(lines[5])[1:]
        assert counts == sorted(counts) and lines[6].endswith(": 0")
        drawn = [a + b for a, b in zip(drawn, counts, strict=True)]
    assert len(set(drawn)) == 4  # and each of them keeps some that the next stronger one does not


READS_CLAIMS = {
    "14-levels": (
        levels,
        {
            "CUSTOMERS": 4,
            "WRITES": 0.3,
            "THINK_MS": 40,
            "LAG_MS": 10,
            "SLOW_MS": 300,
            "SLOW": 0.1,
        },
        [("READS", 100)],
    ),
    "15-quorum": (quorums, {}, [("TRIES", 100)]),
    "16-vector-clock": (
        clocks,
        {"TOLD": 0.2, "DELAY_S": 20, "OFF_S": 10},
        [("EVENTS", 40)],
    ),
    "17-spectrum": (spectrum, {"CALLS": 0.6}, [("HISTORIES", 10)]),
}
