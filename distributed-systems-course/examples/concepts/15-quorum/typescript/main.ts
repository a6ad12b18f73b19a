/** Read R of three nodes, write W: who misses what? Run it with a seed: node main.ts 7 */

import { type Draw, chance, play } from "../../luck.ts";

const NODES = 3;
const TRIES = 1000;

/** So many nodes, whichever answer first. */
function some(draw: Draw, count: number): number[] {
  const nodes = Array.from({ length: NODES }, (_, node) => node);
  const chosen: number[] = [];
  while (chosen.length < count) {
    chosen.push(...nodes.splice(Math.floor(draw() * nodes.length), 1));
  }
  return chosen;
}

/** The newest that any of them has. */
function read(versions: number[], asked: number[]): number {
  return Math.max(...asked.map((node) => versions[node]!));
}

function write(versions: number[], nodes: number[], version: number): void {
  for (const node of nodes) versions[node] = Math.max(version, versions[node]!);
}

const nothing = () => new Array<number>(NODES).fill(0);

/** Of the reads after a write that is done, how many do not see it. */
function misses(draw: Draw, r: number, w: number): number {
  let missed = 0;
  for (let i = 0; i < TRIES; i++) {
    const versions = nothing();
    write(versions, some(draw, w), 1);
    if (read(versions, some(draw, r)) === 0) missed += 1;
  }
  return missed;
}

/** While a write is under way it has come to one node. Two readers, one after the other. */
function newThenOld(draw: Draw, r: number, w: number, writesBack: boolean): number {
  let found = 0;
  for (let i = 0; i < TRIES; i++) {
    const versions = nothing();
    write(versions, some(draw, 1), 1);
    const first = read(versions, some(draw, r));
    // what it is about to say it first brings to W nodes
    if (writesBack) write(versions, some(draw, w), first);
    const second = read(versions, some(draw, r));
    if (first > second) found += 1;
  }
  return found;
}

function main(seed: number): void {
  const draw = chance(seed);
  const all = Array.from({ length: NODES }, (_, i) => i + 1);
  const cell = (count: number, width: number) => String(count).padStart(width);
  console.log(`${TRIES} reads, each after a write that is done: so many miss it`);
  console.log("      " + all.map((r) => `   R=${r}`).join(""));
  for (const w of all) {
    console.log(`   W=${w}` + all.map((r) => cell(misses(draw, r, w), 6)).join(""));
  }
  console.log(`\nR=2, W=2: ${TRIES} times two reads, one after the other, during a write`);
  const ways: [string, boolean][] = [
    ["as above", false],
    ["writing back what was read", true],
  ];
  for (const [name, back] of ways) {
    const found = cell(newThenOld(draw, 2, 2, back), 4);
    console.log(`   ${name.padEnd(28)}${found} times new, then old`);
  }
}

play(main);
