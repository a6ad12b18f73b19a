/**
 * What a reader may see, by level. Run it with a seed: node main.ts 7
 *
 * Node 0 leads. A write is done when two of the three nodes have it; what travels to the others
 * comes late, in its order. A read goes to any node, or, where it is to be linearizable, to the
 * leader.
 */

import { type Draw, chance, play } from "../../luck.ts";

const READS = 1000;
const CUSTOMERS = 4;
const WRITES = 0.3; // of all calls
const THINK_MS = 40;
const LAG_MS = 10; // of a copy;
const SLOW_MS = 300; // and of one in ten
const SLOW = 0.1;

/** Three nodes. Which versions one has, it says by when each of them came. */
class Copies {
  readonly draw: Draw;
  readonly came = [[0], [0], [0]];
  newest = 0;

  constructor(draw: Draw) {
    this.draw = draw;
  }

  lagMs(): number {
    return (this.draw() < SLOW ? SLOW_MS : LAG_MS) * this.draw();
  }

  /** When it is done. */
  write(now: number): number {
    this.newest += 1;
    for (const [node, came] of this.came.entries()) {
      came.push(Math.max(came.at(-1)!, now + (node > 0 ? this.lagMs() : 0)));
    }
    return this.came.map((came) => came.at(-1)!).sort((a, b) => a - b)[1]!;
  }

  version(node: number, now: number): number {
    return this.came[node]!.findLastIndex((came) => came <= now);
  }
}

/** Versions. */
type Customer = { wrote: number; seen: number; token: number };

/** [the version that is seen, when]. Which node is asked is a matter of luck. */
function read(copies: Copies, level: string, customer: Customer, now: number): [number, number] {
  const node = Math.floor(copies.draw() * 3);
  if (level === "linearizable") {
    // the leader asks a majority whether it leads: there and back
    const roundMs = Math.min(...[0, 1].map(() => copies.lagMs() + copies.lagMs()));
    return [copies.version(0, now), now + roundMs];
  }
  // the node waits until it has what this customer knows
  const at = level === "session" ? Math.max(now, copies.came[node]![customer.token]!) : now;
  const seen = copies.version(node, at);
  customer.token = Math.max(customer.token, seen);
  return [seen, at];
}

function run(draw: Draw, level: string): void {
  const copies = new Copies(draw);
  const customers = Array.from({ length: CUSTOMERS }, () => ({ wrote: 0, seen: 0, token: 0 }));
  let [now, waited, reads, stale, own, backwards] = [0, 0, 0, 0, 0, 0];
  while (reads < READS) {
    now += THINK_MS * draw();
    const customer = customers[Math.floor(draw() * CUSTOMERS)]!;
    if (draw() < WRITES) {
      now = copies.write(now);
      customer.wrote = customer.token = copies.newest;
      continue;
    }
    const [seen, done] = read(copies, level, customer, now);
    reads += 1;
    stale += Number(seen < copies.newest);
    own += Number(seen < customer.wrote);
    backwards += Number(seen < customer.seen);
    customer.seen = Math.max(customer.seen, seen);
    [now, waited] = [done, waited + done - now];
  }
  const cells = [String(stale).padStart(6), String(own).padStart(18)];
  cells.push(String(backwards).padStart(18), String(Math.floor(waited / READS)).padStart(10));
  console.log(`${level.padEnd(14)} ${cells.join(" ")} ms`);
}

function main(seed: number): void {
  console.log(`of ${READS} reads   stale  own write missing  older than before  mean wait`);
  for (const level of ["local", "session", "linearizable"]) run(chance(seed), level);
}

play(main);
