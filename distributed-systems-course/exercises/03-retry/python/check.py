from mine import delay_s

assert delay_s(1, 0.0) == 0.5, "after the first attempt: at least half a second"
assert (delay_s(1, 0.999) or 1) < 1, "and less than one"
assert delay_s(4, 0.0) == 4, "after the fourth: 8 seconds at most, 4 at least"
assert delay_s(4, 0.5) == 6, "halfway between"
assert delay_s(7, 0.0) == 30, "64 would be more than the cap of 60: half of the cap"
assert delay_s(7, 0.5) == 45
assert delay_s(8, 0.5) is None, "the eighth attempt was the last one"
assert delay_s(9, 0.5) is None, "and so is every later one"
