/** Step 3: an answer waits for as many disks as its level promises: one, a majority, or all. */

import { Replica, type Stamp } from "./replica.ts";
import { slotOf } from "./slots.ts";
import type { Answer, Message } from "./store.ts";

const ALL_S = 1; // so long an answer waits: for every disk,
export const PATIENCE_S = 3; // for as many as it must
const CLOSE = ""; // no answer, and the connection ends: nobody knows what becomes of the command

/** An answer that waits until so many nodes hold the stamp. */
export type Owed = {
  client: number;
  answer: Answer;
  stamp: Stamp;
  copies: number;
  since: number;
  round?: number;
};

export class Promises extends Replica {
  private readonly copies: Record<string, number>;
  protected owed: Owed[] = [];

  constructor(id: number, addresses: Map<number, string>) {
    super(id, addresses);
    this.copies = { leader: 1, majority: this.majority, all: addresses.size };
  }

  override ask(now: number, client: number, words: string[], level = ""): void {
    if (words[0] === "get" && (level === "local" || this.leader === this.id)) {
      return super.ask(now, client, words);
    }
    if (this.leader !== this.id) {
      this.answers.push([client, this.redirect(words[1]!)]);
      return;
    }
    const [answer, change] = this.decide(words);
    if (change !== null) this.write(now, change);
    const copies = this.copies[level || "majority"]!;
    this.owed.push({ client, answer, stamp: this.stamp, copies, since: now });
    this.pay(now);
  }

  protected redirect(key: string): Answer {
    if (this.leader === 0) return "-CLUSTERDOWN no leader";
    return `-MOVED ${slotOf(key)} ${this.addresses.get(this.leader)}`;
  }

  override receive(now: number, sender: number, message: Message): void {
    super.receive(now, sender, message);
    this.pay(now);
  }

  override tick(now: number): void {
    super.tick(now);
    this.pay(now);
  }

  /** How the commands of a leadership that ends will end, nobody knows. */
  protected override follow(now: number, leader: number): void {
    if (this.leader === this.id) {
      for (const owed of this.owed) this.answers.push([owed.client, CLOSE]);
      this.owed = [];
    }
    super.follow(now, leader);
  }

  /** A majority holds a stamp of this term: whatever wins from now on has what I have. */
  private begun(): boolean {
    return this.holders([this.term, 0]) >= this.majority;
  }

  protected enough(owed: Owed): boolean {
    return this.begun() && this.holders(owed.stamp) >= owed.copies;
  }

  protected pay(now: number): void {
    for (const owed of [...this.owed]) {
      const [held, waited] = [this.holders(owed.stamp), now - owed.since];
      const most = owed.copies > held && held >= this.majority && this.begun();
      let answer = owed.answer;
      if (!this.enough(owed)) {
        if (most && waited >= ALL_S) answer = `-NOTALL ${held} of ${owed.copies}; the write stands`;
        else if (waited >= PATIENCE_S) answer = CLOSE;
        else continue;
      }
      this.owed.splice(this.owed.indexOf(owed), 1);
      this.answers.push([owed.client, answer]);
    }
  }
}
