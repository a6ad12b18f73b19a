/**
 * A connection to one node of the queue, and to the next in the list when that one is gone.
 *
 * Every way in which a node can fail us becomes one exception, NodeGone: refused, closed, silent,
 * or answering that it cannot serve now. What to do about it is the same each time: connect again,
 * and repeat what was not acknowledged.
 */

import Jackd from "jackd";

import type { Address } from "./config.ts";
import { pause } from "./stop.ts";

const REPLY_TIMEOUT_MS = 5000; // longer than any wait we ask for: a node silent so long is gone
const PRIORITY = 1024; // the same for all tasks, said aloud: client libraries differ in their default

export interface Job {
  id: string;
  body: Buffer;
}

export interface StatsJob {
  ttr: number;
  age: number;
  reserves: number;
  releases: number;
  timeouts: number;
}

/** This node does not serve us. A command without an answer may or may not have happened. */
export class NodeGone extends Error {}

/** The job is no longer ours: its time ran out, and it went to another worker. */
export class LeaseLost extends Error {}

export class Connection {
  node: string | null = null; // whom we are connected to, for /health
  private readonly nodes: Address[];
  private readonly use: string;
  private readonly watch: string;
  private client: Jackd | null = null;
  private gone = new Promise<never>(() => {}); // rejects when the connection closes

  constructor(nodes: Address[], tubes: { use: string; watch: string }) {
    this.nodes = [...nodes];
    this.use = tubes.use;
    this.watch = tubes.watch;
  }

  /** Tries one node after the other until one answers or we are told to stop. */
  async connect(stop: AbortSignal): Promise<void> {
    let again = this.client !== null;
    this.close();
    while (!stop.aborted) {
      if (again) {
        // not all at once: a node that just came up has many clients to greet
        await pause(100 + Math.random() * 400, stop);
      }
      again = true;
      const address = this.nodes.shift()!;
      this.nodes.push(address);
      try {
        await this.open(address);
        return;
      } catch (error) {
        if (!(error instanceof NodeGone)) throw error;
        this.close();
      }
    }
  }

  private async open(address: Address): Promise<void> {
    const client = new Jackd();
    this.client = client;
    // jackd leaves a command without any answer when the connection closes; this one tells.
    this.gone = new Promise((_, reject) => {
      client.socket.on("close", () => reject(new NodeGone("connection closed")));
    });
    this.gone.catch(() => {});
    client.socket.on("error", () => {}); // "close" follows
    await this.answer(() => client.connect(address));
    await this.answer(() => client.use(this.use));
    if (this.watch !== "default") {
      await this.answer(() => client.watch(this.watch));
      await this.answer(() => client.ignore("default"));
    }
    this.node = `${address.host}:${address.port}`;
  }

  /** What we had reserved goes back to the queue at once. */
  close(): void {
    this.node = null;
    this.client?.socket.destroy();
    this.client = null;
  }

  /** Returns the job's id: now, and only now, the queue answers for it. */
  put(body: string, ttrS: number): Promise<string> {
    return this.answer((client) => client.put(body, { priority: PRIORITY, ttr: ttrS }));
  }

  async reserve(timeoutS: number): Promise<Job | null> {
    try {
      const job = await this.answer((client) => client.reserveWithTimeout(timeoutS));
      return { id: job.id, body: job.payload as Buffer };
    } catch (error) {
      if (/^(TIMED_OUT|DEADLINE_SOON)/.test((error as Error).message)) return null;
      throw error;
    }
  }

  async statsJob(job: Job): Promise<StatsJob> {
    const yaml = await this.answer((client) => client.statsJob(job.id));
    const number = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(yaml)?.[1]);
    return {
      ttr: number("ttr"),
      age: number("age"),
      reserves: number("reserves"),
      releases: number("releases"),
      timeouts: number("timeouts"),
    };
  }

  /** Asks for the whole time to run again. Only the connection that reserved may. */
  touch(job: Job): Promise<void> {
    return this.answer((client) => client.touch(job.id));
  }

  release(job: Job, delayS: number): Promise<void> {
    return this.answer((client) => client.release(job.id, { priority: PRIORITY, delay: delayS }));
  }

  delete(job: Job): Promise<void> {
    return this.answer((client) => client.delete(job.id));
  }

  /** One command at a time: jackd can tell replies apart by their order alone. */
  private async answer<T>(command: (client: Jackd) => Promise<T>): Promise<T> {
    if (this.client === null) throw new NodeGone("not connected");
    let timer: NodeJS.Timeout | undefined;
    const silent = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new NodeGone("no reply")), REPLY_TIMEOUT_MS);
    });
    try {
      return await Promise.race([command(this.client), this.gone, silent]);
    } catch (error) {
      throw translate(error as NodeJS.ErrnoException);
    } finally {
      clearTimeout(timer);
    }
  }
}

function translate(error: NodeJS.ErrnoException): Error {
  if (/NOT_FOUND/.test(error.message)) return new LeaseLost("NOT_FOUND");
  if (/DRAINING|INTERNAL_ERROR|OUT_OF_MEMORY/.test(error.message)) {
    return new NodeGone(`it answers ${error.message}`);
  }
  if (error.code !== undefined) return new NodeGone(error.code); // ECONNREFUSED, EPIPE ...
  return error;
}
