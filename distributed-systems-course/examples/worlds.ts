/** Runs worlds, one a seed, and says what came of them: world.ts, when it is called. Given. */

import fs from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import type { Event, World } from "./world.ts";

const FAULTS = ["kill", "slow", "cut"];
const USAGE =
  "usage: node world.ts SYSTEM STEP [--seeds FIRST..LAST] [--faults kill,slow,cut] [--mended]" +
  " [--events FILE] [--history FILE]";

/** One thing goes wrong, and will be mended. How long until the next, in seconds. */
function trouble(world: World, faults: string[]): number {
  const all = [...world.machines.keys()];
  const leading = all.filter((id) => world.machines.get(id)!.node.leader === id);
  const ids = leading.length > 0 && world.draw() < 0.5 ? leading : all;
  const id = ids[Math.floor(world.draw() * ids.length)]!;
  const fault = faults[Math.floor(world.draw() * faults.length)]!;
  const length = 0.05 + 2 * world.draw();
  const machine = world.machines.get(id)!;
  if (fault === "kill" && machine.up) {
    world.kill(id);
    world.at(world.now + length, () => world.start(id));
  } else if (fault === "slow") {
    world.slow(id, length);
  } else if (fault === "cut" && !machine.cut) {
    world.cut(id);
    world.at(world.now + length, () => world.heal(id));
  }
  return 3 * world.draw() ** 2;
}

/** For the tools that draw. */
function lineOf(event: Event): string {
  const line = { ...event };
  for (const name of ["at", "got"]) {
    if (name in line) line[name] = Math.round(line[name] * 1e4) / 1e4;
  }
  for (const name of ["from", "to", "who"]) {
    if (typeof line[name] === "number") line[name] = `node ${line[name]}`;
  }
  if (Array.isArray(line.text)) {
    const words = line.text.map((word) => (typeof word === "string" ? word : JSON.stringify(word)));
    line.text = words.join(" ");
  }
  return JSON.stringify(line) + "\n";
}

/** What drives and judges such a world, and the class of the node of that step. */
async function load(system: string, step: string): Promise<[any, any]> {
  const here = import.meta.dirname;
  const home = fs.readdirSync(here).find((name) => /^\d/.test(name) && name.endsWith(`-${system}`));
  if (home === undefined) throw new Error(`there is no system ${system}`);
  const nodes = await import(join(here, home, "mini/typescript/nodes.ts"));
  return [await import(join(here, home, "rush.ts")), await nodes.nodeOf(step)];
}

export async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    options: {
      seeds: { ...text, default: "1..100" },
      faults: { ...text, default: "kill" },
      mended: { type: "boolean", default: false }, // with the comparison of session 9
      events: text, // of the last world
      history: text,
    },
    allowPositionals: true,
  });
  const faults = values.faults.split(",").filter((fault) => fault !== "");
  const wrong = faults.find((fault) => !FAULTS.includes(fault));
  if (positionals.length !== 2 || wrong !== undefined) {
    console.error(
      wrong === undefined ? USAGE : `there is no fault '${wrong}'; there are ${FAULTS}`,
    );
    process.exit(2);
  }
  const [system, step] = positionals as [string, string];
  const [rush, node] = await load(system, step);
  const [first, last] = values.seeds.split("..").map(Number) as [number, number];
  const total: Record<string, number> = {};
  let run;
  for (let seed = first; seed <= last; seed++) {
    run = new rush.Rush(node, seed, step, values.mended);
    run.play(faults.length > 0 ? (world: World) => trouble(world, faults) : null);
    for (const [name, count] of Object.entries<number>(run.result())) {
      total[name] = (total[name] ?? 0) + count;
    }
    if (run.wrong !== "") console.log(`seed ${seed}: ${run.wrong}`);
  }
  if (values.events) fs.writeFileSync(values.events, run.world.events.map(lineOf).join(""));
  if (values.history) {
    const lines = run.history.map((line: object) => JSON.stringify(line) + "\n");
    fs.writeFileSync(values.history, lines.join(""));
  }
  console.log(
    Object.entries(total)
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
  );
}
