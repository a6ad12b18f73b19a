/**
 * Three clocks, and what they say of which came first. Run it with a seed: node main.ts 7
 *
 * Three offices note things down and send each other notes. What may have been known to whom, the
 * program keeps on the side (`past`): that is the truth by which the clocks are judged.
 */

import { type Draw, chance, play } from "../../luck.ts";

const OFFICES = 3;
const EVENTS = 150;
const TOLD = 0.2; // so many events send a note to another office
const DELAY_S = 20; // of a note, at most
const OFF_S = 10; // of an office's clock, either way

type Event = {
  number: number;
  past: Set<number>; // the events that may have led to this one, with itself
  wall: number;
  count: number;
  vector: number[];
};

type Before = (a: Event, b: Event) => boolean;

const byWall: Before = (a, b) => a.wall < b.wall;

const byCount: Before = (a, b) => a.count < b.count;

/** Whoever made b had heard of all that a's maker had heard of. Of two alike, neither. */
const byVector: Before = (a, b) => {
  const less = a.vector.filter((mine, i) => mine < b.vector[i]!).length;
  return less > 0 && a.vector.every((mine, i) => mine <= b.vector[i]!);
};

/** One event a second, each at some office, which has read the notes that have come to it. */
function run(draw: Draw): Event[] {
  const offices = Array.from({ length: OFFICES }, (_, i) => i);
  const off = offices.map(() => OFF_S * (2 * draw() - 1));
  const zero = offices.map(() => 0);
  const last = offices.map((): Event => ({
    number: -1,
    past: new Set(),
    wall: 0,
    count: 0,
    vector: zero,
  }));
  const notes: { at: number; to: number; sent: Event }[] = []; // what its sender knew
  const events: Event[] = [];
  for (let now = 0; now < EVENTS; now++) {
    const office = Math.floor(draw() * OFFICES);
    const come = notes.filter(({ at, to }) => to === office && at <= now);
    const known = [last[office]!, ...come.map(({ sent }) => sent)];
    const vector = offices.map((i) => Math.max(...known.map((one) => one.vector[i]!)));
    vector[office]! += 1; // each office counts its own
    const past = new Set([now, ...known.flatMap((one) => [...one.past])]);
    const count = 1 + Math.max(...known.map((one) => one.count));
    const event = { number: now, past, wall: now + off[office]!, count, vector };
    last[office] = event;
    events.push(event);
    if (draw() < TOLD) {
      const to = (office + 1 + Math.floor(draw() * (OFFICES - 1))) % OFFICES;
      notes.push({ at: now + DELAY_S * draw(), to, sent: event });
    }
  }
  return events;
}

function report(name: string, events: Event[], before: Before): void {
  let [upsideDown, invented] = [0, 0];
  for (const a of events) {
    for (const b of events.slice(0, a.number)) {
      const led = a.past.has(b.number); // and a cannot have led to b
      if (led && !before(b, a)) upsideDown += 1;
      if (!led && (before(a, b) || before(b, a))) invented += 1;
    }
  }
  const cells = [String(upsideDown).padStart(8), String(invented).padStart(20)];
  console.log(`${name.padEnd(26)}${cells.join("")}`);
}

function main(seed: number): void {
  const events = run(chance(seed));
  const led = events.reduce((sum, event) => sum + event.past.size - 1, 0);
  const pairs = (EVENTS * (EVENTS - 1)) / 2;
  console.log(`${pairs} pairs of events; in ${led}, one may have led to the other`);
  console.log("                            missed  said, but not so");
  report("the clock on the wall", events, byWall);
  report("one number", events, byCount);
  report("a number for each office", events, byVector);
}

play(main);
