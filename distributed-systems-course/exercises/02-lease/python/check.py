from mine import Queue

queue = Queue()
for job in ("one", "two"):
    queue.put(job)
assert queue.reserve("anna", now=100) == "one", "the oldest job comes first"
assert queue.reserve("ben", now=101) == "two", "'one' is Anna's: Ben gets 'two'"
assert queue.reserve("carl", now=102) is None, "both jobs are held: there is nothing for Carl"
assert queue.done("ben", "two") is True, "Ben holds 'two' and has done it"
assert queue.reserve("carl", now=109) is None, "Anna's lease runs until 110"
assert queue.reserve("carl", now=110) == "one", "at 110 Anna's lease is over: Carl gets 'one'"
assert queue.done("anna", "one") is False, "'one' is Carl's now: Anna is too late"
assert queue.done("carl", "one") is True, "Anna's late word must not have removed 'one'"
assert queue.done("carl", "one") is False, "what is done is gone"
assert queue.reserve("anna", now=200) is None, "both jobs are done"
queue.put("three")
assert queue.done("ben", "three") is False, "'three' has not been lent to anybody yet"
assert queue.reserve("anna", now=300) == "three", "a job that nobody could end must still be there"
assert queue.done("anna", "three") is True, "late or not: it was lent to Anna last, and is done"
assert queue.reserve("ben", now=400) is None, "what is done is gone, and is not lent again"
