/**
 * The luck of these programs: random numbers from a seed, the same in both languages. Given.
 *
 * node main.ts                     with a seed that it draws itself, and tells
 * node main.ts 7                   with this one: the same seed brings the same luck
 * node main.ts --seeds 1..100      with each of these, one after the other
 */

export type Draw = () => number;

const [PRIME, FACTOR] = [2147483647, 16807]; // x -> x * 16807 mod (2^31 - 1): Park and Miller, 1988
const THROWN_AWAY = 10; // of a small seed the first numbers are small, and alike its neighbours'
const SEED_MAX = 999_999_999;

/** A supply of random numbers, each from 0 up to 1. */
export function chance(seed: number): Draw {
  let x = seed + 1;
  const draw = () => {
    x = (x * FACTOR) % PRIME;
    return x / PRIME;
  };
  for (let i = 0; i < THROWN_AWAY; i++) draw();
  return draw;
}

/** Runs a program with the seed, or the seeds, of its command line. */
export function play(main: (seed: number) => void): void {
  const [first, second, ...more] = process.argv.slice(2);
  const from = /^(.*)\.\.(.*)$/.exec(second ?? "");
  if (first === undefined) {
    const seed = 1 + Math.floor(Math.random() * 999);
    console.log(`seed ${seed}`);
    main(seed);
  } else if (second === undefined) {
    main(seedFrom(first));
  } else if (first === "--seeds" && from !== null && more.length === 0) {
    const [start, last] = [seedFrom(from[1]!), seedFrom(from[2]!)];
    if (start > last) refuse(`--seeds ${second}: the first comes behind the last`);
    for (let seed = start; seed <= last; seed++) {
      console.log(`seed ${seed}`);
      main(seed);
    }
  } else {
    refuse("one seed, such as 7, or --seeds 1..100");
  }
}

function seedFrom(word: string): number {
  if (!/^[0-9]{1,9}$/.test(word)) {
    refuse(`the seed is '${word}': it has to be a whole number from 0 to ${SEED_MAX}`);
  }
  return Number(word);
}

function refuse(why: string): never {
  console.error(why);
  process.exit(2);
}
