import assert from "node:assert/strict";

import { BoxOffice } from "./mine.ts";

const office = new BoxOffice();
const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);
is(office.sell("a", 12), "sold", "the first order for a free seat must be sold");
is(office.sell("b", 12), "taken", "another order for the same seat must be answered 'taken'");
is(office.sell("a", 12), "sold", "order a came again: it was sold, so say 'sold' again");
is(office.sell("b", 12), "taken", "order b came again: its answer was 'taken'");
office.giveBack(12);
is(office.sell("a", 12), "sold", "order a came a third time: the same answer, always");
is(office.seats.has(12), false, "a repeated order must have no effect: seat 12 was given back");
is(office.sell("b", 12), "taken", "order b was answered 'taken', and stays so");
is(office.sell("c", 12), "sold", "a *new* order for a seat that is free again must be sold");
is([...office.seats], [[12, "c"]], "seat 12 belongs to order c");
