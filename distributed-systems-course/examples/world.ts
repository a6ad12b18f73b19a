/**
 * A world for the small nodes, in virtual time. Whatever happens in it comes from the seed. Given.
 *
 *     node world.ts store step4 --seeds 1..200 --faults kill,cut [--events FILE]
 *
 * A machine does one thing after the other: what a call leaves in `save` goes to its disk, and only
 * then its messages and answers leave. Links are FIFO. A kill takes what was not yet on the disk.
 */

import { type Draw, chance } from "./concepts/luck.ts";

const TICK_S = 0.05;
const SYNC_S = 0.004;
const LATENCY_S = 0.003;

/** What a world needs of a node. */
export interface Node {
  readonly id: number;
  readonly leader?: number;
  readonly term?: number;
  save: any[];
  send: [to: number, message: any[]][];
  answers: [client: number, answer: string | null][];
  apply(entry: any): void;
  tick(now: number): void;
  receive(now: number, sender: number, message: any[]): void;
  ask(now: number, client: number, words: string[]): void;
}

type Call = (node: Node) => void;
type Coming = { time: number; count: number; what: () => void };
export type Event = Record<string, any>;

/** Where a node runs. Its disk outlives it. */
class Machine {
  life = 0;
  node!: Node;
  disk: any[] = [];
  saving: any[] = [];
  inbox: Call[] = [];
  up = false;
  cut = false;
  busy = false;
  slowUntil = 0;
  speed = 0; // of its clock
  ahead = 0;
}

export class World {
  readonly draw: Draw;
  readonly machines: Map<number, Machine>;
  readonly events: Event[] = [];
  now = 0;
  answered: (client: number, answer: string | null) => void = () => {};
  died: (id: number) => void = () => {};
  looked: (node: Node) => void = () => {};
  private readonly make: (id: number) => Node;
  private readonly coming: Coming[] = []; // a heap: the next is the first
  private count = 0;
  private readonly arrivals = new Map<string, number>(); // the last on each link

  constructor(make: (id: number) => Node, ids: number[], seed: number) {
    [this.make, this.draw] = [make, chance(seed)];
    this.machines = new Map(ids.map((id) => [id, new Machine()]));
    for (const [id, machine] of this.machines) {
      machine.speed = 0.9 + 0.2 * this.draw();
      machine.ahead = 1000 * this.draw();
      this.start(id);
      this.at(TICK_S * this.draw(), () => this.tick(id));
    }
  }

  at(time: number, what: () => void): void {
    this.count += 1;
    push(this.coming, { time, count: this.count, what });
  }

  /** What a node takes for the time: its clock is off, and runs fast or slow. */
  clock(id: number): number {
    const machine = this.machines.get(id)!;
    return machine.ahead + this.now * machine.speed;
  }

  run(until: number): void {
    while (this.coming[0]!.time <= until) {
      const { time, what } = pop(this.coming);
      this.now = time;
      what();
    }
    this.now = until;
  }

  private note(id: number, text: string, more: Event = {}): void {
    this.events.push({ at: this.now, who: id, text, ...more });
  }

  private tick(id: number): void {
    this.at(this.now + TICK_S, () => this.tick(id));
    const machine = this.machines.get(id)!;
    if (machine.inbox.length > 0 || this.now < machine.slowUntil) return; // who stood still hears first
    this.give(id, (node) => node.tick(this.clock(id)));
  }

  give(id: number, call: Call): void {
    const machine = this.machines.get(id)!;
    if (!machine.up) return;
    machine.inbox.push(call);
    this.work(id);
  }

  private work(id: number): void {
    const machine = this.machines.get(id)!;
    while (machine.inbox.length > 0 && !machine.busy && this.now >= machine.slowUntil) {
      const node = machine.node;
      machine.inbox.shift()!(node);
      this.looked(node);
      const { save, send, answers } = node;
      [node.save, node.send, node.answers] = [[], [], []];
      machine.saving = save;
      const leave = () => {
        for (const [to, message] of send) this.carry(id, to, message);
        for (const [client, answer] of answers) this.answered(client, answer);
      };
      if (save.length === 0) leave();
      else {
        machine.busy = true;
        this.sync(id, this.now + SYNC_S * this.draw(), leave);
      }
    }
  }

  private sync(id: number, done: number, leave: () => void): void {
    const machine = this.machines.get(id)!;
    const life = machine.life;
    this.at(done, () => {
      if (machine.life !== life) return;
      if (this.now < machine.slowUntil) return this.sync(id, machine.slowUntil, leave);
      machine.disk.push(...machine.saving);
      [machine.saving, machine.busy] = [[], false];
      leave();
      this.work(id);
    });
  }

  private carry(sender: number, to: number, message: any[]): void {
    const link = `${sender} ${to}`;
    const got = Math.max(this.arrivals.get(link) ?? 0, this.now + LATENCY_S * this.draw());
    this.arrivals.set(link, got);
    const ends = [this.machines.get(sender)!, this.machines.get(to)!];
    const lives = ends.map((machine) => machine.life);
    const event: Event = { at: this.now, got, from: sender, to, text: message, lost: true };
    this.events.push(event);
    if (ends.some((machine) => machine.cut)) return;
    this.at(got, () => {
      if (ends.some((machine, i) => machine.cut || machine.life !== lives[i])) return;
      event.lost = false;
      this.give(to, (node) => node.receive(this.clock(to), sender, message));
    });
  }

  // --- what goes wrong ---------------------------------------------------------------------------

  start(id: number): void {
    const machine = this.machines.get(id)!;
    machine.node = this.make(id);
    for (const entry of machine.disk) machine.node.apply(entry);
    machine.up = true;
  }

  /** It stands still for so long, and then hears all that was said meanwhile, in order. */
  slow(id: number, length: number): void {
    this.machines.get(id)!.slowUntil = this.now + length;
    this.at(this.now + length, () => this.work(id));
  }

  kill(id: number): void {
    const machine = this.machines.get(id)!;
    const written = Math.floor(this.draw() * (machine.saving.length + 1));
    machine.disk.push(...machine.saving.slice(0, written));
    Object.assign(machine, { saving: [], busy: false, up: false, slowUntil: 0, inbox: [] });
    machine.life += 1;
    this.note(id, "is killed", { ends: true });
    this.died(id);
  }

  cut(id: number): void {
    this.machines.get(id)!.cut = true;
    this.note(id, "is cut off");
  }

  heal(id: number): void {
    this.machines.get(id)!.cut = false;
    this.note(id, "is connected again");
  }
}

// --- a heap: of what comes at the same time, what was planned first -------------------------------

function before(a: Coming, b: Coming): boolean {
  return a.time < b.time || (a.time === b.time && a.count < b.count);
}

function push(heap: Coming[], one: Coming): void {
  let at = heap.length;
  for (let up = (at - 1) >> 1; at > 0 && before(one, heap[up]!); up = (at - 1) >> 1) {
    heap[at] = heap[up]!;
    at = up;
  }
  heap[at] = one;
}

function pop(heap: Coming[]): Coming {
  const [first, last] = [heap[0]!, heap.pop()!];
  if (heap.length === 0) return first;
  let at = 0;
  for (let down = 1; down < heap.length; down = 2 * at + 1) {
    if (down + 1 < heap.length && before(heap[down + 1]!, heap[down]!)) down += 1;
    if (!before(heap[down]!, last)) break;
    heap[at] = heap[down]!;
    at = down;
  }
  heap[at] = last;
  return first;
}

if (import.meta.main) void import("./worlds.ts").then((worlds) => worlds.main());
