/** A hundred workers fail at once and try again. When? Run it with a seed: node main.ts 7 */

import { type Draw, chance, play } from "../../luck.ts";

const WORKERS = 100;
const SERVED_PER_S = 20; // by the mail server, when nobody disturbs it
const REFUSAL_COST = 0.5; // of what it takes to serve one: saying no is work, too
const CAP_S = 32;
const SECONDS_MAX = 200;

type Delay = (draw: Draw, attempt: number) => number;

const atOnce: Delay = () => 1;

const doubling: Delay = (_, attempt) => Math.min(CAP_S, 2 ** attempt);

const doublingWithJitter: Delay = (draw, attempt) => {
  const longestS = Math.min(CAP_S, 2 ** attempt);
  return Math.floor(longestS / 2 + (draw() * longestS) / 2) + 1;
};

function run(draw: Draw, name: string, delayS: Delay): void {
  const due = new Map([[0, Array.from({ length: WORKERS }, (_, i) => i)]]); // second -> who tries
  const attempts = new Array<number>(WORKERS).fill(0);
  const load: number[] = [];
  let [last, left] = [0, WORKERS];
  for (let second = 0; second < SECONDS_MAX; second++) {
    const trying = due.get(second) ?? [];
    due.delete(second);
    load.push(trying.length);
    if (trying.length > 0) last = second;
    const tooMany = Math.max(0, trying.length - SERVED_PER_S);
    const served = Math.max(0, SERVED_PER_S - Math.floor(tooMany * REFUSAL_COST));
    left -= Math.min(served, trying.length);
    for (const worker of trying.slice(served)) {
      attempts[worker]! += 1; // refused
      const again = second + delayS(draw, attempts[worker]!);
      due.set(again, [...(due.get(again) ?? []), worker]);
    }
  }
  const refused = attempts.reduce((sum, count) => sum + count, 0);
  const mark = (n: number) => (n > SERVED_PER_S ? "#" : n > 0 ? "+" : ".");
  const busy = load.slice(0, 40).map(mark).join("");
  const end =
    left === 0 ? `all served after ${String(last).padStart(3)} s` : `${left} still not served`;
  console.log(`${name.padEnd(22)} ${String(refused).padStart(5)} refused, ${end}\n  ${busy}`);
}

function main(seed: number): void {
  const draw = chance(seed);
  console.log("each mark is a second: . idle  + served  # more than the server can take");
  run(draw, "at once", atOnce);
  run(draw, "doubling", doubling);
  run(draw, "doubling, with jitter", doublingWithJitter);
}

play(main);
