/** Tiny histories, and which promises each of them keeps. Run it with a seed: node main.ts 7 */

import { type Draw, chance, play } from "../../luck.ts";

const HISTORIES = 100;
const ROWS = 3;
const CALLS = 0.6; // that one of three people calls, in a row
const PROMISES = ["linearizable", "sequential", "causal", "own writes"];
// rows come one after the other; what stands in one row overlaps
const STORIES = {
  "sold; then another looks: free": "anna w x 1, ben r x 0",
  "each sells, sees no other sale": "anna w x 1 | ben w y 2, anna r y 0 | ben r x 0",
  "an answer without its question": "anna w q 1, ben r q 1, ben w a 2, carl r a 2, carl r q 0",
  "sold; reload: free": "anna w x 1, anna r x 0",
};

/** Its row; w or r; what it wrote, or read: 0 where there was nothing. */
type Call = { at: number; who: string; kind: string; key: string; value: string };
type Before = (a: Call, b: Call) => boolean;

/** Is there an order of them that shows each read the last write, with these pairs in order? */
function view(calls: Call[], before: Before, held: Record<string, string> = {}): boolean {
  for (const call of calls) {
    const first = !calls.some((other) => before(other, call));
    if (!first || (call.kind === "r" && (held[call.key] ?? "0") !== call.value)) continue;
    const rest = calls.filter((other) => other !== call);
    if (view(rest, before, { ...held, [call.key]: call.value })) return true;
  }
  return calls.length === 0;
}

/** What led to what: in somebody's own order, or by being read, or by way of others. */
function causes(own: Before, calls: Call[]): Before {
  const read: Before = (a, b) =>
    a.kind === "w" && b.kind === "r" && a.key === b.key && a.value === b.value;
  const led = new Map<Call, Set<Call>>();
  for (const a of calls) led.set(a, new Set(calls.filter((b) => own(a, b) || read(a, b))));
  for (const _ of calls) {
    for (const found of led.values()) {
      for (const b of [...found]) led.get(b)!.forEach((c) => found.add(c));
    }
  }
  return (a, b) => led.get(a)!.has(b);
}

/** Which promises it keeps, the strongest first. */
function kept(story: string): boolean[] {
  const calls = story.split(", ").flatMap((row, at) =>
    row.split(" | ").map((words): Call => {
      const [who, kind, key, value] = words.split(" ") as [string, string, string, string];
      return { at, who, kind, key, value };
    }),
  );
  const time: Before = (a, b) => a.at < b.at;
  const own: Before = (a, b) => time(a, b) && a.who === b.who;
  const mine: Before = (a, b) => own(a, b) && a.kind === "w" && b.kind === "r";
  const views = calls.map(({ who }) => calls.filter((c) => c.kind === "w" || c.who === who));
  const shared = [time, own].map((before) => view(calls, before));
  // all writes and one's own reads: a view each
  const each = [causes(own, calls), mine].map((b) => views.every((one) => view(one, b)));
  return [...shared, ...each];
}

/** A story in which people read whatever was written, or nothing. */
function drawn(draw: Draw): string {
  const there = Object.entries({ x: 0, y: 0 });
  const rows = Array.from({ length: ROWS }, () => {
    const row = ["anna", "ben", "carl"].map((who) => {
      const [key, value] = there[Math.floor(draw() * there.length)]!;
      const kind = draw() < 0.5 ? "w" : "r";
      if (draw() >= CALLS) return "";
      const count = kind === "w" ? there.push([key, there.length]) - 1 : value;
      return `${who} ${kind} ${key} ${count}`;
    });
    return row.filter((call) => call !== "").join(" | ");
  });
  return rows.filter((row) => row !== "").join(", ") || "anna r x 0";
}

function show(name: string, cells: (string | number)[]): void {
  const padded = cells.map((cell, i) => String(cell).padEnd(PROMISES[i]!.length));
  console.log((name.padEnd(31) + padded.join("  ")).trimEnd());
}

function main(seed: number): void {
  show("", PROMISES);
  for (const [name, story] of Object.entries(STORIES)) {
    const words = kept(story).map((keeps) => (keeps ? "yes" : "no"));
    show(name, words);
  }
  const draw = chance(seed);
  const judged = Array.from({ length: HISTORIES }, () => kept(drawn(draw)));
  const counts = PROMISES.map((_, i) => judged.filter((keeps) => keeps[i]).length);
  show(`of ${HISTORIES} drawn at random`, counts);
  const skips = judged.filter((keeps) => keeps.some((yes, i) => yes && keeps[i + 1] === false));
  console.log(`keep a promise, and break one to its right: ${skips.length}`);
}

play(main);
