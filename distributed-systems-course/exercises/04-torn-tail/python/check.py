from mine import checksum, replay


def line(text: str) -> str:
    return f"{checksum(text)} {text}\n"


whole = line("put 1") + line("put 2")
assert replay("") == ([], 0), "an empty log has no entries"
assert replay(whole) == (["put 1", "put 2"], len(whole)), "a whole log gives all its entries"
for cut in range(len(line("put 1")), len(whole)):
    wanted = (["put 1"], len(line("put 1")))
    assert replay(whole[:cut]) == wanted, f"torn after {cut}: only the first line is good"
torn = whole.replace("put 2", "put 9")
assert replay(torn) == (["put 1"], len(line("put 1"))), "a bad last line is left out"
damaged = whole.replace("put 1", "put 9")
try:
    replay(damaged)
except ValueError as error:
    assert "1" in str(error), f"the error must name line 1: {error}"
else:
    raise AssertionError("line 1 is bad and line 2 is good: that is damage, and must be an error")
