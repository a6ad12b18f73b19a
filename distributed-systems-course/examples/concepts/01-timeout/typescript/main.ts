/** What a timeout tells you: almost nothing. Run it with a seed: node main.ts 7 */

const TIMEOUT_MS = 100;

/** The same random numbers in every language: x -> x * 16807 mod (2^31 - 1). */
function* chance(seed: number): Generator<number, never> {
  let x = seed;
  while (true) {
    x = (x * 16807) % 2147483647;
    yield x / 2147483647;
  }
}

/** The shop asks the box office to sell a seat: [what the shop sees, what happened]. */
function call(draw: () => number, seats: Set<number>, seat: number): [string, string] {
  if (draw() < 0.2) return ["timeout", "the request was lost"];
  if (draw() < 0.2) return ["timeout", "the office crashed before it did anything"];
  seats.add(seat);
  if (draw() < 0.2) return ["timeout", "sold, and then the reply was lost"];
  const tookMs = Math.round(40 + draw() * 100);
  if (tookMs > TIMEOUT_MS) return ["timeout", `sold, but it took ${tookMs} ms`];
  return ["sold", `sold, in ${tookMs} ms`];
}

function main(): void {
  const numbers = chance(Number(process.argv[2] ?? 1 + Math.floor(Math.random() * 999)));
  const draw = () => numbers.next().value;
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

main();
