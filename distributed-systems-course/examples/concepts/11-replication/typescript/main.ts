/**
 * One leads, two copy: after how many disks may it say OK? Run it with a seed: node main.ts 7
 *
 * A sale goes to the leader's disk, and from there to the disks of two followers, over links that
 * are down now and then. A moment later the leader's machine dies for good; or that and a
 * follower's. Who is left goes on with what its own disk has. What had not arrived by then is gone.
 */

import { type Draw, chance, play } from "../../luck.ts";

const SALES = 1000;
const SYNC_MS = 2; // at most, as the next three
const LINK_MS = 4;
const DOWN_MS = 4000;
const SOON_MS = 20; // the death after the sale
const DOWN = 0.1; // of the links, when a sale comes
const PATIENCE_MS = 1000;
const LEVELS: [level: string, disks: number][] = [
  ["leader", 1],
  ["majority", 2],
  ["all", 3],
];

class Sale {
  private readonly held: number[]; // when, on which disk
  private readonly dies: number;
  readonly second: number; // the follower that dies along with the leader

  constructor(draw: Draw) {
    const first = SYNC_MS * draw();
    this.held = [first, first + copyMs(draw), first + copyMs(draw)];
    this.dies = SOON_MS * draw();
    this.second = 1 + Math.floor(2 * draw());
  }

  /** Once so many disks have it. */
  answered(disks: number): number {
    return this.held.toSorted((a, b) => a - b)[disks - 1]!;
  }

  /** The customer has heard OK, and no disk that is left has the sale. */
  isGone(disks: number, dead: number[]): boolean {
    if (this.answered(disks) > this.dies) return false; // nothing was promised
    return !this.held.some((time, n) => time <= this.dies && !dead.includes(n));
  }
}

function copyMs(draw: Draw): number {
  const wait = DOWN_MS * draw();
  return (draw() < DOWN ? wait : 0) + LINK_MS * draw() + SYNC_MS * draw();
}

function run(level: string, disks: number, sales: Sale[]): void {
  const times = sales.map((sale) => sale.answered(disks));
  const heard = times.filter((time) => time <= PATIENCE_MS);
  const mean = Math.floor(heard.reduce((sum, time) => sum + time, 0) / heard.length + 0.5);
  const one = sales.filter((sale) => sale.isGone(disks, [0])).length;
  const two = sales.filter((sale) => sale.isGone(disks, [0, sale.second])).length;
  const cell = (count: number, width: number) => String(count).padStart(width);
  const none = cell(times.length - heard.length, 15);
  console.log(`${level.padEnd(9)} ${cell(mean, 5)} ms ${none} ${cell(one, 20)} ${cell(two, 17)}`);
}

function main(seed: number): void {
  const draw = chance(seed);
  const sales = Array.from({ length: SALES }, () => new Sale(draw));
  console.log(`of ${SALES} sales                   OK was said, and then it is gone with`);
  console.log("level     OK after   none within 1 s    the leader's disk   that and another");
  for (const [level, disks] of LEVELS) run(level, disks, sales);
}

play(main);
