/**
 * The worker that comes too late, and what stops it. Run it with a seed: node main.ts 7
 *
 * A thousand times somebody is lent the price list, to write a new one. Now and then a worker
 * stands still until its lease is over, somebody else writes, and then the first one goes on. The
 * list is wrong when the old price overwrites the new one.
 */

import { type Draw, chance, play } from "../../luck.ts";

const LEASES = 1000;
const LEASE_S = 10;
const STANDS_STILL = 0.1; // of the workers, at each of two places, for up to a minute

/** Keeps what was written last. With `fenced`, it looks at the number of the writer's lease. */
class PriceList {
  private readonly fenced: boolean;
  highest = 0; // the number of the newest lease that has written
  by = "";

  constructor(fenced: boolean) {
    this.fenced = fenced;
  }

  write(token: number, worker: string): boolean {
    if (this.fenced && token < this.highest) return false; // a newer lease has written
    [this.highest, this.by] = [Math.max(token, this.highest), worker];
    return true;
  }
}

function silenceS(draw: Draw): number {
  const length = draw();
  return draw() < STANDS_STILL ? length * 60 : length;
}

/** True if a late write was refused. Anna's lease has number 1, that of Ben after her 2. */
function oneLease(draw: Draw, prices: PriceList, asks: boolean): boolean {
  const [beforeS, afterS] = [silenceS(draw), silenceS(draw)];
  if (asks && beforeS > LEASE_S) {
    prices.write(2, "Ben");
    return false; // Anna has asked, heard that her lease is over, and left it to Ben
  }
  if (beforeS + afterS > LEASE_S) prices.write(2, "Ben"); // she stood still, perhaps after asking
  return !prices.write(1, "Anna");
}

function run(draw: Draw, name: string, asks: boolean, fenced: boolean): void {
  let [wrong, refused] = [0, 0];
  for (let lease = 0; lease < LEASES; lease++) {
    const prices = new PriceList(fenced);
    if (oneLease(draw, prices, asks)) refused += 1;
    if (prices.highest === 2 && prices.by === "Anna") wrong += 1;
  }
  const cell = (count: number, width: number) => String(count).padStart(width);
  console.log(`${name.padEnd(32)} ${cell(wrong, 14)} ${cell(refused, 21)}`);
}

function main(seed: number): void {
  console.log("a worker                           old over new   late writes refused");
  run(chance(seed), "writes", false, false);
  run(chance(seed), "asks for its lease, then writes", true, false);
  run(chance(seed), "writes, with its lease's number", false, true);
}

play(main);
