/**
 * Keys on a ring: each belongs to the next point on it. Run it with a seed: node main.ts 7
 *
 * Three machines put points on the ring, each as many as the others, at places that are drawn. Ten
 * thousand keys lie on it. Then a fourth machine joins.
 */

import { type Draw, chance, play } from "../../luck.ts";

const KEYS = 10000;
const POINTS = [1, 10, 100, 1000]; // of each machine: the rows of the table

/** Places are numbers from 0 up to 1; behind the last one comes the first again. */
class Ring {
  private points: [place: number, machine: number][] = []; // in order

  join(machine: number, places: number[]): void {
    for (const place of places) this.points.push([place, machine]);
    this.points.sort((a, b) => a[0] - b[0]);
  }

  /** Whose the next point is. */
  owner(key: number): number {
    let [low, high] = [0, this.points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.points[middle]![0] <= key) low = middle + 1;
      else high = middle;
    }
    return this.points[low % this.points.length]![1];
  }
}

function show(draw: Draw, points: number): void {
  const keys = drawn(draw, KEYS);
  const ring = new Ring();
  for (let machine = 0; machine < 3; machine++) ring.join(machine, drawn(draw, points));
  const before = keys.map((key) => ring.owner(key));
  ring.join(3, drawn(draw, points));
  const after = keys.map((key) => ring.owner(key));
  const has = [0, 1, 2].map((machine) => before.filter((owner) => owner === machine).length);
  const moved = before.flatMap((old, i) => (old === after[i] ? [] : [[old, after[i]!] as const]));
  const gave = [0, 1, 2].map((machine) => moved.filter(([old]) => old === machine).length);
  const among = moved.filter(([, now]) => now !== 3).length;
  const given = gave.map((count) => `${percent(count, 4)} %`).join(" ");
  const shares = `${percent(Math.max(...has), 15)} % ${percent(moved.length, 11)} %`;
  console.log(`${String(points).padStart(6)} ${shares} ${given} ${String(among).padStart(14)}`);
}

function drawn(draw: Draw, count: number): number[] {
  return Array.from({ length: count }, draw);
}

function percent(count: number, width: number): string {
  return String(Math.floor((100 * count + Math.floor(KEYS / 2)) / KEYS)).padStart(width);
}

function main(seed: number): void {
  console.log("points   the busiest of   a fourth is     that is from      keys that move");
  console.log("of each  three has        given           each of three     among those three");
  for (const points of POINTS) show(chance(seed), points);
}

play(main);
