/**
 * More tasks than the workers can do: what should give way? Run it with a seed: node main.ts 7
 *
 * For ten minutes some 12 customers a second want a ticket, then some 4. The workers print 10 a
 * second.
 */

const RUSH_S = 600;
const [RUSH, CALM] = [12, 4]; // customers a second
const PRINTED_PER_S = 10;
const LIMIT = 100; // tasks in the queue, where there is a limit

/** The same random numbers in every language: x -> x * 16807 mod (2^31 - 1). */
function* chance(seed: number): Generator<number, never> {
  let x = seed;
  while (true) {
    x = (x * 16807) % 2147483647;
    yield x / 2147483647;
  }
}

function run(seed: number, name: string, limit: number, atTheDoor: "wait" | "refuse"): void {
  const numbers = chance(seed);
  const queue: number[] = []; // the second in which each task was put
  let [door, refused, slowestS, most, doorMost] = [0, 0, 0, 0, 0];
  for (let second = 0; second < RUSH_S || queue.length > 0 || door > 0; second++) {
    const expected = second < RUSH_S ? RUSH : CALM;
    door += Math.floor(numbers.next().value * 2 * expected + 0.5);
    const letIn = Math.min(door, Math.max(0, limit - queue.length));
    for (let i = 0; i < letIn; i++) queue.push(second);
    door -= letIn;
    if (atTheDoor === "refuse") [refused, door] = [refused + door, 0];
    [most, doorMost] = [Math.max(most, queue.length), Math.max(doorMost, door)];
    for (const put of queue.splice(0, PRINTED_PER_S)) slowestS = Math.max(slowestS, second - put);
  }
  const cell = (count: number, width: number) => String(count).padStart(width);
  const inside = `${cell(most, 10)} ${cell(slowestS, 12)} s`;
  console.log(`${name.padEnd(22)} ${inside} ${cell(refused, 9)} ${cell(doorMost, 19)}`);
}

function main(): void {
  const seed = Number(process.argv[2] ?? 1 + Math.floor(Math.random() * 999));
  console.log("what gives way         most in it   slowest task   refused   most at the door");
  run(seed, "nothing (no limit)", Infinity, "wait");
  run(seed, "the customer (refused)", LIMIT, "refuse");
  run(seed, "the producer (waits)", LIMIT, "wait");
}

main();
