import assert from "node:assert/strict";
import { test } from "node:test";
import {
  detailsOf,
  framesOf,
  runOf,
  timeOf,
  told,
} from "../../../distributed-systems-course/theme/play/frames.ts";
import type { Run, Step } from "../../../distributed-systems-course/theme/play/frames.ts";

const message: Step = { kind: "message", text: "reserve", from: "Anna", to: "queue", at: 0.5 };
const run: Run = {
  unit: "s",
  lanes: ["Anna", "queue"],
  start: { queue: { facts: { ready: "1 2" } } },
  steps: [
    message,
    {
      kind: "message",
      text: "RESERVED 1 7",
      from: "queue",
      to: "Anna",
      state: { queue: { facts: { ready: "2" } }, Anna: { facts: { holds: "job 1" } } },
    },
    {
      kind: "note",
      text: "the connection ends",
      who: "Anna",
      state: { Anna: { is: "down", facts: { holds: "" } } },
    },
  ],
};

test("a frame says what each lane is and holds after each step", () => {
  const frames = framesOf(run);
  assert.equal(frames.length, 4);
  assert.deepEqual(frames[0]!.get("queue"), {
    is: "up",
    role: undefined,
    facts: [{ name: "ready", value: "1 2" }],
  });
  assert.deepEqual(frames[2]!.get("Anna")!.facts, [{ name: "holds", value: "job 1" }]);
  const gone = { is: "down", role: undefined, facts: [{ name: "holds", value: "" }] };
  assert.deepEqual(frames[3]!.get("Anna"), gone);
  assert.deepEqual(frames[3]!.get("queue")!.facts, [{ name: "ready", value: "2" }]);
});

test("a lane has room from the beginning for all that is ever known of it", () => {
  const [first] = framesOf(run);
  assert.deepEqual(first!.get("Anna")!.facts, [{ name: "holds", value: "" }]);
});

test("who looks at a step is told what there is to know besides its words", () => {
  const lost = { ...message, body: "seat 11", lost: true };
  const left: Step = { ...message, kind: "sent", at: 1 };
  const steps = [lost, left, { ...message, kind: "arrived", at: 3.5, sent: 2 } as Step];
  const slow = { ...run, steps };
  assert.deepEqual(detailsOf(slow, 1), [
    ["at", "500 ms"],
    ["body", "seat 11"],
    ["fate", "lost on the way"],
  ]);
  assert.deepEqual(detailsOf(slow, 3), [
    ["at", "3.50 s"],
    ["on its way for", "2.50 s"],
  ]);
  assert.deepEqual(detailsOf(slow, 0), []);
});

test("a step back is the frame before, and a step that changes nothing shares its frame", () => {
  const frames = framesOf(run);
  assert.equal(frames[0], frames[1]);
  assert.deepEqual(framesOf(run)[1], frames[1]);
});

test("each kind of step has its words", () => {
  assert.equal(told(message), "Anna → queue: reserve");
  assert.equal(told({ ...message, lost: true }), "Anna → queue: reserve (lost)");
  assert.equal(told({ ...message, kind: "sent" }), "Anna → queue: reserve (on its way)");
  assert.equal(told({ ...message, kind: "arrived" }), "Anna → queue: reserve (arrives)");
  assert.equal(told({ kind: "note", who: "Anna", text: "dies" }), "Anna: dies");
  assert.equal(told({ kind: "part", text: "seat 2" }), "Next: seat 2");
});

test("a time is said in the unit of its run", () => {
  assert.equal(timeOf(message, "s"), "500 ms");
  assert.equal(timeOf({ ...message, at: 1100 }, "ms"), "1100 ms");
  assert.equal(timeOf({ ...message, at: 0.0021 }, "s"), "2.1 ms");
  assert.equal(timeOf({ ...message, at: 42.04 }, "s"), "42.0 s");
  assert.equal(timeOf({ ...message, at: undefined }, "s"), "");
});

test("data that is no run is refused with a word", () => {
  for (const data of [null, {}, { lanes: [] }, "run"]) {
    assert.throws(() => runOf(data), /no lanes and steps/);
  }
});
