/**
 * The incident of session 3: a third machine joins a shop that places seats by `number % count`.
 *
 * Needs three nodes of step 1: ./shop up typescript --step 1, or python.
 */

import { ask, waitUntilUp } from "./client.ts";
import { slotOf as numberOf } from "./mini/typescript/step2/slots.ts";

const SEATS = [..."ABCDEFGHIJ"].flatMap((row) =>
  Array.from({ length: 30 }, (_, i) => `seat:${row}-${i + 1}`),
);

function machineOf(key: string, count: number): string {
  return `store-${1 + (numberOf(key) % count)}:6379`;
}

async function main(): Promise<void> {
  await waitUntilUp();
  for (const key of SEATS) await ask(machineOf(key, 2), "SET", key, "anna", "NX");
  console.log(`${SEATS.length} seats are sold, on 2 machines. A third one joins.`);
  const free: string[] = [];
  for (const key of SEATS) if ((await ask(machineOf(key, 3), "GET", key)) === null) free.push(key);
  const [seat, sold] = [free[0]!, SEATS.length - free.length];
  console.log(`${sold} seats look sold, and ${free.length} look free, such as ${seat}`);
  const again = await ask(machineOf(seat, 3), "SET", seat, "ben", "NX");
  console.log(`so ${seat} is sold once more: ${again}`);
  for (const number of [1, 2, 3]) {
    const sold = (await ask(`store-${number}:6379`, "GET", seat)) ?? "$nobody";
    console.log(`machine ${number} has sold it to: ${sold.slice(1)}`);
  }
}

try {
  await main();
} catch {
  console.error("three nodes are needed: ./shop up typescript --step 1 starts them");
  process.exit(1);
}
