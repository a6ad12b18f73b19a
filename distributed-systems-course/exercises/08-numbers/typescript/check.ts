import assert from "node:assert/strict";

import { Office } from "./mine.ts";

const office = new Office();
const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);
is(office.hear("anna", 1, "seat 1"), "done", "the first order of a sender is carried out");
is(office.hear("anna", 1, "seat 1"), "again", "number 1 came again: it is done already");
is(office.done, ["seat 1"], "a repetition must have no effect");
is(office.hear("ben", 1, "seat 9"), "done", "Ben has numbers of his own");
is(office.hear("anna", 3, "seat 3"), "gap", "number 2 has not come yet");
is(office.done, ["seat 1", "seat 9"], "an order that comes too early must have no effect");
is(office.hear("anna", 2, "seat 2"), "done", "number 2 is the next one");
is(office.hear("anna", 3, "seat 3"), "done", "the sender repeats 3, and now it is the next");
is(office.hear("anna", 2, "seat 2"), "again", "a late copy of number 2");
is(office.hear("ben", 1, "seat 9"), "again", "and one of Ben's");
is(office.done, ["seat 1", "seat 9", "seat 2", "seat 3"], "each order is carried out once");
for (let number = 4; number <= 1000; number++) office.hear("anna", number, "seat");
const sizes = Object.entries(office).map(([name, value]) =>
  name === "done" ? 0 : (value?.size ?? value?.length ?? 0),
);
const kept = sizes.reduce((sum, size) => sum + size, 0);
assert.ok(kept <= 4, `after 1,001 orders of two senders it remembers ${kept} things, not two`);
