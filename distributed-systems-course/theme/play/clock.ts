// Positions in a run, and how they move. Pure: it has no time of its own.
//
// A position counts steps: at 3, three steps have happened; at 2.5 the third is half done. Time in a
// picture is not that of the run, in which a millisecond and an hour may follow each other: every
// step takes as long as one needs to see it.

export const STEP_MS = 1100; // at speed 1, where a track says nothing else
export const SPEEDS = [0.5, 1, 2, 4, 10];

// Where a run stands `elapsed_ms` after it was at `position`; never beyond `limit`.
// `takes_ms(n)` is how long step n takes at speed 1 (> 0).
export function advance(
  position: number,
  elapsed_ms: number,
  speed: number,
  takes_ms: (step: number) => number,
  limit: number,
): number {
  let left_ms = elapsed_ms * speed;
  let at = position;
  while (left_ms > 0 && at < limit) {
    const step = Math.floor(at) + 1;
    const whole_ms = takes_ms(step);
    const rest_ms = (step - at) * whole_ms;
    if (left_ms < rest_ms) return Math.min(limit, at + left_ms / whole_ms);
    at = step;
    left_ms -= rest_ms;
  }
  return Math.min(at, limit);
}

// The steps that a press of "step" and of "back" lead to.
export const after = (position: number): number => Math.floor(position) + 1;
export const before = (position: number): number => Math.max(0, Math.ceil(position) - 1);
