/**
 * A bidder: outbids whoever has the highest bid, and writes down what it called and what it heard.
 *
 * A bid is one transaction: if the lot still holds the bid that was seen, it shall hold this one;
 * else say what it holds. Silence is no answer: the bid may stand. Nothing is ever sent twice.
 */

import fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const SILENCE_MS = 5000; // a node that knows no leader says so after 3 s
const SALE_S = 5n; // a lot is up for so long, for all bidders
const LOTS = 8;
const PROCESSES = 1_000_000; // each bidder has so many numbers for its histories
const [INVALID, EXHAUSTED, UNAVAILABLE] = [3, 8, 14]; // codes of errors, etcd's
const NOT_SENT = /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

type Call = { f: string; key: string; value?: unknown };
type Range = { kvs?: { value?: string }[] };
type Answer = Range & { succeeded?: boolean; responses?: { response_range?: Range }[] };

/** Certainly not done. Any other error: nobody knows. */
class Refused extends Error {}

const encoded = (text: string): string => Buffer.from(text).toString("base64");

/** What a range found at its one key. */
function shown(range: Range | undefined): string | null {
  const kv = range?.kvs?.[0];
  return kv === undefined ? null : Buffer.from(kv.value ?? "", "base64").toString();
}

function bidOf(key: string, seen: string | null, bid: string): object {
  const held =
    seen === null
      ? { target: "VERSION", version: "0" } // there is no such key
      : { target: "VALUE", value: encoded(seen) };
  return {
    compare: [{ key: encoded(key), result: "EQUAL", ...held }],
    success: [{ request_put: { key: encoded(key), value: encoded(bid) } }],
    failure: [{ request_range: { key: encoded(key) } }],
  };
}

/** The cluster by one of its nodes; by another when that fails. */
class Store {
  private readonly nodes: string[];

  constructor(nodes: string) {
    this.nodes = nodes.split(",").sort(() => Math.random() - 0.5);
  }

  private leave(): void {
    this.nodes.push(this.nodes.shift()!);
  }

  async ask(path: string, body: object): Promise<Answer> {
    let response: Response;
    let answer: Answer & { code?: number; message?: string };
    try {
      response = await fetch(`http://${this.nodes[0]}/v3/kv/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(SILENCE_MS),
      });
      answer = (await response.json()) as typeof answer;
    } catch (error) {
      this.leave();
      const cause = (error as Error).cause as { code?: string } | undefined;
      if (NOT_SENT.test(cause?.code ?? "")) throw new Refused(cause?.code);
      throw error;
    }
    if (response.status === 200) return answer;
    this.leave();
    const { code, message = "" } = answer;
    const leaderless = code === UNAVAILABLE && message.includes("no leader");
    if (code === INVALID || code === EXHAUSTED || leaderless) throw new Refused(message);
    throw new Error(message);
  }
}

class Bidder {
  stopping = false;
  private readonly name: string;
  private process: number;
  private readonly pauseMs: number;
  private readonly path: string;
  private readonly store: Store;
  private bids = Date.now();

  constructor(name: string, number: number, nodes: string, results: string, pauseMs: number) {
    [this.name, this.pauseMs] = [name, pauseMs];
    this.process = number * PROCESSES + (this.bids % (PROCESSES / 2)); // a restart is another
    fs.mkdirSync(results, { recursive: true });
    this.path = join(results, `${name}.jsonl`);
    this.store = new Store(nodes);
  }

  private note(type: string, call: Call, more: object = {}): void {
    const text = JSON.stringify({ type, process: this.process, ...call, ...more });
    // Nanoseconds are too many for a number of JavaScript.
    const line = `${text.slice(0, -1)},"time":${process.hrtime.bigint()}}\n`;
    fs.appendFileSync(this.path, line);
  }

  /** What was heard; null where it was not done, or nobody knows. */
  private async call(call: Call, path: string, body: object): Promise<Answer | null> {
    this.note("invoke", call);
    try {
      return await this.store.ask(path, body);
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof Refused) this.note("fail", call, { error: message });
      else {
        this.note("info", call, { error: message });
        this.process += 1;
      }
      return null;
    }
  }

  private async bid(): Promise<void> {
    const sale = process.hrtime.bigint() / 1_000_000_000n / SALE_S;
    const key = `lot:${sale}:${Math.floor(Math.random() * LOTS)}`;
    const look = { f: "get", key };
    const found = await this.call(look, "range", { key: encoded(key) });
    if (found === null) return;
    const seen = shown(found);
    this.note("ok", { ...look, value: seen });
    this.bids += 1;
    const amount = Number(seen?.split(" ")[0] ?? 0);
    const bid = `${amount + 1 + Math.floor(Math.random() * 9)} ${this.name}-${this.bids}`;
    const outbid = { f: "cas", key, value: [seen, bid] };
    const answer = await this.call(outbid, "txn", bidOf(key, seen, bid));
    if (answer === null) return;
    if (answer.succeeded) this.note("ok", outbid);
    else this.note("fail", outbid, { found: shown(answer.responses?.[0]?.response_range) });
  }

  async work(): Promise<void> {
    while (!this.stopping) {
      await this.bid();
      await sleep(this.pauseMs);
    }
  }
}

const { env } = process;
const [name, number, pauseMs] = [
  env.NAME ?? "bidder",
  Number(env.BIDDER ?? 2),
  Number(env.PAUSE_MS ?? 100),
];
if (!Number.isInteger(number) || !Number.isInteger(pauseMs)) {
  console.error(`BIDDER=${env.BIDDER}, PAUSE_MS=${env.PAUSE_MS}: both must be whole numbers`);
  process.exit(1);
}
const nodes = env.STORE ?? "localhost:2379,localhost:2380,localhost:2381";
const bidder = new Bidder(name, number, nodes, env.RESULTS ?? "results", pauseMs);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => (bidder.stopping = true));
console.log(`${name} bids at ${nodes}`);
await bidder.work();
console.log("stopped");
process.exit(0); // fetch keeps connections
