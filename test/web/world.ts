// The simulator as a page has it: the module that tools/wasm made, through the same file that the
// book's pictures use. Says `ok NAME` or `bad NAME: WHY`.
//
//     node world.ts MODULE

import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { filmOf, recordOf } from "../../distributed-systems-course/theme/play/cluster-film.ts";
import type { Record as Recorded } from "../../distributed-systems-course/theme/play/cluster-film.ts";
import { ClusterSteps } from "../../distributed-systems-course/theme/play/cluster-steps.ts";
import type { Scene } from "../../distributed-systems-course/theme/play/cluster-steps.ts";
import { World, STOP } from "../../distributed-systems-course/theme/play/cluster-world.ts";
import type { Goal, State } from "../../distributed-systems-course/theme/play/cluster-world.ts";

const SIZE_MAX = 400 * 1024; // gzipped: what a reader may have to wait for
const MEMORY_MAX = 8 << 20; // of three nodes: a checkpoint compares all of it
const LATE_US = 60_000_000;
const STEPS = 525;
const STEPS_BYTES_MAX = 64 << 20;

const SEEDS = 20; // of each world of the book
const SPREADS = [0.8, 1, 1.2]; // of its times
const WORLDS = new URL("../../distributed-systems-course/worlds/", import.meta.url);

const module = readFileSync(process.argv[2]!);
const wrong: string[] = [];

function must(is: boolean, what: string): void {
  if (!is) wrong.push(what);
}

async function check(name: string, body: () => Promise<void> | void): Promise<void> {
  wrong.length = 0;
  try {
    await body();
  } catch (error) {
    wrong.push(String(error));
  }
  console.log(wrong.length === 0 ? `ok ${name}` : `bad ${name}: ${wrong.join("; ")}`);
}

async function calm(seed = 7, nodes = 3): Promise<World> {
  const world = await World.load(module);
  world.open({ system: "queue", seed, nodes, options: "" });
  reach(world, "calm");
  return world;
}

function reach(world: World, goal: Goal): void {
  const stop = world.until(goal, world.state().now_us + LATE_US);
  must(stop === STOP.reached, `${goal} is not reached`);
}

function order(world: World, words: string): void {
  const why = world.do(words);
  must(why === "", why);
}

const leader = (world: World): number =>
  world.state().nodes.find((node) => node.role === "leader")!.id;

// What can be seen in the next `count` events.
function film(world: World, count: number): string {
  const seen: string[] = [];
  for (let i = 0; i < count; i++) {
    world.until("event", LATE_US);
    seen.push(world.text());
  }
  return seen.join("\n");
}

await check(`the module is below ${SIZE_MAX / 1024} KiB, gzipped`, () => {
  const size = gzipSync(module, { level: 9 }).length;
  must(size <= SIZE_MAX, `it has ${size} bytes`);
});

await check("a killed leader is followed by another, and nothing is lost", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = await calm(seed);
    const first = leader(world);
    order(world, `put ${first} seat 12`);
    reach(world, "answer");
    order(world, `kill ${first}`);
    reach(world, "leader");
    reach(world, "calm");
    const second = leader(world);
    must(second !== first, `seed ${seed}: node ${first} leads on`);
    order(world, `reserve ${second}`);
    reach(world, "answer");
    const { asked, failed } = world.state();
    must(asked[0]?.reply === "INSERTED 1", `seed ${seed}: put is answered ${asked[0]?.reply}`);
    must(asked[1]?.reply === "RESERVED 1: seat 12", `seed ${seed}: then ${asked[1]?.reply}`);
    must(failed === null, `seed ${seed}: ${failed}`);
  }
});

await check("a step back, and the same steps again, show the same bytes", async () => {
  const world = await calm();
  order(world, `put ${leader(world)} seat 12`);
  const here = world.checkpoint();
  const before = world.text();
  const first = film(world, 200);
  world.checkpoint();
  world.restore(here);
  must(world.text() === before, "it is not where it was");
  must(film(world, 200) === first, "it goes another way");
});

await check("another way leads elsewhere, and back on the first all is as it was", async () => {
  const world = await calm();
  const fork = world.checkpoint();
  const quiet = film(world, 100);
  world.restore(fork);
  order(world, `kill ${leader(world)}`);
  const killed = film(world, 100);
  must(killed !== quiet, "a kill changes nothing");
  world.restore(fork);
  must(film(world, 100) === quiet, "the first way is another");
  world.restore(fork);
  order(world, `kill ${leader(world)}`);
  must(film(world, 100) === killed, "the second way is another");
});

await check("another instance shows the same bytes", async () => {
  const films = [await calm(3, 5), await calm(3, 5)].map((world) => {
    order(world, "put 2 seat 12");
    order(world, "cut 1");
    return film(world, 300);
  });
  must(films[0] === films[1], "they differ");
});

await check("a checkpoint shares what has not changed, and memory stays small", async () => {
  const world = await calm();
  const one = world.checkpoint();
  world.until("event", LATE_US);
  const two = world.checkpoint();
  const fresh = two.filter((piece, i) => piece !== one[i]).length;
  must(fresh < one.length / 4, `${fresh} of ${one.length} pieces are new`);
  for (let i = 0; i < 40; i++) {
    order(world, `put ${1 + (i % 3)} seat ${i}`);
    reach(world, "calm");
  }
  const bytes = world.checkpoint().reduce((sum, piece) => sum + piece.byteLength, 0);
  must(bytes <= MEMORY_MAX, `it has ${bytes} bytes`);
});

await check(`${STEPS} steps keep less than ${STEPS_BYTES_MAX >> 20} MiB`, async () => {
  const scene = {
    system: "queue",
    seed: 7,
    nodes: 3,
    options: "",
    begin: ["until calm"],
    acts: [],
  };
  const steps = new ClusterSteps(await World.load(module), scene);
  for (let at = 0; at < STEPS; at += 21) {
    must(steps.act(`put ${1 + (at % 3)} seat ${at}`, at, at) === "", "a put is refused");
    steps.reach(at + 21);
  }
  const pieces = new Set<Int32Array>();
  let listed = 0;
  for (let i = 0; i <= steps.known; i++) {
    steps.step(i).checkpoint.forEach((piece) => pieces.add(piece));
    listed += steps.step(i).checkpoint.length * 8;
  }
  const bytes = [...pieces].reduce((sum, piece) => sum + piece.byteLength, listed);
  must(bytes < STEPS_BYTES_MAX, `they keep ${bytes} bytes`);
});

await check("who starts over is asked what was not asked, and is free else", async () => {
  const ask = { ask: "What now?", choices: [] };
  const act = { ask, do: ["kill leader"], until: "leader" as Goal, holds: [] };
  const scene = {
    system: "queue",
    seed: 7,
    nodes: 3,
    options: "",
    begin: ["until calm"],
    acts: [act],
  };
  const steps = new ClusterSteps(await World.load(module), scene);
  steps.reach(1); // as a timeline does before it asks
  steps.reset();
  must(steps.question(1) === ask, "it is not asked");
  const end = steps.settles(1);
  must(
    steps.step(end).state.nodes.some((node) => !node.up),
    "nobody is killed",
  );
  steps.reset();
  must(steps.question(1) === undefined, "it is asked again");
  steps.reach(12);
  must(
    steps.step(12).state.nodes.every((node) => node.up),
    "and the act played unasked",
  );
});

await check("what cannot be is refused in words", async () => {
  const world = await calm();
  must(world.do("kill 9").includes("kill 9"), world.do("kill 9"));
  let why = "";
  try {
    world.open({ system: "bank", seed: 1, nodes: 3, options: "" });
  } catch (error) {
    why = String(error);
  }
  must(why.includes("bank"), `a bank is opened: ${why}`);
});

// --- the worlds of the book: what is recorded, and what they claim, whatever the seed

const leads = (state: State) => state.nodes.find((node) => node.up && node.role === "leader");
const last = (state: State) => state.asked.at(-1);
const CLAIMS: Record<string, (now: State, before: State) => boolean> = {
  "another leads": (now, before) => !!leads(now) && leads(now)?.id !== leads(before)?.id,
  "nothing acknowledged is lost": (now) =>
    now.asked
      .filter((one) => one.reply?.startsWith("INSERTED"))
      .every((one) => leads(now)?.log?.some((entry) => entry.words.includes(one.words))),
  "the last is not inserted": (now) => {
    const { outcome, reply } = last(now)!;
    return outcome !== "waiting" && !reply?.startsWith("INSERTED");
  },
  "no answer": (now) => last(now)?.outcome === "unknown",
  "it was done after all": (now) =>
    last(now)?.outcome === "unknown" && now.nodes.every((node) => node.holds === "1 job"),
};

// Times of src/sim/steer.c, in microseconds.
const TIMES = { "latency-min": 12e3, "latency-max": 18e3, heartbeat: 1e5, election: 4e5 };

function spread(scene: Scene, seed: number, by: number): Scene {
  const times = Object.entries(TIMES).map(([name, us]) => `${name}=${Math.round(us * by)}`);
  return { ...scene, seed, options: [scene.options, ...times].join(" ") };
}

for (const file of readdirSync(WORLDS).filter((name) => name.endsWith(".json"))) {
  const recorded = JSON.parse(readFileSync(new URL(file, WORLDS), "utf8"));
  const scene: Scene = recorded.scene;
  // Not to the last entry: who leads, and how long the log is, changes with any change of a node, and
  // the picture of an earlier run is as true.
  await check(`worlds/${file} is how a run begins (tools/cluster.py)`, async () => {
    const shown = recordOf(await World.load(module), scene);
    const seen = ({ nodes }: Recorded) => [
      nodes.map(({ id, up, holds }) => [id, up, holds]),
      nodes.filter((node) => node.role === "leader").length,
      nodes.map((node) => node.log.length > 0),
    ];
    must(JSON.stringify(seen(shown)) === JSON.stringify(seen(recorded)), "it is stale");
    must(JSON.stringify(shown.scene) === JSON.stringify(scene), "its world is another");
  });
  await check(`worlds/${file}: what it claims holds for all seeds and times`, async () => {
    const world = await World.load(module);
    for (let i = 0; i < SEEDS * SPREADS.length; i++) {
      const other = spread(scene, 1 + (i % SEEDS), SPREADS[i % SPREADS.length]!);
      const film = filmOf(world, other);
      film.acts.forEach((act, n) => {
        const before = n === 0 ? film.first : film.acts[n - 1]!.state;
        const broken = scene.acts[n]!.holds.filter(
          (one: string) => !CLAIMS[one]!(act.state, before),
        );
        must(broken.length === 0, `${other.seed} "${other.options}", act ${n + 1}: ${broken}`);
        must(act.state.failed === null, `${other.seed}: ${act.state.failed}`);
      });
    }
  });
}
