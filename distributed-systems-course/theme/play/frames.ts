// A recorded run as a film: what each lane is and holds at each moment, and what is said of it. Pure.
//
// The data is what tools/spacetime.py writes beside the picture:
//
//     { unit, lanes: [NAME], does: { NAME: keeps, works or asks }, steps: [Step], asks: { STEP: Question } }
//
// Steps are counted from 1. A message that is on its way while other things happen takes two steps:
// it is sent in one and arrives in another. `state` says what changes for which lane in that step.

import type { Condition, NodeState } from "./nodes.ts";
import type { Question } from "./question.ts";

export interface Change {
  is?: Condition;
  role?: string;
  facts?: Record<string, string>; // an empty value takes the fact away
}

export interface Step {
  kind: "message" | "sent" | "arrived" | "note" | "part";
  text: string;
  from?: string;
  to?: string;
  who?: string;
  body?: string;
  at?: number; // in the unit of the run, from its beginning
  lost?: boolean;
  sent?: number; // of one that arrives: the step in which it was sent
  state?: Record<string, Change>;
}

export interface Run {
  unit: string;
  lanes: string[];
  does?: Record<string, string>;
  steps: Step[];
  start?: Record<string, Change>; // before the first step
  asks?: Record<string, Question>;
}

export type Frame = ReadonlyMap<string, NodeState>;

const NEW: NodeState = { is: "up", facts: [] };

function changed(state: NodeState, change: Change): NodeState {
  const own = change.facts ?? {};
  return {
    is: change.is ?? state.is,
    role: change.role ?? state.role,
    facts: state.facts.map(({ name, value }) => ({ name, value: own[name] ?? value })),
  };
}

// A lane has room for all that is ever known of it, from the beginning: nothing jumps.
function atFirst(run: Run): Frame {
  const all = [run.start ?? {}, ...run.steps.map((step) => step.state ?? {})];
  const known = (lane: string) =>
    new Set(all.flatMap((one) => Object.keys(one[lane]?.facts ?? {})));
  return new Map(
    run.lanes.map((lane) => [
      lane,
      { ...NEW, facts: [...known(lane)].map((name) => ({ name, value: "" })) },
    ]),
  );
}

// One frame for each position 0 to steps.length; those that differ in nothing are the same object.
export function framesOf(run: Run): Frame[] {
  let now = atFirst(run);
  const apply = (changes: Record<string, Change> | undefined) => {
    if (!changes) return;
    const next = new Map(now);
    for (const [lane, change] of Object.entries(changes)) {
      next.set(lane, changed(next.get(lane) ?? NEW, change));
    }
    now = next;
  };
  apply(run.start);
  const frames = [now];
  for (const step of run.steps) {
    apply(step.state);
    frames.push(now);
  }
  return frames;
}

export function timeOf(step: Step, unit: string): string {
  if (step.at === undefined) return "";
  const ms = unit === "ms" ? step.at : step.at * 1000;
  if (unit === "ms" || ms < 1000) return `${ms.toFixed(ms > 0 && ms < 10 ? 1 : 0)} ms`;
  return `${step.at.toFixed(step.at < 10 ? 2 : 1)} s`;
}

// What a step did, in one line, for the eye and for a screen reader.
export function told(step: Step): string {
  const way = `${step.from} → ${step.to}: ${step.text}`;
  switch (step.kind) {
    case "part":
      return `Next: ${step.text}`;
    case "note":
      return `${step.who}: ${step.text}`;
    case "sent":
      return `${way} (on its way)`;
    case "arrived":
      return `${way} (arrives)`;
    case "message":
      return step.lost ? `${way} (lost)` : way;
  }
}

// What there is to know of a step besides its words, for who looks at it.
export function detailsOf(run: Run, n: number): [string, string][] {
  const step = run.steps[n - 1];
  if (!step) return [];
  const details: [string, string][] = [];
  const at = timeOf(step, run.unit);
  if (at) details.push(["at", at]);
  const left = run.steps[(step.sent ?? 0) - 1];
  if (left?.at !== undefined && step.at !== undefined) {
    details.push(["on its way for", timeOf({ ...step, at: step.at - left.at }, run.unit)]);
  }
  if (step.body) details.push(["body", step.body]);
  if (step.lost) details.push(["fate", "lost on the way"]);
  return details;
}

// Throws when `data` is no run, saying what is missing.
export function runOf(data: unknown): Run {
  const run = data as Run;
  if (!run || !Array.isArray(run.lanes) || !Array.isArray(run.steps)) {
    throw new Error("no lanes and steps in what the page says of this run");
  }
  return run;
}
