/**
 * Which machine keeps a seat? Three plans, compared. Run it with a seed: node main.ts 7
 *
 * The seats of a theatre are kept on three machines. Customers ask for seats, most of them near the
 * stage. Then a fourth machine joins. The seed draws what the customers ask for.
 */

import { chance, play } from "../../luck.ts";

const ROWS = 30;
const SEATS = 40; // in each row
const QUESTIONS = 10000;
const SLOTS = 16384;
type Key = [row: number, seat: number];
type Plan = (key: Key, count: number) => number; // which machine has it, of so many; from 0

function slotOf([row, seat]: Key): number {
  let crc = 0;
  for (const byte of Buffer.from(`seat:${row}-${seat}`)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return crc % SLOTS;
}

/** Neighbours stay together. A fourth machine takes half of the first one's rows. */
function byRange([row]: Key, count: number): number {
  if (count === 4 && Math.floor(ROWS / 6) <= row && row < Math.floor(ROWS / 3)) return 3;
  return Math.floor((row * 3) / ROWS);
}

function byRemainder(key: Key, count: number): number {
  return slotOf(key) % count;
}

function bySlot(key: Key, count: number): number {
  return owners(count)[slotOf(key)]!;
}

/** Whose each slot is. Who joins takes an equal share from each; nothing else moves. */
function owners(count: number): number[] {
  let map = maps.get(count);
  if (map === undefined) {
    map = count === 1 ? Array<number>(SLOTS).fill(0) : [...owners(count - 1)];
    const seen = Array<number>(count).fill(0);
    for (const [slot, owner] of map.entries()) {
      seen[owner]! += 1;
      if (count > 1 && seen[owner]! % count === 0) map[slot] = count - 1;
    }
    maps.set(count, map);
  }
  return map;
}

const maps = new Map<number, number[]>();

function show(name: string, plan: Plan, asked: Key[]): void {
  const keys = range(ROWS).flatMap((row) => range(SEATS).map((seat): Key => [row, seat]));
  const does = [0, 0, 0];
  for (const key of asked) does[plan(key, 3)]! += 1;
  const moved = keys.filter((key) => plan(key, 3) !== plan(key, 4)).length;
  const row = new Set(range(SEATS).map((seat) => plan([0, seat], 3)));
  const share = (part: number, whole: number) => String(Math.floor((100 * part) / whole + 0.5));
  const busy = share(Math.max(...does), asked.length).padStart(10);
  const moves = share(moved, keys.length).padStart(14);
  console.log(`${name.padEnd(14)} ${busy} % ${moves} % ${String(row.size).padStart(17)}`);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function main(seed: number): void {
  const draw = chance(seed);
  const asked = range(QUESTIONS).map((): Key => {
    const row = Math.floor(ROWS * draw() ** 2);
    return [row, Math.floor(SEATS * draw())];
  });
  console.log("                 busiest of   moves when a      machines that");
  console.log("                 three does   fourth joins   know of one row");
  show("by range", byRange, asked);
  show("by remainder", byRemainder, asked);
  show("by slot", bySlot, asked);
}

play(main);
