import assert from "node:assert/strict";

import { Ring } from "./mine.ts";

const KEYS = Array.from({ length: 360 }, (_, key) => key);
const ring = new Ring();
const owners = () => KEYS.map((key) => ring.owner(key));
const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);

ring.join("a", [100]);
ring.join("b", [200]);
is(ring.owner(150), "b", "a at 100, b at 200: the next one for a key at 150 is b");
is(ring.owner(110), "b", "a at 100, b at 200: a key at 110 is nearer to a, but a is behind it");
is(ring.owner(100), "a", "a stands at 100: a key at 100 belongs to a");
is(ring.owner(101), "b", "a stands at 100: a key at 101 has passed it");
is(ring.owner(300), "a", "behind 359 comes 0: the next one for a key at 300 is a, at 100");
is(ring.owner(0), "a", "the next one for a key at 0 is a, at 100");

const before = owners();
ring.join("c", [150]);
let after = owners();
const moved = KEYS.filter((key) => before[key] !== after[key]);
const fifty = `c joins at 150: 101 to 150 move to it, and not ${moved}`;
is(moved, KEYS.slice(101, 151), fifty);
is(new Set(moved.map((key) => after[key])), new Set(["c"]), "c joins: what moves, moves to c");
ring.leave("c");
is(owners(), before, "c joined and left: all must be as it was");

ring.join("d", [50, 150, 250, 350]);
const withD = owners();
is([withD[345], withD[245], withD[140]], ["d", "d", "d"], "d stands at 50, 150, 250 and 350");
is(withD[355], "d", "behind 350 comes 50, and there is d, too");
ring.leave("b");
after = owners();
const wrong = KEYS.find((key) => withD[key] !== "b" && withD[key] !== after[key]);
is(wrong, undefined, `b leaves: the key at ${wrong} was not b's, and has moved`);
is(after.includes("b"), false, "b has left, and still owns a key");
ring.leave("d");
is(new Set(owners()), new Set(["a"]), "a is alone: everything is a's");
ring.leave("a");
is(ring.owner(7), null, "nobody is there: nobody owns a key");
