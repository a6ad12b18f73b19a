import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, after, before } from "../../../distributed-systems-course/theme/play/clock.ts";

const second = () => 1000;

test("a position moves by time, and never beyond its limit", () => {
  assert.equal(advance(0, 500, 1, second, 10), 0.5);
  assert.equal(advance(0.5, 1000, 1, second, 10), 1.5);
  assert.equal(advance(9.5, 5000, 1, second, 10), 10);
  assert.equal(advance(3, 1000, 1, second, 3), 3);
});

test("a speed is a factor", () => {
  assert.equal(advance(0, 500, 2, second, 10), 1);
  assert.equal(advance(0, 500, 0.5, second, 10), 0.25);
});

test("each step takes its own time", () => {
  const takes = (n: number) => (n === 2 ? 4000 : 1000);
  assert.equal(advance(0, 3000, 1, takes, 10), 1.5);
  assert.equal(advance(1.5, 2500, 1, takes, 10), 2.5);
});

test("step and back lead to whole positions, and back not before the beginning", () => {
  assert.deepEqual([after(2), after(2.4), before(3), before(2.4), before(0)], [3, 3, 2, 2, 0]);
});
