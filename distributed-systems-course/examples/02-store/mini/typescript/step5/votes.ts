/** Step 4: who leads. A leader has the votes of a majority, and a node has one vote a term. */

import { Promises } from "./promises.ts";
import { atLeast } from "./replica.ts";
import type { Message } from "./store.ts";

export class Votes extends Promises {
  electionS = 1; // whoever runs it sets these two
  draw: () => number = () => 0;
  private votes = new Set<number>(); // for me, in this term
  private heard = new Map<number, number>();

  constructor(id: number, addresses: Map<number, string>) {
    super(id, addresses);
    Object.assign(this.handlers, { ASK: this.asked.bind(this), VOTE: this.voted.bind(this) });
  }

  override receive(now: number, sender: number, message: Message): void {
    this.heard.set(sender, now);
    super.receive(now, sender, message);
  }

  override tick(now: number): void {
    if (this.leader === this.id && now >= this.due) {
      this.beat(now);
      if (this.audience(now).length < this.majority) this.follow(now, 0);
    } else if (this.due === 0) this.wait(now);
    else if (now >= this.due) this.campaign(now);
    this.pay(now);
  }

  /** Of whom a leader still hears: without a majority it must not go on. */
  private audience(now: number): number[] {
    const last = now - 2 * this.electionS;
    return [this.id, ...this.others.filter((node) => (this.heard.get(node) ?? 0) > last)];
  }

  /** A candidate of a higher term alone is no reason to wait longer: it may not win. */
  protected override follow(now: number, leader: number): void {
    if (leader !== 0 || this.leader === this.id) this.wait(now);
    super.follow(now, leader);
    this.votes = new Set();
  }

  private wait(now: number): void {
    this.due = now + this.electionS * (1 + this.draw());
  }

  private campaign(now: number): void {
    this.follow(now, 0);
    this.wait(now);
    this.record(now, "vote", this.term + 1, this.id);
    this.votes = new Set([this.id]);
    this.tell(this.others, "ASK", this.stamp);
    this.count(now);
  }

  private asked(now: number, sender: number, [stamp]: any[]): void {
    const yes = [0, sender].includes(this.vote) && atLeast(stamp, this.stamp);
    if (yes) {
      this.record(now, "vote", this.term, sender);
      this.wait(now);
    }
    this.tell([sender], "VOTE", yes);
  }

  private voted(now: number, sender: number, [yes]: any[]): void {
    if (!yes) return;
    this.votes.add(sender);
    this.count(now);
  }

  private count(now: number): void {
    if (this.leader !== 0 || !this.votes.has(this.id)) return;
    if (this.votes.size < this.majority) return;
    this.heard = new Map(this.others.map((node) => [node, now]));
    this.lead(now);
  }
}
