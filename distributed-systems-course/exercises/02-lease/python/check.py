from mine import Queue

queue = Queue()
for job in ("one", "two"):
    queue.put(job)
assert queue.reserve("anna", now=100) == "one", "the oldest job comes first"
assert queue.reserve("ben", now=101) == "two", "'one' is Anna's: Ben gets 'two'"
assert queue.reserve("carl", now=102) is None, "both jobs are held: there is nothing for Carl"
assert queue.done("ben", "two", now=103) is True, "Ben holds 'two' and has done it"
assert queue.reserve("carl", now=109) is None, "Anna's lease runs until 110"
assert queue.reserve("carl", now=110) == "one", "at 110 Anna's lease is over: Carl gets 'one'"
assert queue.done("anna", "one", now=111) is False, "'one' is Carl's now: Anna is too late"
assert queue.done("carl", "one", now=112) is True, "Anna's late word must not have removed 'one'"
assert queue.done("carl", "one", now=113) is False, "what is done is gone"
assert queue.reserve("anna", now=200) is None, "both jobs are done"
queue.put("three")
assert queue.reserve("anna", now=300) == "three"
assert queue.done("anna", "three", now=311) is False, "over is over, even if nobody else came"
assert queue.reserve("ben", now=311) == "three", "and the job must still be there"
