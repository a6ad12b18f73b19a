from mine import Voter


class Disk:
    """Outlives its node."""

    def __init__(self) -> None:
        self.term = self.vote = 0

    def save(self, term: int, vote: int) -> None:
        assert term >= self.term, f"the disk had term {self.term}, and gets {term}: terms only grow"
        self.term, self.vote = term, vote


disk = Disk()
node = Voter(disk, (1, 5))
assert node.asked(2, 3, (1, 5)) is True, "term 2 is new, and node 3 has the same data: yes"
assert node.asked(2, 1, (1, 5)) is False, "its vote in term 2 is node 3's: no, whoever else asks"
assert node.asked(2, 3, (1, 5)) is True, "node 3 asks once more, for its answer was lost: still yes"
assert (disk.term, disk.vote) == (2, 3), "a yes must be on the disk before it is said"

node = Voter(disk, (1, 5))  # it was killed, and starts again
assert node.asked(2, 1, (1, 5)) is False, "after a restart its vote in term 2 is still node 3's"
assert node.asked(2, 3, (1, 5)) is True, "and node 3 still has it"

assert node.asked(1, 1, (1, 9)) is False, "term 1 is over: a vote in it would elect a second leader"
assert node.asked(3, 1, (1, 4)) is False, "version 4 lacks what this node has: no"
assert disk.term == 3, "term 3 has begun, though it said no: the disk has to know"
assert node.asked(2, 3, (1, 5)) is False, "term 2 is over: somebody has asked in term 3"
assert node.asked(3, 3, (1, 5)) is True, "a no is no vote: in term 3 it still has one to give"

node = Voter(disk, (2, 1))
assert node.asked(4, 1, (1, 9)) is False, "(1, 9) is older than (2, 1): the term counts first"
assert node.asked(4, 3, (2, 2)) is True, "(2, 2) is newer than (2, 1)"
node = Voter(disk, (2, 1))
assert node.asked(4, 1, (9, 9)) is False, "newer data does not buy a vote that is given"
