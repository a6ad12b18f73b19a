from mine import Ring

KEYS = range(360)


def owners(ring: Ring) -> list[str | None]:
    return [ring.owner(key) for key in KEYS]


ring = Ring()
ring.join("a", [100])
ring.join("b", [200])
assert ring.owner(150) == "b", "a at 100, b at 200: the next one for a key at 150 is b"
assert ring.owner(110) == "b", "a at 100, b at 200: a key at 110 is nearer to a, but a is behind it"
assert ring.owner(100) == "a", "a stands at 100: a key at 100 belongs to a"
assert ring.owner(101) == "b", "a stands at 100: a key at 101 has passed it"
assert ring.owner(300) == "a", "behind 359 comes 0: the next one for a key at 300 is a, at 100"
assert ring.owner(0) == "a", "the next one for a key at 0 is a, at 100"

before = owners(ring)
ring.join("c", [150])
after = owners(ring)
moved = [key for key in KEYS if before[key] != after[key]]
assert moved == list(range(101, 151)), f"c joins at 150: 101 to 150 move to it, and not {moved}"
assert {after[key] for key in moved} == {"c"}, "c joins at 150: what moves, moves to c"
ring.leave("c")
assert owners(ring) == before, "c joined and left: all must be as it was"

ring.join("d", [50, 150, 250, 350])
with_d = owners(ring)
assert with_d[345] == with_d[245] == with_d[140] == "d", "d stands at 50, 150, 250 and 350"
assert with_d[355] == "d", "behind 350 comes 50, and there is d, too"
ring.leave("b")
after = owners(ring)
wrong = [key for key in KEYS if with_d[key] not in ("b", after[key])]
assert not wrong, f"b leaves: the key at {wrong[0] if wrong else 0} was not b's, and has moved"
assert "b" not in after, "b has left, and still owns a key"
ring.leave("d")
assert set(owners(ring)) == {"a"}, "a is alone: everything is a's"
ring.leave("a")
assert ring.owner(7) is None, "nobody is there: nobody owns a key"
