from mine import BoxOffice

office = BoxOffice()
assert office.sell("a", 12) == "sold", "the first order for a free seat must be sold"
assert office.sell("b", 12) == "taken", "another order for the same seat must be answered 'taken'"
assert office.sell("a", 12) == "sold", "order a came again: it was sold, so say 'sold' again"
assert office.sell("b", 12) == "taken", "order b came again: its answer was 'taken'"
office.give_back(12)
assert office.sell("a", 12) == "sold", "order a came a third time: the same answer, always"
assert 12 not in office.seats, "a repeated order must have no effect: seat 12 was given back"
assert office.sell("b", 12) == "taken", "order b was answered 'taken', and stays so"
assert office.sell("c", 12) == "sold", "a *new* order for a seat that is free again must be sold"
assert office.seats == {12: "c"}, f"seat 12 belongs to order c, not {office.seats}"
