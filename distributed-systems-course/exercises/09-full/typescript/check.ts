import assert from "node:assert/strict";

import { Queue } from "./mine.ts";

const queue = new Queue();
const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);
const takeThree = () => [queue.reserve(), queue.reserve(), queue.reserve()];

for (const job of ["a", "b", "c"]) is(queue.put(job), "inserted", `there is room for ${job}`);
is(queue.put("d"), "full", "three jobs are in the queue: a fourth must be answered 'full'");
is(queue.reserve(), "a", "the oldest first");
is(queue.put("d"), "full", "'a' may come back: while it is in hand its place is not free");
queue.giveBack("a");
is(queue.reserve(), "a", "'a' came back, and waits before all others");
queue.done("a");
is(queue.put("d"), "inserted", "'a' is done: there is room for one");
is(queue.put("e"), "full", "and only for one");
is(takeThree(), ["b", "c", "d"], "what was refused must not be in the queue, only b, c and d");
for (const job of ["d", "c", "b"]) queue.giveBack(job);
is(takeThree(), ["b", "c", "d"], "all three came back, and none may be lost");
for (const job of ["b", "c", "d"]) queue.done(job);
is(queue.reserve(), null, "a full queue can be emptied");
is(queue.put("f"), "inserted", "and filled again");
