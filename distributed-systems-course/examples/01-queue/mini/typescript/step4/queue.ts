/**
 * Step 4: delays. What failed comes back later; what never works is buried.
 *
 * The queue is a state machine: a command goes in with its time, a reply comes out. No clock, no
 * socket, no disk: the same commands in the same order always lead to the same state.
 */

const fresh = {
  state: "ready", // or reserved, delayed, buried
  holder: 0, // reserved: by this client
  due: 0, // reserved, delayed: until then
  delay: 0,
  reserves: 0,
  timeouts: 0,
  releases: 0,
  buries: 0,
  kicks: 0,
};

export type Job = typeof fresh & {
  readonly id: number;
  readonly tube: string; // jobs of one kind wait in one tube
  priority: number; // 0 is the most urgent
  readonly ttr: number; // time to run: how many seconds a worker may hold it in silence
  readonly body: string;
  readonly created: number;
};

export class Queue {
  readonly jobs = new Map<number, Job>();
  private lastId = 0;
  private now = 0;
  readonly commands: Record<string, (client: number, ...words: any[]) => any> = {
    put: this.put.bind(this),
    reserve: this.reserve.bind(this),
    delete: this.delete.bind(this),
    release: this.release.bind(this),
    touch: this.touch.bind(this),
    bury: this.bury.bind(this),
    kick: this.kick.bind(this),
    close: this.close.bind(this),
  };

  /** One command: [time, client, name, arguments ...]. */
  apply([at, client, name, ...words]: [number, number, string, ...any[]]): any {
    this.advance(at);
    return this.commands[name]!(client, ...words);
  }

  /** Leases that have run out end, and so do delays. */
  advance(now: number): void {
    this.now = Math.max(this.now, now);
    for (const job of this.jobs.values()) {
      if ((job.state === "reserved" || job.state === "delayed") && job.due <= this.now) {
        if (job.state === "reserved") job.timeouts += 1; // the worker was silent for too long
        job.state = "ready";
      }
    }
  }

  /** Now, or after so many seconds. */
  private makeReady(job: Job, delay: number): void {
    job.state = delay > 0 ? "delayed" : "ready";
    [job.delay, job.due] = [delay, this.now + delay];
  }

  private put(_: number, tube: string, priority: number, delay: number, ttr: number, body: string) {
    const job: Job = { ...fresh, id: ++this.lastId, tube, priority, ttr, body, created: this.now };
    this.jobs.set(job.id, job);
    this.makeReady(job, delay);
    return `INSERTED ${job.id}`;
  }

  /** The most urgent job of these tubes, and among equals the oldest. */
  nextReady(tubes: string[]): Job | null {
    const jobs = [...this.jobs.values()];
    const ready = jobs.filter((job) => job.state === "ready" && tubes.includes(job.tube));
    return ready.sort((a, b) => a.priority - b.priority || a.id - b.id)[0] ?? null;
  }

  /** A lease: the job is this client's until it is done, given back, or the time is up. */
  private reserve(client: number, ...tubes: string[]): Job | null {
    const job = this.nextReady(tubes);
    if (job !== null) {
      [job.state, job.holder, job.due] = ["reserved", client, this.now + job.ttr];
      job.reserves += 1;
    }
    return job;
  }

  /** The job, if this client holds its lease now. */
  private held(client: number, id: number): Job | null {
    const job = this.jobs.get(id);
    return job?.state === "reserved" && job.holder === client ? job : null;
  }

  /** The acknowledgement: the work is done. */
  private delete(client: number, id: number): string {
    const job = this.jobs.get(id);
    if (!job || (job.state === "reserved" && job.holder !== client)) return "NOT_FOUND";
    this.jobs.delete(id);
    return "DELETED";
  }

  /** The work has failed: somebody else may try, after the delay. */
  private release(client: number, id: number, priority: number, delay: number): string {
    const job = this.held(client, id);
    if (job === null) return "NOT_FOUND";
    job.priority = priority;
    this.makeReady(job, delay);
    job.releases += 1;
    return "RELEASED";
  }

  /** The work goes on: the whole time to run begins again. */
  private touch(client: number, id: number): string {
    const job = this.held(client, id);
    if (job === null) return "NOT_FOUND";
    job.due = this.now + job.ttr;
    return "TOUCHED";
  }

  /** Out of the way, until a person has looked at it and kicks it. */
  private bury(client: number, id: number, priority: number): string {
    const job = this.held(client, id);
    if (job === null) return "NOT_FOUND";
    [job.state, job.priority] = ["buried", priority];
    job.buries += 1;
    return "BURIED";
  }

  /** Buried jobs first; where there is none, those that are delayed. */
  private kick(_: number, tube: string, bound: number): string {
    const jobs = [...this.jobs.values()].filter((job) => job.tube === tube);
    const buried = jobs.filter((job) => job.state === "buried");
    const asleep = buried.length > 0 ? buried : jobs.filter((job) => job.state === "delayed");
    for (const job of asleep.slice(0, bound)) {
      job.state = "ready";
      job.kicks += 1;
    }
    return `KICKED ${Math.min(bound, asleep.length)}`;
  }

  /** The client's connection has ended (0: every client's): what it held goes back at once. */
  private close(client: number): void {
    for (const job of this.jobs.values()) {
      if (job.state === "reserved" && [0, job.holder].includes(client)) job.state = "ready";
    }
  }
}
