/**
 * A box office: sells seats, and writes down what it called and what it heard, for the judge.
 *
 * A sale is SET seat:HALL:NUMBER ORDER NX. Silence is no answer: the sale may stand, so the office
 * does not sell the seat again but asks whose it is. Nothing is ever sent twice.
 */

import fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Cluster } from "ioredis";

const SILENCE_MS = 4000; // a small store gives up after 3 s
const HALL_S = 5n; // a hall is on sale for so long, at all offices
const SEATS = 30;
const PROCESSES = 1_000_000; // each office has so many numbers for its histories
const NOT_DONE = /^(CLUSTERDOWN|TRYAGAIN|MOVED|ERR|Failed to refresh|None of startup)/;

type Call = { f: string; key: string; value?: unknown };

class Office {
  stopping = false;
  private readonly name: string;
  private process: number;
  private readonly pauseMs: number;
  private readonly path: string;
  private readonly store: Cluster;
  private orders = Date.now();
  private levels = true;

  constructor(name: string, number: number, nodes: string, results: string, pauseMs: number) {
    [this.name, this.pauseMs] = [name, pauseMs];
    this.process = number * PROCESSES + (this.orders % (PROCESSES / 2)); // a restart is another
    fs.mkdirSync(results, { recursive: true });
    this.path = join(results, `${name}.jsonl`);
    // Nothing is tried again by the library: it cannot know what may be done twice.
    const addresses = nodes.split(",").map((address) => {
      const [host, port] = address.split(/:(?=\d+$)/) as [string, string];
      return { host, port: Number(port) };
    });
    this.store = new Cluster(addresses, {
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      retryDelayOnTryAgain: 0,
      clusterRetryStrategy: () => 200, // of a connection, not of a command
      enableOfflineQueue: false,
      slotsRefreshTimeout: 1000,
      redisOptions: {
        connectTimeout: 1000,
        commandTimeout: SILENCE_MS,
        maxRetriesPerRequest: 0,
        autoResendUnfulfilledCommands: false,
      },
    });
    this.store.on("error", () => {}); // whoever asks hears of it
  }

  private note(type: string, call: object): void {
    const text = JSON.stringify({ type, process: this.process, ...call });
    // Nanoseconds are too many for a number of JavaScript.
    const line = `${text.slice(0, -1)},"time":${process.hrtime.bigint()}}\n`;
    fs.appendFileSync(this.path, line);
  }

  /** What was heard; null, too, where it was nothing. */
  private async call(call: Call, ask: () => Promise<string | null>): Promise<string | null> {
    if (this.store.status !== "ready") return null; // nobody is there: nothing was called
    this.note("invoke", call);
    try {
      const heard = await ask();
      if (call.f === "get") this.note("ok", { ...call, value: heard });
      else this.note(heard === null ? "fail" : "ok", call);
      return heard;
    } catch (error) {
      const { message } = error as Error;
      if (NOT_DONE.test(message)) this.note("fail", { ...call, error: message });
      else {
        this.note("info", { ...call, error: message });
        this.process += 1;
      }
      return null;
    }
  }

  /**
   * The level is said, for ioredis may ask a copy that it has told READONLY, and that is old. A step
   * that knows no levels is asked without.
   */
  private async read(key: string): Promise<string | null> {
    if (this.levels) {
      try {
        return (await this.store.call("CONSISTENCY", "linearizable", "GET", key)) as string | null;
      } catch (error) {
        if (!(error as Error).message.startsWith("ERR ")) throw error;
        this.levels = false;
      }
    }
    return this.store.get(key);
  }

  private async sell(): Promise<void> {
    const hall = process.hrtime.bigint() / 1_000_000_000n / HALL_S;
    const key = `seat:${hall}:${Math.floor(Math.random() * SEATS)}`;
    this.orders += 1;
    const order = `${this.name}-${this.orders}`;
    let sold: string | null = null;
    if (Math.random() < 0.7) {
      const sale = { f: "cas", key, value: [null, order] };
      sold = await this.call(sale, () => this.store.set(key, order, "NX"));
    }
    if (sold === null) await this.call({ f: "get", key }, () => this.read(key));
  }

  async work(): Promise<void> {
    while (!this.stopping) {
      await this.sell();
      await sleep(this.pauseMs);
    }
    this.store.disconnect();
  }
}

const { env } = process;
const [name, number, pauseMs] = [
  env.NAME ?? "office",
  Number(env.OFFICE ?? 2),
  Number(env.PAUSE_MS ?? 100),
];
if (!Number.isInteger(number) || !Number.isInteger(pauseMs)) {
  console.error(`OFFICE=${env.OFFICE}, PAUSE_MS=${env.PAUSE_MS}: both must be whole numbers`);
  process.exit(1);
}
const nodes = env.STORE ?? "localhost:6379,localhost:6380,localhost:6381";
const office = new Office(name, number, nodes, env.RESULTS ?? "results", pauseMs);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => (office.stopping = true));
console.log(`${name} sells at ${nodes}`);
await office.work();
console.log("stopped");
process.exit(0); // ioredis may have a timer left
