/** What a timeout tells you: almost nothing. Run it with a seed: node main.ts 7 */

import { type Draw, chance, play } from "../../luck.ts";

const TIMEOUT_MS = 100;
const LOSS = 0.2; // of requests, and of replies
const CRASH = 0.2; // of the office, before it does anything

/** The shop asks the box office to sell a seat: [what the shop sees, what happened]. */
function call(draw: Draw, seats: Set<number>, seat: number): [string, string] {
  if (draw() < LOSS) return ["timeout", "the request was lost"];
  if (draw() < CRASH) return ["timeout", "the office crashed before it did anything"];
  seats.add(seat);
  if (draw() < LOSS) return ["timeout", "sold, and then the reply was lost"];
  const tookMs = Math.round(40 + draw() * 100);
  if (tookMs > TIMEOUT_MS) return ["timeout", `sold, but it took ${tookMs} ms`];
  return ["sold", `sold, in ${tookMs} ms`];
}

function main(seed: number): void {
  const draw = chance(seed);
  const seats = new Set<number>();
  const unknown: number[] = [];
  console.log("seat  the shop sees  what really happened");
  for (let seat = 1; seat <= 12; seat++) {
    const [seen, happened] = call(draw, seats, seat);
    console.log(`${String(seat).padStart(4)}  ${seen.padEnd(13)}  ${happened}`);
    if (seen === "timeout") unknown.push(seat);
  }
  const sold = unknown.filter((seat) => seats.has(seat)).length;
  const rest = unknown.length - sold;
  console.log(`${unknown.length} timeouts: ${sold} of these seats are sold, ${rest} are not.`);
  console.log("Nothing in the middle column tells which.");
}

play(main);
