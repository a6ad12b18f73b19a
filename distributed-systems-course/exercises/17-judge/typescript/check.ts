import assert from "node:assert/strict";

import { type Call, keepsTime, linearizable, showsLastWrite } from "./mine.ts";

/** `1-3 write anna` */
function call(text: string): Call {
  const [times, kind, value] = text.split(" ") as [string, "write" | "read", string];
  const [begin, end] = times.split("-").map(Number) as [number, number];
  return { kind, value, begin, end };
}

function check(texts: string[], wanted: boolean, why: string): void {
  const found = linearizable(texts.map(call));
  const said = wanted ? "linearizable" : "not linearizable";
  assert.equal(found, wanted, `(${texts.join(", ")}) is ${said}: ${why}`);
}

const is = (found: boolean, wanted: boolean, why: string) => assert.equal(found, wanted, why);

// Each check alone
const [sold, ben, free] = [call("1-2 write anna"), call("3-4 read anna"), call("3-4 read free")];
is(showsLastWrite([free]), true, "showsLastWrite: in the beginning the seat is free");
is(showsLastWrite([sold, ben]), true, "showsLastWrite: Anna's write, then a read of it");
is(showsLastWrite([sold, free]), false, "showsLastWrite: after Anna's write it is not free");
is(showsLastWrite([ben, sold]), false, "showsLastWrite: nobody had written 'anna' yet");
const again = [sold, call("5-6 write ben"), ben];
is(showsLastWrite(again), false, "showsLastWrite: only the last write before a read counts");
is(keepsTime([sold, free]), true, "keepsTime: the write had ended when the read began");
is(keepsTime([free, sold]), false, "keepsTime: the read began after the write had ended");
const both = [call("2-9 write anna"), call("1-5 read anna")];
is(keepsTime(both), true, "keepsTime: calls that overlap may stand in either order");
const apart = [call("5-6 read free"), call("1-9 read free"), call("2-3 write anna")];
is(keepsTime(apart), false, "keepsTime: look at all pairs, not only at neighbours");

// Both together
check(["1-2 write anna", "3-4 read free"], false, "sold, and then free: a stale read");
check(["1-4 write anna", "2-3 read free"], true, "the read may stand before the write");
check(["1-4 write anna", "2-3 read anna"], true, "the write may stand before the read");
check(
  ["1-9 write anna", "2-3 read anna", "4-5 read free"],
  false,
  "who has seen the new one cannot be followed by one who sees the old one",
);
check(
  ["1-9 write anna", "2-6 read anna", "4-5 read free"],
  true,
  "the two reads overlap, and so does the write",
);
check(
  ["1-4 write anna", "2-5 write ben", "6-7 read anna", "8-9 read anna"],
  true,
  "two writes that overlap may stand in either order",
);
check(
  ["1-4 write anna", "2-5 write ben", "6-7 read anna", "8-9 read ben"],
  false,
  "nobody has written between the two reads",
);
