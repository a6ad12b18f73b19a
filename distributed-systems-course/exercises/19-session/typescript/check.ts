import assert from "node:assert/strict";

import { type Copy, Customer } from "./mine.ts";

/** The leader's writes come to another copy when `copyFrom` is called. */
class Store implements Copy {
  stamp = 0;
  data = new Map<string, string>();
  asked = 0;

  get(seat: string): string | null {
    this.asked += 1;
    return this.data.get(seat) ?? null;
  }

  set(seat: string, value: string): number {
    this.stamp += 1;
    this.data.set(seat, value);
    return this.stamp;
  }

  copyFrom(other: Store): void {
    [this.stamp, this.data] = [other.stamp, new Map(other.data)];
  }
}

const is = (found: unknown, wanted: unknown, why: string) => assert.equal(found, wanted, why);
const [leader, near, far] = [new Store(), new Store(), new Store()];
const copies = [far, near, leader];

const [anna, ben] = [new Customer(), new Customer()];
is(ben.look(copies, "12"), "free", "nobody has bought anything: the first copy says free");
is(far.asked, 1, "who knows nothing asks the first copy");
anna.buy(leader, "12");
is(anna.look([far, near], "12"), null, "neither copy knows of Anna's seat: she has to wait");
is(anna.look(copies, "12"), "hers", "Anna has bought 12, and the leader knows of it");
is(ben.look(copies, "12"), "free", "Ben knows of nothing: an old copy is good enough for him");
near.copyFrom(leader);
is(anna.look([far, near], "12"), "hers", "the second copy knows of her seat now");
is(ben.look([near], "12"), "hers", "Ben asks a copy that knows it");
is(ben.look([far], "12"), null, "Ben has seen 12 sold: this copy would take him back in time");
is(ben.look([far, near], "12"), "hers", "but another copy may know enough");
for (let i = 0; i < 3; i++) leader.set("13", "another's");
is(anna.look([near], "12"), "hers", "what others write does not make a copy useless to her");
anna.buy(leader, "14");
is(anna.look([near], "12"), null, "after her second purchase, the copy lacks it");
far.copyFrom(leader);
is(anna.look([near, far], "14"), "hers", "the other one has it by now");
is(anna.look([near], "12"), null, "what she has seen there she knows, too");
