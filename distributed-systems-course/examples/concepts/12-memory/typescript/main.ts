/**
 * A node has one vote in a term. Does it remember it? Run it with a seed: node main.ts 7
 *
 * A thousand elections. Three nodes ask for votes in one term, each at its own time, and now and
 * then one of them restarts. Whoever has two of the three votes leads.
 */

import { type Draw, chance, play } from "../../luck.ts";

const ELECTIONS = 1000;
const RESTARTS = 0.3; // of the nodes, while it lasts
const [NODES, MAJORITY] = [3, 2];

/** Its vote, and the votes that it has: the second lie in memory alone. */
class Node {
  vote = -1;
  votes = new Set<number>();

  voteFor(candidate: number): boolean {
    if (this.vote === -1) this.vote = candidate;
    return this.vote === candidate;
  }

  restart(onDisk: boolean): void {
    this.votes = new Set(); // it is no candidate any more
    if (!onDisk) this.vote = -1;
  }
}

type Happening = [when: number, what: string, node: number, asks: number];

/** In its order. */
function whatHappens(draw: Draw): Happening[] {
  const events: Happening[] = [];
  for (let node = 0; node < NODES; node++) {
    const begins = draw();
    events.push([begins, "begins", node, node]);
    for (let other = 0; other < NODES; other++) {
      if (other !== node) events.push([begins + draw(), "is asked", other, node]);
    }
    if (draw() < RESTARTS) events.push([2 * draw(), "restarts", node, node]);
  }
  return events.sort((a, b) => a[0] - b[0]);
}

function leaders(draw: Draw, onDisk: boolean): number {
  const nodes = Array.from({ length: NODES }, () => new Node());
  const led = new Set<number>();
  for (const [, what, at, candidate] of whatHappens(draw)) {
    const [node, votes] = [nodes[at]!, nodes[candidate]!.votes];
    if (what === "restarts") node.restart(onDisk);
    else if (what === "begins" && node.vote === -1) {
      node.vote = at;
      votes.add(at);
    } else if (what === "is asked" && votes.size > 0 && node.voteFor(candidate)) {
      votes.add(at);
    }
    if (votes.size >= MAJORITY) led.add(candidate);
  }
  return led.size;
}

function run(draw: Draw, name: string, onDisk: boolean): void {
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < ELECTIONS; i++) counts[leaders(draw, onDisk)]! += 1;
  const [none, one, two, three] = counts as [number, number, number, number];
  const cell = (count: number, width: number) => String(count).padStart(width);
  console.log(`${name.padEnd(12)} ${cell(none, 13)} ${cell(one, 14)} ${cell(two + three, 15)}`);
}

function main(seed: number): void {
  console.log(`${ELECTIONS} terms      nobody leads    one leads     two or more`);
  run(chance(seed), "in memory", false);
  run(chance(seed), "on the disk", true);
}

play(main);
