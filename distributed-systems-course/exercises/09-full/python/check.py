from mine import Queue

queue = Queue()
for job in ("a", "b", "c"):
    assert queue.put(job) == "inserted", f"there is room for {job}"
assert queue.put("d") == "full", "three jobs are in the queue: a fourth must be answered 'full'"
assert queue.reserve() == "a", "the oldest first"
assert queue.put("d") == "full", "'a' may come back: while it is in hand its place is not free"
queue.give_back("a")
assert queue.reserve() == "a", "'a' came back, and waits before all others"
queue.done("a")
assert queue.put("d") == "inserted", "'a' is done: there is room for one"
assert queue.put("e") == "full", "and only for one"
taken = [queue.reserve(), queue.reserve(), queue.reserve()]
assert taken == ["b", "c", "d"], (
    f"what was refused must not be in the queue, only b, c and d: {taken}"
)
for job in ("d", "c", "b"):
    queue.give_back(job)
taken = [queue.reserve(), queue.reserve(), queue.reserve()]
assert taken == ["b", "c", "d"], f"all three came back, and none may be lost: {taken}"
for job in ("b", "c", "d"):
    queue.done(job)
assert queue.reserve() is None, "a full queue can be emptied"
assert queue.put("f") == "inserted", "and filled again"
