/**
 * Is there one order of these calls in which each takes effect at one moment of its time? Given.
 *
 *     node judge.ts FILE        lines as specs/history.md says; agrees with `quartet check kv FILE`
 *
 * Linearizability (Herlihy and Wing, 1990), key by key. It goes through the history once and keeps
 * every state that may be: what the key holds, and which of the calls under way have taken effect.
 */

import fs from "node:fs";

export type Line = Record<string, any>;
type State = { held: string; done: number[] }; // what the key holds, as JSON; what took effect
const IMPOSSIBLE = ""; // no state: the call cannot have taken effect here
const STATES_MAX = 200_000;
const KINDS: Record<string, string> = {
  get: "get",
  read: "get",
  put: "put",
  write: "put",
  cas: "cas",
  delete: "delete",
};

/** A call, with what it heard in the end: null while nobody knows. */
class Call {
  readonly number: number;
  readonly line: Line;
  readonly key: string;
  kind: string;
  done = true;
  heard: string | null = null;

  constructor(number: number, line: Line) {
    [this.number, this.line, this.kind] = [number, line, KINDS[line.f]!];
    this.key = JSON.stringify(line.key ?? null);
  }

  /** What the key holds after it; IMPOSSIBLE where it would have heard something else. */
  effect(held: string): string {
    const value = this.line.value ?? null;
    if (this.kind === "get") return this.heard === held ? held : IMPOSSIBLE;
    if (this.kind === "put") return JSON.stringify(value);
    if (this.kind === "cas") {
      return JSON.stringify(value[0]) === held ? JSON.stringify(value[1]) : IMPOSSIBLE;
    }
    const there = held === "null" ? "false" : "true";
    return [null, "null", there].includes(this.heard) ? "null" : IMPOSSIBLE;
  }
}

/** [whether it ends, which call]. Throws where a line does not fit those before. */
function pair(history: Line[]): [boolean, Call][] {
  const underWay = new Map<number, Call | null>(); // by process; null: nothing
  const found: [boolean, Call][] = [];
  for (const [i, line] of history.entries()) {
    const { process, type, f, value } = line;
    if (process === "nemesis") continue;
    if (!Number.isInteger(process) || !Object.hasOwn(KINDS, f)) {
      throw new Error(`line ${i + 1}: it needs a process, and an f of ${Object.keys(KINDS)}`);
    }
    let call = underWay.get(process) ?? null;
    if (type === "invoke") {
      if (call !== null) throw new Error(`line ${i + 1}: process ${process} has a call under way`);
      call = new Call(i + 1, line);
      if (call.kind === "cas" && !(Array.isArray(value) && value.length === 2)) {
        throw new Error(`line ${i + 1}: the value of a cas is [EXPECTED, NEW]`);
      }
      underWay.set(process, call);
      found.push([false, call]);
      continue;
    }
    if (!["ok", "fail", "info"].includes(type) || call?.line.f !== f) {
      throw new Error(`line ${i + 1}: nothing that it could end is under way`);
    }
    if (type === "info") continue; // its process is over, and it may take effect at any time
    underWay.set(process, null);
    if (type === "fail" && "found" in line) {
      const [found, expected] = [line.found, call!.line.value[0]].map((one) => JSON.stringify(one));
      call!.kind = "get"; // had it found what it expected, it would not have failed
      call!.heard = found === expected ? IMPOSSIBLE : found!;
    } else if (type === "fail") call!.done = false;
    else call!.heard = JSON.stringify(value ?? null);
    found.push([true, call!]);
  }
  return found;
}

/** What may be once any of these calls have taken effect, in any order. */
function reach(states: State[], calls: Call[]): State[] {
  const found = new Map(states.map((state) => [text(state), state]));
  const fresh = [...states];
  for (let state = fresh.pop(); state !== undefined; state = fresh.pop()) {
    for (const call of calls) {
      const held = state.done.includes(call.number) ? IMPOSSIBLE : call.effect(state.held);
      if (held === IMPOSSIBLE) continue;
      const next = { held, done: [...state.done, call.number].sort((a, b) => a - b) };
      if (found.has(text(next))) continue;
      found.set(text(next), next);
      fresh.push(next);
    }
    if (found.size > STATES_MAX) {
      throw new RangeError("too many calls are under way at once: nobody knows");
    }
  }
  return [...found.values()];
}

function text(state: State): string {
  return `${state.done} ${state.held}`;
}

/** null: it is linearizable. Else which call fits nowhere. */
export function judge(history: Line[]): string | null {
  const keys = new Map<string, [State[], Call[]]>();
  for (const [ends, call] of pair(history)) {
    let [states, calls] = keys.get(call.key) ?? [[{ held: "null", done: [] }], []];
    if (!ends) {
      keys.set(call.key, [states, [...calls, call]]);
      continue;
    }
    if (call.done) {
      const after = new Map<string, State>();
      for (const { held, done } of reach(
        states,
        calls.filter((one) => one.done),
      )) {
        if (!done.includes(call.number)) continue;
        const state = { held, done: done.filter((number) => number !== call.number) };
        after.set(text(state), state);
      }
      states = [...after.values()];
    }
    keys.set(call.key, [states, calls.filter((other) => other !== call)]);
    if (states.length === 0) {
      const heard = call.kind === "get" ? ` heard ${call.heard}` : "";
      return `key ${call.key}, line ${call.number}: this ${call.line.f}${heard} fits nowhere`;
    }
  }
  return null;
}

function read(lines: string[]): Line[] {
  return lines.flatMap((line, i) => {
    try {
      return line.trim() === "" ? [] : [JSON.parse(line)];
    } catch (error) {
      throw new Error(`line ${i + 1}: ${(error as Error).message}`);
    }
  });
}

/** 0: it holds, 1: it is violated, 3: unknown, 2: the file is wrong. */
function main(path: string): number {
  try {
    const lines = fs.readFileSync(path === "-" ? 0 : path, "utf8").split("\n");
    const history = read(lines);
    const wrong = judge(history);
    console.log(wrong ?? `linearizable: ${history.length} lines`);
    return wrong === null ? 0 : 1;
  } catch (error) {
    if (error instanceof RangeError) console.log(error.message);
    else console.error(`${path}: ${(error as Error).message}`);
    return error instanceof RangeError ? 3 : 2;
  }
}

if (import.meta.main) {
  if (process.argv.length !== 3) {
    console.error("usage: node judge.ts FILE");
    process.exit(2);
  }
  process.exitCode = main(process.argv[2]!);
}
