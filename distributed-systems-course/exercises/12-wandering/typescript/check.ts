import assert from "node:assert/strict";

import { NODES, owner } from "./mine.ts";

const SEATS = Array.from({ length: 12 }, (_, i) => i + 1);

/** Three nodes with seats of their own, and what was done, to be shown. */
class Shop {
  readonly sold = new Map(NODES.map((node) => [node, new Map<number, string>()]));
  private readonly history: [seat: number, text: string][] = []; // seat 0: it concerns all of them

  note(text: string, seat = 0): void {
    this.history.push([seat, text]);
  }

  /** Sold, taken, or null: nobody may be asked. */
  sell(customer: string, seat: number, answering: string[]): string | null {
    const node = owner(seat * 7, [...answering]);
    if (node === null) {
      this.note(`${customer} wants seat ${seat}: nobody may be asked now`, seat);
      return null;
    }
    const sent = `'${node}' does not answer; the router must not send anybody there`;
    assert.ok(answering.includes(node), sent);
    const seats = this.sold.get(node)!;
    const said = seats.has(seat) ? "taken" : "sold";
    if (said === "sold") seats.set(seat, customer);
    this.note(`${customer} wants seat ${seat}: node ${node} says ${said}`, seat);
    return said;
  }

  look(): void {
    for (const seat of SEATS) {
      const owners = NODES.map((node) => this.sold.get(node)!.get(seat)).filter(Boolean);
      if (owners.length < 2) continue;
      for (const [about, text] of this.history) {
        if (about === 0 || about === seat) console.log(`| ${text}`);
      }
      assert.fail(`seat ${seat} is sold to ${owners[0]} and to ${owners[1]}`);
    }
  }
}

let shop = new Shop();
shop.note("all nodes answer");
for (const seat of SEATS) {
  const free = `all nodes answer, and seat ${seat} is free`;
  assert.equal(shop.sell("anna", seat, NODES), "sold", free);
}
const used = NODES.filter((node) => shop.sold.get(node)!.size > 0);
const alone = `all nodes answer, and the seats are sold by ${used.join(", ")} alone`;
assert.deepEqual(used, NODES, alone);

for (const silent of NODES) {
  shop.note(`node ${silent} falls silent, and the others answer`);
  const answering = NODES.filter((node) => node !== silent);
  const refused = SEATS.filter((seat) => shop.sell("ben", seat, answering) === null);
  shop.look();
  const needless = refused.find((seat) => !shop.sold.get(silent)!.has(seat));
  const why = `node ${silent} is silent; seat ${needless} is not its own, and was refused`;
  assert.equal(needless, undefined, why);
  shop.note(`node ${silent} answers again`);
}

shop = new Shop();
shop.note("a cut: anna reaches nodes a and b, and ben reaches node c");
for (const seat of SEATS) {
  shop.sell("anna", seat, ["a", "b"]);
  shop.sell("ben", seat, ["c"]);
}
shop.look();
assert.equal(owner(0, []), null, "nobody answers: nobody can be asked");
