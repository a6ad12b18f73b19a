import assert from "node:assert/strict";

import { Queue } from "./mine.ts";

const queue = new Queue();
const is = (found: unknown, wanted: unknown, why: string) => assert.equal(found, wanted, why);
for (const job of ["one", "two"]) queue.put(job);
is(queue.reserve("anna", 100), "one", "the oldest job comes first");
is(queue.reserve("ben", 101), "two", "'one' is Anna's: Ben gets 'two'");
is(queue.reserve("carl", 102), null, "both jobs are held: there is nothing for Carl");
is(queue.done("ben", "two", 103), true, "Ben holds 'two' and has done it");
is(queue.reserve("carl", 109), null, "Anna's lease runs until 110");
is(queue.reserve("carl", 110), "one", "at 110 Anna's lease is over: Carl gets 'one'");
is(queue.done("anna", "one", 111), false, "'one' is Carl's now: Anna is too late");
is(queue.done("carl", "one", 112), true, "Anna's late word must not have removed 'one'");
is(queue.done("carl", "one", 113), false, "what is done is gone");
is(queue.reserve("anna", 200), null, "both jobs are done");
queue.put("three");
is(queue.reserve("anna", 300), "three", "a new job");
is(queue.done("anna", "three", 311), false, "over is over, even if nobody else came");
is(queue.reserve("ben", 311), "three", "and the job must still be there");
