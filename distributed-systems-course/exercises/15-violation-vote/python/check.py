import random

from mine import Voter

NODES, MAJORITY = (1, 2, 3), 2


class Disk:
    def __init__(self) -> None:
        self.term = self.vote = self.syncs = 0

    def save(self, term: int, vote: int) -> None:
        self.term, self.vote = term, vote
        self.syncs += 1


def one_term(draw: random.Random, term: int, disks: dict[int, Disk]) -> list[str]:
    """All three ask, each at its own time, itself first; one restarts. What is wrong."""
    voters = {node: Voter(disks[node]) for node in NODES}
    begins = {node: draw.random() for node in NODES}
    asks = sorted(
        (begins[candidate] + (draw.random() if candidate != node else 0), candidate, node)
        for candidate in NODES
        for node in NODES
    )
    restart, at = draw.choice(NODES), draw.randrange(1, 9)
    votes: dict[int, set[int]] = {node: set() for node in NODES}
    leaders, history = set(), []
    for number, (_, candidate, node) in enumerate(asks):
        if number == at:
            voters[restart] = Voter(disks[restart])
            history.append(f"node {restart} is killed and starts again")
        if candidate != node and not votes[candidate]:
            continue  # it has not got its own vote, so it asks nobody
        if voters[node].asked(term, candidate):
            votes[candidate].add(node)
            history.append(f"node {node} votes for node {candidate}")
        if len(votes[candidate]) >= MAJORITY and candidate not in leaders:
            leaders.add(candidate)
            history.append(f"node {candidate} LEADS and sells seat 12")
    return history if len(leaders) > 1 else []


for seed in range(1000):
    wrong = one_term(random.Random(seed), 7, {node: Disk() for node in NODES})
    for line in wrong:
        print(f"| {line}")
    assert not wrong, "two nodes led in term 7, and each has sold seat 12"

disk = Disk()
node = Voter(disk)
assert node.asked(5, 1) and not node.asked(5, 2), "one vote a term, and there is none for node 2"
assert disk.syncs == 1, f"one yes needs one sync, and there were {disk.syncs}"
assert node.asked(5, 1) and disk.syncs == 1, "a yes that was given before needs no second sync"
assert not node.asked(4, 2), "term 4 is over"
