/**
 * Step 3: one leads, the others copy.
 *
 * Of two states the one with the greater stamp wins: (term, version), where the term is that of the
 * leader who gave it, and the version counts the changes. The data travels as a change, or whole.
 */

import { SLOTS } from "./slots.ts";
import { type Change, type Entry, type Message, Store } from "./store.ts";

const BEAT_S = 0.1; // so often a leader says that it lives
export type Stamp = [term: number, version: number];

export function atLeast(a: Stamp, b: Stamp): boolean {
  return a[0] > b[0] || (a[0] === b[0] && a[1] >= b[1]);
}

export class Replica extends Store {
  protected readonly others: number[];
  protected readonly majority: number;
  term = 0; // these three, and the data: on the disk
  vote = 0;
  stamp: Stamp = [0, 0];
  fresh = false; // whether the data may be built upon, as this term's leader has it
  leader = 0;
  protected round = 0;
  protected due = 0;
  private acked = new Map<number, Stamp>(); // a leader's: which stamp a node holds
  readonly handlers: Record<string, (now: number, sender: number, words: any[]) => void>;

  constructor(id: number, addresses: Map<number, string>) {
    super(id, addresses);
    this.others = [...addresses.keys()].filter((node) => node !== id);
    this.majority = Math.floor(addresses.size / 2) + 1;
    this.handlers = {
      BEAT: this.copy.bind(this),
      WRITE: this.copy.bind(this),
      ACK: this.acknowledged.bind(this),
      "ALL?": this.allWanted.bind(this),
      ALL: this.allSent.bind(this),
      NO: () => {}, // its term has said it
    };
  }

  override apply(entry: Entry): void {
    const [, , name, ...words] = entry;
    if (name === "vote") [this.term, this.vote] = words as [number, number];
    else if (name === "stamp") [this.stamp] = words as [Stamp];
    else if (name === "all") [this.stamp, this.data] = [words[0], new Map(words[1])];
    else {
      super.apply(entry);
      this.stamp = words.at(-1);
    }
  }

  protected tell(nodes: number[], kind: string, ...words: any[]): void {
    for (const node of nodes) this.send.push([node, [kind, this.term, ...words]]);
  }

  override receive(now: number, sender: number, [kind, term, ...words]: Message): void {
    if (term > this.term) {
      this.record(now, "vote", term, 0);
      this.follow(now, 0);
    }
    if (term < this.term) return this.tell([sender], "NO");
    this.handlers[kind]!(now, sender, words);
  }

  override tick(now: number): void {
    if (this.leader === this.id && now >= this.due) this.beat(now);
    else if (this.leader === 0 && this.id === Math.min(...this.addresses.keys())) {
      this.record(now, "vote", this.term + 1, this.id);
      this.lead(now);
    }
  }

  protected lead(now: number): void {
    [this.leader, this.fresh, this.acked] = [this.id, true, new Map()];
    this.record(now, "stamp", [this.term, this.stamp[1]]);
    this.beat(now);
  }

  /** That node, or nobody (0). */
  protected follow(_now: number, leader: number): void {
    this.leader = leader;
  }

  protected beat(now: number): void {
    [this.round, this.due] = [this.round + 1, now + BEAT_S];
    this.tell(this.others, "BEAT", this.round, this.stamp, this.stamp);
  }

  protected write(now: number, change: Change): void {
    const before = this.stamp;
    this.record(now, "put", ...change, [this.term, before[1] + 1]);
    this.tell(this.others, "WRITE", this.round, before, this.stamp, ...change);
  }

  ranges(): [first: number, last: number, nodes: number[]][] {
    const copies = [...this.addresses.keys()].filter((node) => node !== this.leader);
    return this.leader === 0 ? [] : [[0, SLOTS - 1, [this.leader, ...copies]]];
  }

  /** A WRITE brings a change, a BEAT none. It fits behind the version it was made for. */
  private copy(now: number, sender: number, [round, before, stamp, ...change]: any[]): void {
    this.follow(now, sender);
    if (!(this.fresh && this.fits(before))) {
      this.fresh = false;
      return this.tell([sender], "ALL?");
    }
    if (change.length > 0) this.record(now, "put", ...change, stamp);
    else if (stamp[0] !== this.stamp[0]) this.record(now, "stamp", stamp);
    this.tell([sender], "ACK", round, this.stamp);
  }

  fits(before: Stamp): boolean {
    return before[1] === this.stamp[1];
  }

  private allWanted(_now: number, sender: number): void {
    if (this.leader !== this.id) return;
    this.tell([sender], "ALL", this.round, this.stamp, [...this.data]);
  }

  private allSent(now: number, sender: number, [round, stamp, pairs]: any[]): void {
    if (!atLeast(stamp, this.stamp)) return;
    this.record(now, "all", stamp, pairs);
    this.fresh = true;
    this.tell([sender], "ACK", round, this.stamp);
  }

  protected acknowledged(_now: number, sender: number, [, stamp]: any[]): void {
    const held = this.acked.get(sender) ?? stamp;
    this.acked.set(sender, atLeast(stamp, held) ? stamp : held);
  }

  protected holders(stamp: Stamp): number {
    return 1 + [...this.acked.values()].filter((held) => atLeast(held, stamp)).length;
  }
}
