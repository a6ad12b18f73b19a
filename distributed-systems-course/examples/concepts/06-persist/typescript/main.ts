/**
 * Answer, write, sync: in which order? Run it with a seed: node main.ts 7
 *
 * A queue takes a job, and dies at some moment while it does. What was written lies in the
 * operating system's memory until a sync brings it to the disk. A killed program loses neither; a
 * power cut loses what was not synced.
 */

import { type Draw, chance, play } from "../../luck.ts";

const JOBS = 1000;
type Step = "answer" | "write" | "sync";
const PLANS: Step[][] = [
  ["answer", "write", "sync"],
  ["write", "answer", "sync"],
  ["write", "sync", "answer"],
];

class Machine {
  private memory = new Set<number>(); // the operating system's
  private readonly disk = new Set<number>();
  private readonly answered = new Set<number>(); // what the customers have been promised

  step(name: Step, job: number): void {
    if (name === "write") this.memory.add(job);
    else if (name === "sync") this.memory.forEach((one) => this.disk.add(one));
    else this.answered.add(job);
  }

  powerCut(): void {
    this.memory = new Set(this.disk);
  }

  /** Promised, and not there after the restart. */
  lost(): number {
    return [...this.answered].filter((job) => !this.memory.has(job)).length;
  }
}

function run(draw: Draw, plan: Step[], power: boolean): number {
  let lost = 0;
  for (let job = 0; job < JOBS; job++) {
    const machine = new Machine();
    const stepsDone = Math.floor(draw() * (plan.length + 1)); // then it dies
    for (const name of plan.slice(0, stepsDone)) machine.step(name, job);
    if (power) machine.powerCut();
    lost += machine.lost();
  }
  return lost;
}

function main(seed: number): void {
  const draw = chance(seed);
  console.log(`of ${JOBS} crashes, a promised job was lost in`);
  console.log("order of steps          kill -9   power cut");
  for (const plan of PLANS) {
    const killed = String(run(draw, plan, false)).padStart(8);
    const cut = String(run(draw, plan, true)).padStart(11);
    console.log(`${plan.join(", ").padEnd(22)} ${killed} ${cut}`);
  }
}

play(main);
