import assert from "node:assert/strict";

import { Voter } from "./mine.ts";

/** Outlives its node. */
class Disk {
  term = 0;
  vote = 0;

  save(term: number, vote: number): void {
    assert.ok(
      term >= this.term,
      `the disk had term ${this.term}, and gets ${term}: terms only grow`,
    );
    [this.term, this.vote] = [term, vote];
  }
}

const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);
const disk = new Disk();
let node = new Voter(disk, [1, 5]);
is(node.asked(2, 3, [1, 5]), true, "term 2 is new, and node 3 has the same data: yes");
is(node.asked(2, 1, [1, 5]), false, "its vote in term 2 is node 3's: no, whoever else asks");
is(node.asked(2, 3, [1, 5]), true, "node 3 asks once more, for its answer was lost: still yes");
is([disk.term, disk.vote], [2, 3], "a yes must be on the disk before it is said");

node = new Voter(disk, [1, 5]); // it was killed, and starts again
is(node.asked(2, 1, [1, 5]), false, "after a restart its vote in term 2 is still node 3's");
is(node.asked(2, 3, [1, 5]), true, "and node 3 still has it");

is(node.asked(1, 1, [1, 9]), false, "term 1 is over: a vote in it would elect a second leader");
is(node.asked(3, 1, [1, 4]), false, "version 4 lacks what this node has: no");
is(disk.term, 3, "term 3 has begun, though it said no: the disk has to know");
is(node.asked(2, 3, [1, 5]), false, "term 2 is over: somebody has asked in term 3");
is(node.asked(3, 3, [1, 5]), true, "a no is no vote: in term 3 it still has one to give");

node = new Voter(disk, [2, 1]);
is(node.asked(4, 1, [1, 9]), false, "(1, 9) is older than (2, 1): the term counts first");
is(node.asked(4, 3, [2, 2]), true, "(2, 2) is newer than (2, 1)");
node = new Voter(disk, [2, 1]);
is(node.asked(4, 1, [9, 9]), false, "newer data does not buy a vote that is given");
