// A simulated run in steps: what a timeline plays (timeline.ts, Track), without a page. It runs on as
// far as it is asked to; each step keeps a checkpoint, so that one may go back to it and do something
// else there. What came after is kept as another way.

import { changesOf, leaderOf } from "./cluster-words.ts";
import type { Checkpoint, Goal, Message, Opening, State, World } from "./cluster-world.ts";
import { STOP } from "./cluster-world.ts";
import type { Question } from "./question.ts";

// What the page asks, and then does: `do` are orders, "kill leader" or "put follower seat 12".
export interface Act {
  ask: Question;
  do: string[];
  until: Goal;
  holds: string[]; // what must be true then: for tests
}

export interface Scene extends Opening {
  begin: string[]; // orders, and goals as "until GOAL": before the first step
  lives?: boolean; // plays by itself
  acts: Act[];
}

export interface Step {
  state: State; // after it
  words: string;
  from_us: number;
  passing: Message[]; // what was under way at any time in it
  quiet: boolean; // nothing new happened in it
  takes_ms: number;
  checkpoint: Checkpoint;
}

export const STEPS_MAX = 800; // of one way: 75 KB each
export const WAYS_MAX = 6;
const LATE_US = 30_000_000; // for a goal, of virtual time
const QUIET_US_MAX = 800_000; // when nothing happens for long, it goes by faster
const ORDER_MS = 900; // how long one sees that something was done
const MS_PER_US = 0.035; // 15 ms on the wire take half a second
const STEP_MS_MIN = 240;
const STEP_MS_MAX = 1200;

interface Way {
  steps: Step[];
  act: number; // that is played, or comes next
  act_at: number; // the step before which it is asked; 0: none is left
  orders: string[]; // of the act, still to be carried out
  goal: Goal | ""; // of the act, not reached yet
  until_us: number; // and how late it may become
}

// The words of an order for this state: "leader" is who leads, "follower" the first who does not,
// "other" the second. Throws where there is no such node.
export function resolved(order: string, state: State): string {
  const leader = leaderOf(state)?.id;
  const followers = state.nodes.filter((node) => node.up && node.id !== leader);
  const nodes: Record<string, number | undefined> = {
    leader,
    follower: followers[0]?.id,
    other: followers[1]?.id,
  };
  return order
    .split(" ")
    .map((word, i) => {
      if (!(word in nodes) || i > 2) return word;
      if (nodes[word] === undefined) throw new Error(`${order}: there is no ${word}`);
      return String(nodes[word]);
    })
    .join(" ");
}

// "kill 3" in a sentence.
export function saidOf(order: string): string {
  const [verb, a, b, ...rest] = order.split(" ");
  const words = [b, ...rest].filter(Boolean).join(" ");
  switch (verb) {
    case "kill":
      return `You kill node ${a}`;
    case "restart":
      return `You start node ${a} again`;
    case "pause":
      return `You pause node ${a}: it stands still, and knows nothing of it`;
    case "resume":
      return `Node ${a} goes on, as if no time had passed`;
    case "cut":
      return b ? `You cut the link between nodes ${a} and ${b}` : `You cut node ${a} off`;
    case "heal":
      return "You mend all links";
    default:
      return `A client asks node ${a}: ${verb}${words ? ` ${words}` : ""}`;
  }
}

// Nodes that are down keep what their disks hold, as it was seen last.
function withDisks(state: State, before: State | undefined): State {
  const nodes = state.nodes.map((node, i) => {
    const was = before?.nodes[i];
    return node.up || !was ? node : { ...was, ...node, role: undefined, due_us: undefined };
  });
  return { ...state, nodes };
}

export class ClusterSteps {
  readonly scene: Scene;
  private readonly world: World;
  private ways: Way[];
  private way: Way;
  private answered = false; // the first act was asked for
  private at: Step | null = null; // where the world stands; null: unknown

  constructor(world: World, scene: Scene) {
    this.world = world;
    this.scene = scene;
    world.open(scene);
    for (const one of scene.begin) this.begin(one);
    const state = world.state();
    const first: Step = {
      state,
      words: changesOf(state, state),
      from_us: state.now_us,
      passing: state.messages,
      quiet: false,
      takes_ms: 1,
      checkpoint: world.checkpoint(),
    };
    this.at = first;
    const act_at = scene.acts.length > 0 ? 1 : 0;
    this.way = { steps: [first], act: 0, act_at, orders: [], goal: "", until_us: 0 };
    this.ways = [this.way];
  }

  get known(): number {
    return this.way.steps.length - 1;
  }

  step(n: number): Step {
    return this.way.steps[Math.min(n, this.known)]!;
  }

  tell(n: number): string {
    const words = n === 0 ? this.beginning() : this.step(n).words;
    return /[.?!]$/.test(words) ? words : `${words}.`;
  }

  takesMs(n: number): number {
    return this.step(n).takes_ms;
  }

  question(n: number): Question | undefined {
    return n === this.way.act_at ? this.scene.acts[this.way.act]?.ask : undefined;
  }

  // The step in which the answer to the question before step n is seen.
  settles(n: number): number {
    const act = this.way.act;
    if (n !== this.way.act_at) return n;
    this.answered = true;
    let step = n;
    while (this.reach(step) && this.way.act === act) step += 1;
    return Math.min(step, this.known);
  }

  reach(n: number): boolean {
    while (this.known < n) {
      if (this.known >= STEPS_MAX || this.step(this.known).state.failed !== null) return false;
      this.way.steps.push(this.next());
    }
    return true;
  }

  // The first step behind `n` with a leader in a new term; null: none comes in time.
  nextLeader(n: number): number | null {
    const term = (at: number) => leaderOf(this.step(at).state)?.term ?? 0;
    let most = 0;
    for (let i = 0; i <= Math.min(n, this.known); i++) most = Math.max(most, term(i));
    const until_us = this.step(n).state.now_us + LATE_US;
    for (let at = n + 1; this.reach(at); at++) {
      if (term(at) > most) return at;
      if (this.step(at).state.now_us > until_us) return null;
    }
    return null;
  }

  // Carries an order out behind step n. Steps behind `seen`, which were computed and never shown, are
  // forgotten; if one has gone back, what came is kept as another way. Returns why not, or "".
  act(order: string, n: number, seen: number): string {
    const { steps } = this.way;
    const base = steps[Math.min(n, this.known)]!;
    this.stand(base);
    const why = this.world.do(order);
    if (why) {
      this.at = null;
      return why;
    }
    const step = this.stepOf(base, saidOf(order), ORDER_MS);
    if (n < seen && this.ways.length < WAYS_MAX) {
      steps.length = Math.min(steps.length, seen + 1);
      this.way = { ...this.way, steps: [...steps.slice(0, n + 1), step] };
      this.ways.push(this.way);
    } else {
      steps.length = n + 1;
      steps.push(step);
    }
    Object.assign(this.way, { act: this.scene.acts.length, act_at: 0, orders: [], goal: "" });
    return "";
  }

  get waysCount(): number {
    return this.ways.length;
  }

  get wayNumber(): number {
    return this.ways.indexOf(this.way);
  }

  choose(way: number): void {
    this.way = this.ways[way] ?? this.way;
  }

  // All of it from the beginning. What has been asked is not asked again: then one is free.
  reset(): void {
    const first = this.way.steps[0]!;
    const act_at = this.scene.acts.length > 0 && !this.answered ? 1 : 0;
    this.way = { steps: [first], act: 0, act_at, orders: [], goal: "", until_us: 0 };
    this.ways = [this.way];
  }

  private begin(one: string): void {
    if (one.startsWith("until ")) {
      const late_us = this.world.state().now_us + LATE_US;
      const stop = this.world.until(one.slice("until ".length) as Goal, late_us);
      if (stop !== STOP.reached) throw new Error(`${one}: not reached`);
    } else {
      const why = this.world.do(resolved(one, this.world.state()));
      if (why) throw new Error(why);
    }
  }

  private beginning(): string {
    const leader = leaderOf(this.step(0).state);
    return leader ? `Node ${leader.id} leads, in term ${leader.term}` : "Nobody leads yet";
  }

  private stand(step: Step): void {
    if (this.at === step) return;
    this.world.restore(step.checkpoint);
    this.at = step;
  }

  private stepOf(
    before: Step,
    words: string,
    takes_ms?: number,
    passing?: Message[],
    quiet = false,
  ): Step {
    const state = withDisks(this.world.state(), before.state);
    const from_us = before.state.now_us;
    const own_ms = (state.now_us - from_us) * MS_PER_US;
    const step = {
      state,
      words: words || changesOf(before.state, state),
      from_us,
      passing: passing ?? before.state.messages,
      quiet,
      takes_ms: takes_ms ?? Math.min(STEP_MS_MAX, Math.max(STEP_MS_MIN, own_ms)),
      checkpoint: this.world.checkpoint(),
    };
    this.at = step;
    return step;
  }

  private next(): Step {
    const way = this.way;
    const last = this.step(this.known);
    this.stand(last);
    const act = this.scene.acts[way.act];
    if (act && this.known + 1 === way.act_at) {
      way.orders = [...act.do];
      way.goal = act.until;
      way.until_us = last.state.now_us + LATE_US;
    }
    const order = way.orders.shift();
    if (order !== undefined) return this.ordered(order, last);
    const step = this.elapsed(last);
    if (way.goal && this.isOver(step, last)) this.overAct();
    return step;
  }

  private ordered(order: string, last: Step): Step {
    const words = resolved(order, last.state);
    const why = this.world.do(words);
    return this.stepOf(last, why || saidOf(words), ORDER_MS);
  }

  // To the next news, or as long as one round of heartbeats takes. All that is under way meanwhile is
  // taken down, for the picture.
  private elapsed(last: Step): Step {
    const passing = new Map(last.state.messages.map((one) => [one.id, one]));
    const slept_us = last.quiet ? 2 * (last.state.now_us - last.from_us) : 0;
    const quiet_us = Math.min(QUIET_US_MAX, Math.max(last.state.heartbeat_us, slept_us));
    const until_us = last.state.now_us + quiet_us;
    let stop: number = STOP.quiet;
    while (stop === STOP.quiet) {
      stop = this.world.until("event", until_us);
      for (const one of this.world.state().messages) passing.set(one.id, one);
    }
    return this.stepOf(last, "", undefined, [...passing.values()], stop === STOP.late);
  }

  private isOver(step: Step, last: Step): boolean {
    const { state } = step;
    if (state.failed !== null || state.now_us >= this.way.until_us) return true;
    const over = (at: State) => at.asked.filter((one) => one.outcome !== "waiting").length;
    switch (this.way.goal) {
      case "leader":
        return (leaderOf(state)?.term ?? 0) > this.ledBefore();
      case "answer":
        return over(state) > over(last.state);
      case "calm":
        return this.isCalm(state);
      default:
        return true;
    }
  }

  private ledBefore(): number {
    return Math.max(0, ...this.way.steps.map((one) => leaderOf(one.state)?.term ?? 0));
  }

  // As src/sim/steer.c has it: who leads has all that it reaches level, and no client waits.
  private isCalm(state: State): boolean {
    const leader = leaderOf(state);
    const busy =
      state.asked.some((one) => one.outcome === "waiting") ||
      state.messages.some((one) => one.news && !one.held);
    if (!leader || busy) return false;
    const cut = (id: number) =>
      state.cuts.some((pair) => pair.includes(id) && pair.includes(leader.id));
    return state.nodes
      .filter((node) => node.up && !node.paused && !cut(node.id))
      .every((node) => node.last === leader.last && node.applied === leader.last);
  }

  private overAct(): void {
    const way = this.way;
    way.goal = "";
    way.act += 1;
    way.act_at = way.act < this.scene.acts.length ? way.steps.length + 1 : 0;
  }
}
