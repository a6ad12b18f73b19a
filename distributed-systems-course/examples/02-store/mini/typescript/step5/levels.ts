/**
 * Step 5: what a read may say. From any copy; no older than a token; or as if there were one copy.
 *
 * A token is a stamp that a client has seen. A linearizable read notes what the leader has, and
 * then asks a majority whether it still leads: only a round that began after the question counts.
 */

import { PATIENCE_S, type Owed } from "./promises.ts";
import { type Stamp, atLeast } from "./replica.ts";
import { Votes } from "./votes.ts";

type Waits = { client: number; key: string; token: Stamp; since: number };

export class Levels extends Votes {
  private echoed = new Map<number, number>(); // the last round that a node has answered
  private waiting: Waits[] = []; // session reads

  override ask(
    now: number,
    client: number,
    words: string[],
    level = "",
    token: Stamp = [0, 0],
  ): void {
    if (words[0] !== "get" || level === "local") super.ask(now, client, words, level);
    else if (level === "session") this.waiting.push({ client, key: words[1]!, token, since: now });
    else if (this.leader !== this.id) this.answers.push([client, this.redirect(words[1]!)]);
    else {
      const [[answer], stamp, round] = [this.decide(words), this.stamp, this.round + 1];
      this.owed.push({ client, answer, stamp, copies: this.majority, since: now, round });
      this.beat(now);
    }
    this.pay(now);
  }

  protected override lead(now: number): void {
    this.echoed = new Map();
    super.lead(now);
  }

  protected override acknowledged(now: number, sender: number, words: any[]): void {
    super.acknowledged(now, sender, words);
    this.echoed.set(sender, Math.max(words[0], this.echoed.get(sender) ?? 0));
  }

  protected override enough(owed: Owed): boolean {
    if (owed.round === undefined) return super.enough(owed);
    const heard = [...this.echoed.values()].filter((round) => round >= owed.round!).length;
    return super.enough(owed) && 1 + heard >= this.majority;
  }

  protected override pay(now: number): void {
    super.pay(now);
    for (const waits of [...this.waiting]) {
      let [answer] = this.decide(["get", waits.key]);
      if (!atLeast(this.stamp, waits.token)) {
        if (now - waits.since < PATIENCE_S) continue;
        answer = "-TRYAGAIN this copy does not know of it yet";
      }
      this.waiting.splice(this.waiting.indexOf(waits), 1);
      this.answers.push([waits.client, answer]);
    }
  }
}
