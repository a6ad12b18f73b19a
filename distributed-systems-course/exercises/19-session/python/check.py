from mine import Copy, Customer


class Store:
    """The leader's writes come to another copy when `copy_from` is called."""

    def __init__(self) -> None:
        self.stamp = 0
        self.data: dict[str, str] = {}
        self.asked = 0

    def get(self, seat: str) -> str | None:
        self.asked += 1
        return self.data.get(seat)

    def set(self, seat: str, value: str) -> int:
        self.stamp += 1
        self.data[seat] = value
        return self.stamp

    def copy_from(self, other: "Store") -> None:
        self.stamp, self.data = other.stamp, dict(other.data)


leader, near, far = Store(), Store(), Store()
copies: list[Copy] = [far, near, leader]

anna, ben = Customer(), Customer()
assert ben.look(copies, "12") == "free", "nobody has bought anything: the first copy says free"
assert far.asked == 1, "who knows nothing asks the first copy"
anna.buy(leader, "12")
assert anna.look([far, near], "12") is None, "neither copy knows of Anna's seat: she has to wait"
found = anna.look(copies, "12")
assert found == "hers", f"Anna has bought 12: the leader knows of it, and she sees {found!r}"
assert ben.look(copies, "12") == "free", "Ben knows of nothing: an old copy is good enough for him"
near.copy_from(leader)
assert anna.look([far, near], "12") == "hers", "the second copy knows of her seat now"
assert ben.look([near], "12") == "hers", "Ben asks a copy that knows it"
found = ben.look([far], "12")
assert found is None, f"Ben has seen 12 sold: a copy that shows {found!r} takes him back in time"
assert ben.look([far, near], "12") == "hers", "but another copy may know enough"
for _ in range(3):
    leader.set("13", "another's")
assert anna.look([near], "12") == "hers", "what others write does not make a copy useless to her"
anna.buy(leader, "14")
assert anna.look([near], "12") is None, "after her second purchase, the copy lacks it"
far.copy_from(leader)
assert anna.look([near, far], "14") == "hers", "the other one has it by now"
assert far.asked >= 2 and anna.look([near], "12") is None, "what she has seen there she knows, too"
