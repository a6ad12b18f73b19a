/**
 * Two generals, and messengers that may be caught. Run it with a seed: node main.ts 7
 *
 * The generals win only together. Each plan says: send N messengers to and fro, each confirming
 * the one before; whoever has heard all that it could hear attacks. Is there an N that is safe?
 */

import { type Draw, chance, play } from "../../luck.ts";

const CAUGHT = 0.25;
const BATTLES = 10000;

/** [first attacks, second attacks]. The first general proposes: its message is number 1. */
function battle(draw: Draw, messengers: number): [boolean, boolean] {
  let arrived = 0;
  while (arrived < messengers && draw() >= CAUGHT) arrived += 1;
  // Odd messages go to the second general, even ones to the first. Each attacks when the last
  // message that the plan sends to it has come.
  const lastToFirst = messengers - (messengers % 2);
  const lastToSecond = messengers - 1 + (messengers % 2);
  return [arrived >= lastToFirst, arrived >= lastToSecond];
}

function main(seed: number): void {
  const draw = chance(seed);
  const cell = (count: number, width: number) => String(count).padStart(width);
  console.log("messengers   both attack   none attacks   ONE ATTACKS ALONE");
  for (let messengers = 1; messengers <= 8; messengers++) {
    const results = Array.from({ length: BATTLES }, () => battle(draw, messengers));
    const both = results.filter(([first, second]) => first && second).length;
    const alone = results.filter(([first, second]) => first !== second).length;
    const none = BATTLES - both - alone;
    console.log(`${cell(messengers, 10)} ${cell(both, 13)} ${cell(none, 14)} ${cell(alone, 19)}`);
  }
  console.log(
    "The last messenger is never confirmed: its sender attacks, or not, without knowing.",
  );
}

play(main);
