/**
 * Step 1: jobs in memory. Handed out is gone.
 *
 * The queue is a state machine: a command goes in with its time, a reply comes out. No clock, no
 * socket, no disk: the same commands in the same order always lead to the same state.
 */

export type Job = {
  readonly id: number;
  readonly tube: string; // jobs of one kind wait in one tube
  readonly priority: number; // 0 is the most urgent
  readonly ttr: number;
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
    close: this.close.bind(this),
  };

  /** One command: [time, client, name, arguments ...]. */
  apply([at, client, name, ...words]: [number, number, string, ...any[]]): any {
    this.advance(at);
    return this.commands[name]!(client, ...words);
  }

  advance(now: number): void {
    this.now = Math.max(this.now, now);
  }

  private put(_: number, tube: string, priority: number, delay: number, ttr: number, body: string) {
    const job: Job = { id: ++this.lastId, tube, priority, ttr, body, created: this.now };
    this.jobs.set(job.id, job);
    return `INSERTED ${job.id}`;
  }

  /** The most urgent job of these tubes, and among equals the oldest. */
  nextReady(tubes: string[]): Job | null {
    const ready = [...this.jobs.values()].filter((job) => tubes.includes(job.tube));
    return ready.sort((a, b) => a.priority - b.priority || a.id - b.id)[0] ?? null;
  }

  private reserve(_: number, ...tubes: string[]): Job | null {
    const job = this.nextReady(tubes);
    if (job !== null) this.jobs.delete(job.id);
    return job;
  }

  /** The client's connection has ended. What it was doing, nobody knows. */
  private close(_: number): void {}
}
