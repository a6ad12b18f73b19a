/**
 * A rush on the small store, in a world: customers buy seats, give them back and ask. Given.
 *
 * It counts what was acknowledged, and judges what was heard: a seat sold twice, a sale that is
 * gone.
 */

import { type Line, judge } from "../../exercises/judge.ts";
import { type Node, World } from "../world.ts";

const TROUBLE_S = 25;
const CALM_S = 8;
const LOOK_S = 0.1;
const NODES = [1, 2, 3];
const [CUSTOMERS, SEATS] = [4, 10];
const [THINK_S, HURRY_S, SILENCE_S] = [0.5, 0.05, 5];
const ELECTION_S = 0.4;
const MILLION = 1_000_000;

class Customer {
  process: number;
  node = 0;
  call: Line | null = null; // what it wants to know, and in which words
  words: string[] = [];
  asked = 0; // its last question: answers to earlier ones come too late
  waits = false;
  home = false;

  constructor(process: number) {
    this.process = process;
  }
}

export class Rush {
  readonly world: World;
  readonly history: Line[] = [];
  wrong = ""; // what must not be
  private readonly kind: any;
  private readonly mended: boolean;
  private readonly reads: boolean;
  private readonly customers = new Map<number, Customer>();
  private processes = CUSTOMERS;
  private orders = 0;
  private readonly leaders = new Map<number, number>(); // by term
  private two = "";

  constructor(node: any, seed: number, step: string, mended: boolean) {
    [this.kind, this.mended, this.reads] = [node, mended, step >= "step5"];
    this.world = new World((id) => this.make(id), NODES, seed);
    this.world.answered = (client, answer) => this.answered(client, answer);
    this.world.died = (id) => this.died(id);
    this.world.looked = (node) => this.looked(node);
    for (let number = 0; number < CUSTOMERS; number++) {
      this.customers.set(number, new Customer(number));
    }
    for (const number of this.customers.keys()) this.later(number, THINK_S);
  }

  private make(id: number): Node {
    const node = new this.kind(id, new Map(NODES.map((other) => [other, `node${other}:6379`])));
    node.electionS = ELECTION_S;
    node.draw = () => this.world.draw();
    if (this.mended) node.fits = (before: number[]) => String(before) === String(node.stamp);
    return node;
  }

  private looked(node: Node): void {
    if (node.leader !== node.id) return;
    const term = node.term!;
    if (!this.leaders.has(term)) this.leaders.set(term, node.id);
    if (this.leaders.get(term) !== node.id) this.two = `two leaders in term ${term}`;
  }

  play(trouble: ((world: World) => number) | null): void {
    if (trouble !== null) this.world.at(1, () => this.trouble(trouble));
    this.world.run(TROUBLE_S);
    for (const customer of this.customers.values()) customer.home = true;
    this.world.run(TROUBLE_S + CALM_S);
    this.wrong = this.two || this.look() || (judge(this.history) ?? "");
  }

  /** One thing goes wrong; then the next. */
  private trouble(one: (world: World) => number): void {
    const next = this.world.now + one(this.world);
    if (next < TROUBLE_S) this.world.at(next, () => this.trouble(one));
  }

  // --- customers ---------------------------------------------------------------------------------

  private later(number: number, waitS: number): void {
    this.world.at(this.world.now + waitS * this.world.draw(), () => this.next(number));
  }

  private next(number: number): void {
    const customer = this.customers.get(number)!;
    if (customer.call !== null) return this.ask(number); // again, and somebody else
    if (customer.home) return;
    const key = `seat:${Math.floor(this.world.draw() * SEATS)}`;
    const share = this.world.draw();
    const order = ++this.orders;
    if (share < 0.6) {
      this.call(customer, { f: "cas", value: [null, order] }, ["set", key, String(order), "nx"]);
    } else if (share < 0.75) {
      this.call(customer, { f: "delete" }, ["del", key]);
    } else if (share < 0.9 || !this.reads) {
      this.call(customer, { f: "put", value: order }, ["set", key, String(order)]);
    } else {
      this.call(customer, { f: "get" }, ["get", key]);
    }
    this.ask(number);
  }

  private call(customer: Customer, call: Line, words: string[]): void {
    customer.words = words;
    customer.call = { process: customer.process, key: words[1], ...call };
    this.history.push({ type: "invoke", ...customer.call });
  }

  private ask(number: number): void {
    const [customer, world] = [this.customers.get(number)!, this.world];
    customer.node ||= 1 + Math.floor(world.draw() * NODES.length);
    const id = customer.node;
    if (!world.machines.get(id)!.up) {
      customer.node = 0;
      return this.later(number, HURRY_S);
    }
    customer.waits = true;
    customer.asked += 1;
    const [client, words] = [number * MILLION + customer.asked, customer.words];
    world.give(id, (node) => node.ask(world.clock(id), client, words));
    world.at(world.now + SILENCE_S, () => this.answered(client, ""));
  }

  private died(id: number): void {
    for (const [number, customer] of this.customers) {
      if (customer.node === id && customer.waits) {
        this.answered(number * MILLION + customer.asked, "");
      }
    }
  }

  private answered(client: number, answer: string | null): void {
    const [number, asked] = [Math.floor(client / MILLION), client % MILLION];
    const customer = this.customers.get(number)!;
    if (customer.asked !== asked || !customer.waits) return;
    customer.waits = false;
    if (answer !== null && /^-(MOVED|CLUSTERDOWN|TRYAGAIN)/.test(answer)) {
      customer.node = answer.startsWith("-MOVED") ? Number(answer.at(-6)) : 0;
      return this.later(number, HURRY_S);
    }
    const call = customer.call!;
    customer.call = null;
    if (answer === "") {
      customer.node = 0;
      customer.process = this.processes++;
      this.history.push({ ...call, type: "info" });
    } else if (answer === null && call.f === "cas") {
      this.history.push({ ...call, type: "fail" });
    } else {
      if (call.f === "delete") call.value = answer === ":1";
      else if (call.f === "get") call.value = answer === null ? null : Number(answer.slice(1));
      this.history.push({ ...call, type: "ok" });
    }
    this.later(number, THINK_S);
  }

  /** When all is calm: what each seat is in the end. Asked until somebody answers. */
  private look(): string {
    for (let seat = 0; seat < SEATS; seat++) {
      const [number, end] = [CUSTOMERS + seat, this.world.now + CALM_S];
      const customer = new Customer(this.processes++);
      this.customers.set(number, customer);
      this.call(customer, { f: "get" }, ["get", `seat:${seat}`]);
      customer.home = true; // it asks nothing else
      this.ask(number);
      while (customer.call !== null && this.world.now < end) {
        this.world.run(this.world.now + LOOK_S);
      }
      if (customer.call !== null) return "in the end, not every seat can be asked";
    }
    return "";
  }

  result(): Record<string, number> {
    const writes = this.history.filter((line) => line.type === "ok" && line.f !== "get");
    return { worlds: 1, acknowledged: writes.length, wrong: this.wrong === "" ? 0 : 1 };
  }
}
