from mine import Office

office = Office()
assert office.hear("anna", 1, "seat 1") == "done", "the first order of a sender is carried out"
assert office.hear("anna", 1, "seat 1") == "again", "number 1 came again: it is done already"
assert office.done == ["seat 1"], "a repetition must have no effect"
assert office.hear("ben", 1, "seat 9") == "done", "Ben has numbers of his own"
assert office.hear("anna", 3, "seat 3") == "gap", "number 2 has not come yet"
assert office.done == ["seat 1", "seat 9"], "an order that comes too early must have no effect"
assert office.hear("anna", 2, "seat 2") == "done", "number 2 is the next one"
assert office.hear("anna", 3, "seat 3") == "done", "the sender repeats 3, and now it is the next"
assert office.hear("anna", 2, "seat 2") == "again", "a late copy of number 2"
assert office.hear("ben", 1, "seat 9") == "again", "and one of Ben's"
assert office.done == ["seat 1", "seat 9", "seat 2", "seat 3"], f"each order once: {office.done}"
for number in range(4, 1001):
    office.hear("anna", number, "seat")
kept = sum(len(v) for k, v in vars(office).items() if k != "done" and hasattr(v, "__len__"))
assert kept <= 4, f"after 1,001 orders of two senders the office remembers {kept} things, not two"
