import assert from "node:assert/strict";

import { checksum, replay } from "./mine.ts";

const line = (text: string) => `${checksum(text)} ${text}\n`;
const is = (log: string, entries: string[], good: number, why: string) =>
  assert.deepEqual(replay(log), { entries, good }, why);

const whole = line("put 1") + line("put 2");
const first = line("put 1").length;
is("", [], 0, "an empty log has no entries");
is(whole, ["put 1", "put 2"], whole.length, "a whole log gives all its entries");
for (let cut = first; cut < whole.length; cut++) {
  is(whole.slice(0, cut), ["put 1"], first, `torn after ${cut}: only the first line is good`);
}
is(whole.replace("put 2", "put 9"), ["put 1"], first, "a bad last line is left out");
assert.throws(
  () => replay(whole.replace("put 1", "put 9")),
  /1/,
  "line 1 is bad and line 2 is good: that is damage, and must be an error that names line 1",
);
