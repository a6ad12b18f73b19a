import assert from "node:assert/strict";

import { delayS } from "./mine.ts";

assert.equal(delayS(1, 0), 0.5, "after the first attempt: at least half a second");
assert.ok(delayS(1, 0.999)! < 1, "and less than one");
assert.equal(delayS(4, 0), 4, "after the fourth: 8 seconds at most, 4 at least");
assert.equal(delayS(4, 0.5), 6, "halfway between");
assert.equal(delayS(7, 0), 30, "64 would be more than the cap of 60: half of the cap");
assert.equal(delayS(7, 0.5), 45, "halfway between 30 and 60");
assert.equal(delayS(8, 0.5), null, "the eighth attempt was the last one");
assert.equal(delayS(9, 0.5), null, "and so is every later one");
