import assert from "node:assert/strict";

import { Queue } from "./mine.ts";

const queue = new Queue();
const is = (found: unknown, wanted: unknown, why: string) => assert.equal(found, wanted, why);
for (const job of ["one", "two"]) queue.put(job);
is(queue.reserve("anna", 100), "one", "the oldest job comes first");
is(queue.reserve("ben", 101), "two", "'one' is Anna's: Ben gets 'two'");
is(queue.reserve("carl", 102), null, "both jobs are held: there is nothing for Carl");
is(queue.done("ben", "two"), true, "Ben holds 'two' and has done it");
is(queue.reserve("carl", 109), null, "Anna's lease runs until 110");
is(queue.reserve("carl", 110), "one", "at 110 Anna's lease is over: Carl gets 'one'");
is(queue.done("anna", "one"), false, "'one' is Carl's now: Anna is too late");
is(queue.done("carl", "one"), true, "Anna's late word must not have removed 'one'");
is(queue.done("carl", "one"), false, "what is done is gone");
is(queue.reserve("anna", 200), null, "both jobs are done");
queue.put("three");
is(queue.done("ben", "three"), false, "'three' has not been lent to anybody yet");
is(queue.reserve("anna", 300), "three", "a job that nobody could end must still be there");
is(queue.done("anna", "three"), true, "late or not: it was lent to Anna last, and is done");
is(queue.reserve("ben", 400), null, "what is done is gone, and is not lent again");
