/**
 * The server: sockets, the clock, and who waits for what. Given, not taught.
 *
 *     node server.ts step4        the queue of step 4, on port 11300, its log in ./data
 *
 * It is the world around the state machine in queue.ts. A command becomes an entry with the time
 * on it; the entry goes to the log, then to the queue; replies leave once the log is on the disk.
 */

import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";

import * as wire from "./wire.ts";

type Entry = [time: number, client: number, name: string, ...words: any[]];

/** A job as the server looks at it; that of an early step knows less. */
interface Job {
  readonly id: number;
  readonly tube: string;
  readonly priority: number;
  readonly ttr: number;
  readonly body: string;
  readonly created: number;
  readonly state?: string;
  readonly due?: number;
  readonly delay?: number;
  readonly reserves?: number;
  readonly timeouts?: number;
  readonly releases?: number;
  readonly buries?: number;
  readonly kicks?: number;
}

/** What queue.ts has to be. */
interface Queue {
  readonly jobs: ReadonlyMap<number, Job>;
  readonly commands: Record<string, (client: number, ...words: any[]) => any>;
  apply(entry: Entry): any;
  advance(now: number): void;
  nextReady(tubes: string[]): Job | null;
}

/** What log.ts has to be, in a step that has one. */
interface Log {
  replay(): Iterable<Entry>;
  append(entry: Entry): void;
  sync(): void;
}

const TICK_MS = 100; // how late a lease or a delay may end
const PROMISES = new Set(["put", "delete", "release", "bury", "kick"]); // they wait for the disk
const STATES = ["ready", "reserved", "delayed", "buried"];

const now = (): number => Date.now() / 1000;

/** One client: the tube that it uses, those that it watches, and what it is owed. */
class Session {
  readonly number: number;
  readonly socket: net.Socket;
  readonly decoder = new wire.Decoder();
  private readonly server: Server;
  used = "default";
  watched = ["default"];
  output = "";
  waitsUntil: number | null = null; // in a reserve

  constructor(server: Server, number: number, socket: net.Socket) {
    this.server = server;
    this.number = number;
    this.socket = socket;
  }

  received(data: Buffer): void {
    this.decoder.feed(data);
    this.work();
    this.server.serveWaiting();
    this.server.flush();
  }

  /** Commands behind a reserve that waits must wait, too. */
  private work(): void {
    while (this.waitsUntil === null && !this.socket.writableEnded) {
      try {
        const command = this.decoder.next();
        if (command === null) return;
        this.handle(command);
      } catch (error) {
        if (!(error instanceof wire.BadCommand)) throw error;
        this.output += wire.line(error.message);
      }
    }
  }

  private handle([name, ...words]: wire.Command): void {
    if (name === "quit") {
      this.server.flush();
      this.socket.end();
    } else if (name === "use") {
      this.used = words[0];
      this.output += wire.line(`USING ${this.used}`);
    } else if (name === "watch") {
      if (!this.watched.includes(words[0])) this.watched.push(words[0]);
      this.output += wire.line(`WATCHING ${this.watched.length}`);
    } else if (name === "ignore") {
      const rest = this.watched.filter((tube) => tube !== words[0]);
      if (rest.length === 0) throw new wire.BadCommand("NOT_IGNORED");
      this.watched = rest;
      this.output += wire.line(`WATCHING ${this.watched.length}`);
    } else if (name === "reserve" || name === "reserve-with-timeout") {
      this.waitsUntil = words.length > 0 ? now() + words[0] : Infinity;
      this.server.waiting.push(this);
      this.server.serveWaiting();
    } else if (name === "stats-job") {
      this.output += this.server.statsJob(words[0]);
    } else if (name === "stats-tube") {
      this.output += this.server.statsTube(words[0]);
    } else {
      if (name === "put" || name === "kick") words.unshift(this.used);
      if (name === "put") words[3] = Math.max(words[3], 1); // 0 would be over at once
      this.output += wire.line(this.server.apply(this, name, ...words));
    }
  }
}

class Server {
  private readonly queue: Queue;
  private readonly log: Log | null;
  private promised = false; // a reply waits for the disk
  private readonly sessions = new Map<number, Session>();
  private sessionsCount = 0;
  waiting: Session[] = []; // first come, first served
  private readonly puts = new Map<string, number>();

  constructor(queue: Queue, log: Log | null) {
    this.queue = queue;
    this.log = log;
    try {
      for (const entry of log?.replay() ?? []) queue.apply(entry);
    } catch (damage) {
      console.error(`${damage}: refusing to start, as jobs would be lost in silence`);
      process.exit(1);
    }
    if (log !== null) this.apply(null, "close"); // whoever was connected is no more
  }

  apply(session: Session | null, name: string, ...words: any[]): any {
    if (!Object.hasOwn(this.queue.commands, name)) {
      throw new wire.BadCommand("UNKNOWN_COMMAND"); // this step does not know it yet
    }
    const entry: Entry = [now(), session?.number ?? 0, name, ...words];
    if (this.log !== null) {
      try {
        this.log.append(entry);
      } catch (error) {
        stopAtOnce(`the log cannot be written: ${error}`);
      }
      this.promised ||= PROMISES.has(name);
    }
    if (name === "put") this.puts.set(words[0], (this.puts.get(words[0]) ?? 0) + 1);
    return this.queue.apply(entry);
  }

  /** Jobs that are ready go to those who wait for them. */
  serveWaiting(): void {
    for (const session of [...this.waiting]) {
      if (this.queue.nextReady(session.watched) !== null) {
        const job: Job = this.apply(session, "reserve", ...session.watched);
        this.answer(session, wire.withBody(`RESERVED ${job.id}`, job.body));
      } else if (session.waitsUntil !== null && session.waitsUntil <= now()) {
        this.answer(session, wire.line("TIMED_OUT"));
      }
    }
  }

  private answer(session: Session, reply: string): void {
    this.waiting = this.waiting.filter((other) => other !== session);
    session.waitsUntil = null;
    session.output += reply;
    setImmediate(() => session.received(Buffer.alloc(0))); // what stood behind it
  }

  /** First the disk, then the replies: what was acknowledged is never lost. */
  flush(): void {
    if (this.log !== null && this.promised) {
      try {
        this.log.sync();
      } catch (error) {
        stopAtOnce(`the log cannot be synced: ${error}`);
      }
      this.promised = false;
    }
    for (const session of this.sessions.values()) {
      if (session.output === "" || session.socket.writableEnded) continue;
      session.socket.write(session.output, "latin1");
      session.output = "";
    }
  }

  opened(socket: net.Socket): void {
    this.sessionsCount += 1;
    const session = new Session(this, this.sessionsCount, socket);
    this.sessions.set(session.number, session);
    socket.setNoDelay(true);
    socket.on("data", (data) => session.received(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.closed(session));
  }

  private closed(session: Session): void {
    this.sessions.delete(session.number);
    this.waiting = this.waiting.filter((other) => other !== session);
    this.apply(session, "close");
    this.serveWaiting();
    this.flush();
  }

  tick(): void {
    this.queue.advance(now());
    this.serveWaiting();
    this.flush();
  }

  statsJob(id: number): string {
    const job = this.queue.jobs.get(id);
    if (job === undefined) return wire.line("NOT_FOUND");
    const state = job.state ?? "ready";
    const asleep = state === "reserved" || state === "delayed";
    return wire.table({
      id,
      tube: job.tube,
      state,
      pri: job.priority,
      age: Math.floor(now() - job.created),
      delay: job.delay ?? 0,
      ttr: job.ttr,
      "time-left": asleep ? Math.max(0, Math.floor((job.due ?? 0) - now())) : 0,
      file: 0,
      reserves: job.reserves ?? 0,
      timeouts: job.timeouts ?? 0,
      releases: job.releases ?? 0,
      buries: job.buries ?? 0,
      kicks: job.kicks ?? 0,
    });
  }

  statsTube(tube: string): string {
    const jobs = [...this.queue.jobs.values()].filter((job) => job.tube === tube);
    const sessions = [...this.sessions.values()];
    const using = sessions.filter((session) => session.used === tube).length;
    const watching = sessions.filter((session) => session.watched.includes(tube)).length;
    if (jobs.length === 0 && using === 0 && watching === 0) return wire.line("NOT_FOUND");
    const states = jobs.map((job) => job.state ?? "ready");
    const counts = STATES.map((state): [string, number] => [
      `current-jobs-${state}`,
      states.filter((other) => other === state).length,
    ]);
    return wire.table({
      name: tube,
      ...Object.fromEntries(counts),
      "total-jobs": this.puts.get(tube) ?? 0,
      "current-using": using,
      "current-watching": watching,
      "current-waiting": this.waiting.filter((s) => s.watched.includes(tube)).length,
    });
  }
}

/** Going on would acknowledge what is not there. */
function stopAtOnce(why: string): never {
  console.error(`${why}; stopping`);
  process.exit(1);
}

/** GET /health on the admin port: it answers, so it is well. */
function serveHealth(): http.Server {
  const admin = http.createServer((request, response) => {
    const found = request.method === "GET" && request.url === "/health";
    response.writeHead(found ? 200 : 404, { "Content-Type": "application/json" });
    response.end(JSON.stringify(found ? { status: "ok" } : { error: "there is only /health" }));
  });
  return admin;
}

/** Fails where something listens there already. */
async function listen(server: net.Server | http.Server, port: number, host: string): Promise<void> {
  try {
    await once(server.listen(port, host), "listening");
  } catch (error) {
    const why = (error as Error).message;
    console.error(`cannot listen: ${why} (is another queue, or the shop, still up?)`);
    process.exit(1);
  }
}

function portFrom(name: string, usual: number): number {
  const text = process.env[name] ?? String(usual);
  if (!/^\d+$/.test(text) || Number(text) > 65535) {
    console.error(`${name} is ${text}, which is no port: give it a number up to 65535`);
    process.exit(1);
  }
  return Number(text);
}

async function main(): Promise<void> {
  const here = import.meta.dirname;
  const steps = fs.readdirSync(here).filter((name) => fs.existsSync(join(here, name, "queue.ts")));
  const step = process.argv[2] ?? "";
  if (process.argv.length !== 3 || !steps.includes(step)) {
    console.error(`usage: node server.ts ${steps.join("|")}`);
    process.exit(1);
  }
  const host = process.env.HOST ?? "127.0.0.1";
  const port = portFrom("PORT", 11300);
  const adminPort = portFrom("ADMIN", 9000);
  const { Queue } = await import(`./${step}/queue.ts`);
  const logged = fs.existsSync(join(here, step, "log.ts"));
  const Log = logged ? (await import(`./${step}/log.ts`)).Log : null;
  // The ports first: where another queue has them, its log is left alone.
  const clients = net.createServer((socket) => server.opened(socket));
  await listen(serveHealth(), adminPort, host);
  await listen(clients, port, host);
  const log = Log === null ? null : new Log(process.env.DATA ?? "data");
  const server = new Server(new Queue(), log);
  console.log(`the queue of ${step} listens at ${host}:${port}`);
  setInterval(() => server.tick(), TICK_MS);
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      server.flush();
      console.log("stopped");
      process.exit(0);
    });
  }
}

await main();
