// The project's simulator in this page: src/web, compiled to WebAssembly. A world goes from event to
// event; a checkpoint is a copy of the module's memory, and so one steps back, or goes another way.
// Nothing here knows of a page: the tests run it in node.

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";
export type Outcome = "waiting" | "answered" | "unknown" | "unreachable";

export interface Entry {
  index: number;
  term: number;
  kind: string;
  words: string;
}

// What src/web/page.h calls a node. All but the first three are there once it is up and founded.
export interface SimNode {
  id: number;
  up: boolean;
  paused: boolean;
  role?: Role;
  term?: number;
  vote?: number;
  leader?: number;
  trusted?: boolean;
  first?: number;
  last?: number;
  durable?: number;
  commit?: number;
  applied?: number;
  due_us?: number;
  holds?: string;
  log?: Entry[];
}

export interface Message {
  id: number;
  from: number; // 0: a client
  to: number;
  sent_us: number;
  due_us: number;
  held: boolean;
  news: boolean;
  kind: string;
  words: string;
}

export interface Asked {
  number: number;
  client: number;
  node: number;
  words: string;
  outcome: Outcome;
  asked_us: number;
  over_us?: number;
  reply?: string;
}

export interface State {
  now_us: number;
  system: string;
  failed: string | null;
  heartbeat_us: number;
  election_us: number;
  nodes: SimNode[];
  cuts: [number, number][];
  messages: Message[];
  asked: Asked[];
}

export interface Opening {
  system: string;
  seed: number;
  nodes: number;
  options: string;
}

// As src/sim/steer.h numbers them.
export const STOP = { reached: 0, late: 1, quiet: 2, failed: 3 } as const;

export type Goal = "time" | "event" | "news" | "leader" | "answer" | "calm";

// Memory in pieces. Those that are as they were in the checkpoint before are the same objects.
export type Checkpoint = readonly Int32Array[];

const PIECE = 256; // numbers of four bytes each: fewer cost more to list, more share less

interface Exports {
  memory: WebAssembly.Memory;
  world_words(size: number): number;
  world_answer(): number;
  world_answer_size(): number;
  world_open(system_size: number, seed: bigint, nodes: number, options_size: number): number;
  world_until(size: number): number;
  world_do(size: number): number;
  world_state(): void;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function same(piece: Int32Array, memory: Int32Array, at: number): boolean {
  for (let i = 0; i < PIECE; i++) if (piece[i] !== memory[at + i]) return false;
  return true;
}

export class World {
  private readonly exports: Exports;
  private last: Checkpoint = [];

  private constructor(exports: Exports) {
    this.exports = exports;
  }

  // Throws what a browser throws that has no WebAssembly, or refuses these bytes.
  static async load(bytes: BufferSource): Promise<World> {
    const words = (memory: ArrayBuffer, at: number, size: number) =>
      decoder.decode(new Uint8Array(memory, at, size));
    let exports: Exports;
    const quartet = {
      print() {}, // no trace is asked for
      panic(file: number, size: number, line: number, what: number, what_size: number) {
        const memory = exports.memory.buffer;
        const where = `${words(memory, file, size)}:${line}`;
        throw new Error(`${where}: ${words(memory, what, what_size)}`);
      },
    };
    const { instance } = await WebAssembly.instantiate(bytes, { quartet });
    exports = instance.exports as unknown as Exports;
    return new World(exports);
  }

  // Throws where there is no such world, saying why.
  open(opening: Opening): void {
    const sizes = this.say(opening.system, opening.options);
    const refused = this.exports.world_open(
      sizes[0]!,
      BigInt(opening.seed),
      opening.nodes,
      sizes[1]!,
    );
    if (refused) throw new Error(this.answer());
  }

  // Lets time pass until the goal, but no later than `until_us`. Returns one of STOP.
  until(goal: Goal, until_us: number): number {
    const [size] = this.say(`${goal} ${Math.round(until_us)}`);
    const stop = this.exports.world_until(size!);
    if (stop < 0) throw new Error(this.answer());
    return stop;
  }

  // An order (src/web/page.h): "" when it is done, else why not.
  do(order: string): string {
    const [size] = this.say(order);
    return this.exports.world_do(size!) === 0 ? "" : this.answer();
  }

  state(): State {
    return JSON.parse(this.text()) as State;
  }

  text(): string {
    this.exports.world_state();
    return this.answer();
  }

  checkpoint(): Checkpoint {
    const memory = new Int32Array(this.exports.memory.buffer);
    const pieces: Int32Array[] = [];
    for (let at = 0, i = 0; at < memory.length; at += PIECE, i++) {
      const before = this.last[i];
      pieces.push(before && same(before, memory, at) ? before : memory.slice(at, at + PIECE));
    }
    this.last = pieces;
    return pieces;
  }

  restore(checkpoint: Checkpoint): void {
    const memory = new Int32Array(this.exports.memory.buffer);
    checkpoint.forEach((piece, i) => memory.set(piece, i * PIECE));
    memory.fill(0, checkpoint.length * PIECE); // it never shrinks
    this.last = checkpoint;
  }

  private say(...words: string[]): number[] {
    const parts = words.map((one) => encoder.encode(one));
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    let at = this.exports.world_words(size);
    const memory = new Uint8Array(this.exports.memory.buffer);
    for (const part of parts) {
      memory.set(part, at);
      at += part.length;
    }
    return parts.map((part) => part.length);
  }

  private answer(): string {
    const at = this.exports.world_answer();
    const size = this.exports.world_answer_size();
    return decoder.decode(new Uint8Array(this.exports.memory.buffer, at, size));
  }
}
