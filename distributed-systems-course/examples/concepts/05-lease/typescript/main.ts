/**
 * How long should a lease be? Run it with a seed: node main.ts 7
 *
 * A thousand tasks. Most take a few seconds, some a minute. Some workers die, and some stand still
 * for a while (a busy machine, a laptop lid) and then go on as if nothing had happened.
 */

import { type Draw, chance, play } from "../../luck.ts";

const TASKS = 1000;
const LONG = 0.1; // of the tasks take up to a minute instead of a few seconds
const DIES = 0.02; // of the workers, in the middle of a task
const STANDS_STILL = 0.03; // of the workers, for up to a minute, hearing and saying nothing

type Task = { workS: number; stillS: number; dies: boolean };

/** How long the work takes, how long the worker stands still in it, whether it dies; in seconds. */
function oneTask(draw: Draw): Task {
  const share = draw();
  const workS = share * (draw() < LONG ? 60 : 4);
  const length = draw();
  const stillS = draw() < STANDS_STILL ? length * 60 : 0;
  return { workS, stillS, dies: draw() < DIES };
}

function run(tasks: Task[], ttrS: number): string {
  let [twice, twiceWithTouch, waitedS] = [0, 0, 0];
  for (const { workS, stillS, dies } of tasks) {
    if (dies) {
      waitedS += ttrS; // until the queue gives the task to somebody else
      continue;
    }
    // Without touch, the lease must be longer than all of the work.
    if (workS + stillS > ttrS) twice += 1;
    // With touch, it must only be longer than the worker's longest silence.
    if (stillS > ttrS) twiceWithTouch += 1;
  }
  const cell = (count: number, width: number) => String(count).padStart(width);
  return `${cell(ttrS, 5)} s ${cell(twice, 12)} ${cell(twiceWithTouch, 24)} ${cell(waitedS, 24)} s`;
}

function main(seed: number): void {
  const draw = chance(seed);
  const tasks = Array.from({ length: TASKS }, () => oneTask(draw));
  console.log("  lease   done twice   done twice, with touch   tasks of dead workers lay");
  for (const ttrS of [2, 5, 15, 30, 60, 120]) console.log(run(tasks, ttrS));
}

play(main);
