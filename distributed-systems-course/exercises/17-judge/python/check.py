from mine import Call, keeps_time, linearizable, shows_last_write


def call(text: str) -> Call:
    """`1-3 write anna`"""
    times, kind, value = text.split()
    begin, end = map(float, times.split("-"))
    return Call(kind, value, begin, end)


def check(*texts: str, wanted: bool, why: str) -> None:
    found = linearizable([call(text) for text in texts])
    said = {True: "linearizable", False: "not linearizable"}
    assert found is wanted, f"({', '.join(texts)}) is {said[wanted]}: {why}"


# Each check alone
sold, ben, free = call("1-2 write anna"), call("3-4 read anna"), call("3-4 read free")
assert shows_last_write([free]) is True, "shows_last_write: in the beginning the seat is free"
assert shows_last_write([sold, ben]) is True, "shows_last_write: Anna's write, then a read of it"
assert shows_last_write([sold, free]) is False, (
    "shows_last_write: after Anna's write it is not free"
)
assert shows_last_write([ben, sold]) is False, "shows_last_write: nobody had written 'anna' yet"
again = [sold, call("5-6 write ben"), ben]
assert shows_last_write(again) is False, (
    "shows_last_write: only the last write before a read counts"
)
assert keeps_time([sold, free]) is True, "keeps_time: the write had ended when the read began"
assert keeps_time([free, sold]) is False, "keeps_time: the read began after the write had ended"
both = [call("2-9 write anna"), call("1-5 read anna")]
assert keeps_time(both) is True, "keeps_time: calls that overlap may stand in either order"
apart = [call("5-6 read free"), call("1-9 read free"), call("2-3 write anna")]
assert keeps_time(apart) is False, "keeps_time: look at all pairs, not only at neighbours"

# Both together
check("1-2 write anna", "3-4 read free", wanted=False, why="sold, and then free: a stale read")
check("1-4 write anna", "2-3 read free", wanted=True, why="the read may stand before the write")
check("1-4 write anna", "2-3 read anna", wanted=True, why="the write may stand before the read")
check(
    *("1-9 write anna", "2-3 read anna", "4-5 read free"),
    wanted=False,
    why="who has seen the new one cannot be followed by one who sees the old one",
)
check(
    *("1-9 write anna", "2-6 read anna", "4-5 read free"),
    wanted=True,
    why="the two reads overlap, and so does the write",
)
check(
    *("1-4 write anna", "2-5 write ben", "6-7 read anna", "8-9 read anna"),
    wanted=True,
    why="two writes that overlap may stand in either order",
)
check(
    *("1-4 write anna", "2-5 write ben", "6-7 read anna", "8-9 read ben"),
    wanted=False,
    why="nobody has written between the two reads",
)
