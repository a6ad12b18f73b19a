import assert from "node:assert/strict";

import { Voter } from "./mine.ts";

const [NODES, MAJORITY] = [[1, 2, 3], 2];

class Disk {
  term = 0;
  vote = 0;
  syncs = 0;

  save(term: number, vote: number): void {
    [this.term, this.vote] = [term, vote];
    this.syncs += 1;
  }
}

/** Numbers from 0 up to 1: the same seed gives the same ones. */
function chance(seed: number): () => number {
  let x = seed + 1;
  return () => (x = (x * 16807) % 2147483647) / 2147483647;
}

/** All three ask, each at its own time, itself first; one restarts. What is wrong. */
function oneTerm(draw: () => number, term: number): string[] {
  const disks = new Map(NODES.map((node) => [node, new Disk()]));
  const voters = new Map(NODES.map((node) => [node, new Voter(disks.get(node)!)]));
  const votes = new Map(NODES.map((node) => [node, new Set<number>()]));
  const asks = NODES.flatMap((candidate) => {
    const begins = draw();
    const when = (node: number) => begins + (candidate === node ? 0 : draw());
    return NODES.map((node) => ({ candidate, node, when: when(node) }));
  }).sort((a, b) => a.when - b.when);
  const [restart, at] = [1 + Math.floor(3 * draw()), 1 + Math.floor(8 * draw())];
  const [leaders, history] = [new Set<number>(), [] as string[]];
  for (const [number, { candidate, node }] of asks.entries()) {
    if (number === at) {
      voters.set(restart, new Voter(disks.get(restart)!));
      history.push(`node ${restart} is killed and starts again`);
    }
    const mine = votes.get(candidate)!;
    if (candidate !== node && mine.size === 0) continue; // it has not got its own vote
    if (voters.get(node)!.asked(term, candidate)) {
      mine.add(node);
      history.push(`node ${node} votes for node ${candidate}`);
    }
    if (mine.size >= MAJORITY && !leaders.has(candidate)) {
      leaders.add(candidate);
      history.push(`node ${candidate} LEADS and sells seat 12`);
    }
  }
  return leaders.size > 1 ? history : [];
}

for (let seed = 0; seed < 1000; seed++) {
  const wrong = oneTerm(chance(seed), 7);
  for (const line of wrong) console.log(`| ${line}`);
  assert.ok(wrong.length === 0, "two nodes led in term 7, and each has sold seat 12");
}

const disk = new Disk();
const node = new Voter(disk);
const is = (found: unknown, wanted: unknown, why: string) => assert.equal(found, wanted, why);
is(node.asked(5, 1), true, "its vote in term 5 is free");
is(node.asked(5, 2), false, "one vote a term, and there is none for node 2");
is(disk.syncs, 1, `one yes needs one sync, and there were ${disk.syncs}`);
is(node.asked(5, 1), true, "node 1 still has it");
is(disk.syncs, 1, "a yes that was given before needs no second sync");
is(node.asked(4, 2), false, "term 4 is over");
