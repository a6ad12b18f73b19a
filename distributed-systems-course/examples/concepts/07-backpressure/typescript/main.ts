/**
 * More tasks than the workers can do: what should give way? Run it with a seed: node main.ts 7
 *
 * For ten minutes some 15 customers a second want a ticket, then some 4. The workers print 10 a
 * second.
 */

import { type Draw, chance, play } from "../../luck.ts";

const RUSH_S = 600;
const RUSH = 15; // customers a second
const CALM = 4;
const PRINTED_PER_S = 10;
const LIMIT = 100; // tasks in the queue, where there is a limit

function run(draw: Draw, name: string, limit: number, atTheDoor: "wait" | "refuse"): void {
  let door: number[] = []; // when each customer came that is not let in yet
  const queue: { came: number; put: number }[] = [];
  let [refused, most, doorMost, slowestS, slowestInsideS] = [0, 0, 0, 0, 0];
  for (let second = 0; second < RUSH_S || queue.length > 0 || door.length > 0; second++) {
    const expected = second < RUSH_S ? RUSH : CALM;
    const come = Math.floor(draw() * 2 * expected + 0.5);
    for (let i = 0; i < come; i++) door.push(second);
    const room = Math.max(0, limit - queue.length);
    for (const came of door.splice(0, room)) queue.push({ came, put: second });
    if (atTheDoor === "refuse") {
      refused += door.length;
      door = [];
    }
    [most, doorMost] = [Math.max(most, queue.length), Math.max(doorMost, door.length)];
    for (const { came, put } of queue.splice(0, PRINTED_PER_S)) {
      slowestS = Math.max(slowestS, second - came);
      slowestInsideS = Math.max(slowestInsideS, second - put);
    }
  }
  const cell = (count: number, width: number) => String(count).padStart(width);
  const inside = `${cell(most, 13)} ${cell(slowestInsideS, 8)} s`;
  const outside = `${cell(doorMost, 16)} ${cell(slowestS, 9)} s`;
  console.log(`${name.padEnd(22)} ${inside} ${outside} ${cell(refused, 9)}`);
}

function main(seed: number): void {
  console.log("                        most in the   slowest      most at     slowest");
  console.log("what gives way                queue    in it      the door   customer   refused");
  run(chance(seed), "nothing (no limit)", Infinity, "wait");
  run(chance(seed), "the customer (refused)", LIMIT, "refuse");
  run(chance(seed), "the producer (waits)", LIMIT, "wait");
}

play(main);
