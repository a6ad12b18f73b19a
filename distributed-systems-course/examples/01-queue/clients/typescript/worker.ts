/**
 * The worker: reserves a task, works, deletes it; and decides what becomes of those that fail.
 *
 * A job is deleted only after its work is done, so it is delivered at least once; the ledger makes
 * its effect happen once. Whatever kills this process in between, the queue gives the job to
 * another.
 */

import { setTimeout as sleep } from "node:timers/promises";

import { retryDelayS } from "./backoff.ts";
import { type Config, loadConfig } from "./config.ts";
import { Connection, type Job, LeaseLost, NodeGone, type StatsJob } from "./connection.ts";
import { serveHealth } from "./health.ts";
import { Journal } from "./journal.ts";
import { Ledger } from "./ledger.ts";
import { stopOnSignal } from "./stop.ts";
import { BadTask, decode, type Task } from "./task.ts";
import { perform } from "./work.ts";

const RESERVE_TIMEOUT_S = 1; // how long a SIGTERM may have to wait for an idle worker
const DEAD_BODY_BYTES = 8192; // a dead letter carries this much of the body: it is never too big

class Worker {
  private readonly config: Config;
  private readonly queue: Connection;
  private readonly journal: Journal;
  private readonly ledger: Ledger;

  constructor(config: Config, queue: Connection, journal: Journal) {
    this.config = config;
    this.queue = queue;
    this.journal = journal;
    this.ledger = new Ledger(config.results);
  }

  /** One job at a time, until told to stop; the one in hand is finished first. */
  async run(stop: AbortSignal): Promise<void> {
    await this.queue.connect(stop);
    while (!stop.aborted) {
      let job: Job | null = null;
      try {
        job = await this.queue.reserve(RESERVE_TIMEOUT_S);
        if (job !== null) {
          await this.handle(job);
        }
      } catch (error) {
        if (error instanceof LeaseLost) {
          this.journal.write("lease_lost", { job: Number(job?.id) }); // another worker has it now
        } else if (error instanceof NodeGone) {
          this.journal.write("node_gone", { reason: error.message });
          await this.queue.connect(stop);
        } else {
          throw error;
        }
      }
    }
  }

  private async handle(job: Job): Promise<void> {
    // Asked before the work, not after: a job that kills its worker never gets to "after".
    // reserves counts this delivery too. releases and timeouts alone would miss the deliveries
    // that ended because the worker's connection closed.
    const stats = await this.queue.statsJob(job);
    const attempt = Math.max(1, stats.reserves); // our queue's first steps do not count, and say 0
    if (attempt > this.config.maxAttempts) {
      await this.giveUp(job, stats, "its worker did not come back");
      return;
    }
    let task: Task;
    try {
      task = decode(job.body);
    } catch (error) {
      if (!(error instanceof BadTask)) throw error;
      await this.giveUp(job, stats, error.message);
      return;
    }
    this.journal.write("started", { job: Number(job.id), key: task.key, attempt });
    let first: boolean;
    try {
      first = await this.keepLease(job, stats.ttr, this.work(task, attempt));
    } catch (error) {
      if (error instanceof LeaseLost || error instanceof NodeGone) throw error;
      const reason = (error as Error).message; // also one that nobody foresaw: it has failed
      if (attempt < this.config.maxAttempts) {
        await this.retryLater(job, task, attempt, reason);
      } else {
        await this.giveUp(job, stats, reason);
      }
      return;
    }
    await this.queue.delete(job);
    this.journal.write(first ? "done" : "duplicate", { job: Number(job.id), key: task.key });
  }

  /** True if the work was done now, false if it had been done before. */
  private async work(task: Task, attempt: number): Promise<boolean> {
    if (this.ledger.has(task.key)) {
      return false;
    }
    await perform(task, attempt);
    return this.ledger.record(task.key, { seat: task.seat, worker: this.config.name });
  }

  /** Waits for the work. The queue hears from us meanwhile, or it would think us dead. */
  private async keepLease(job: Job, ttrS: number, running: Promise<boolean>): Promise<boolean> {
    try {
      while (!(await settledWithin(running, (ttrS * 1000) / 3))) {
        await this.queue.touch(job);
      }
      return await running;
    } finally {
      await running.catch(() => {}); // one task at a time, even when this one's lease is lost
    }
  }

  private async retryLater(job: Job, task: Task, attempt: number, reason: string): Promise<void> {
    const delayS = retryDelayS(attempt, this.config.retryBaseS, this.config.retryCapS);
    await this.queue.release(job, delayS);
    const fields = { job: Number(job.id), key: task.key, attempt, delay_s: delayS, reason };
    this.journal.write("retry", fields);
  }

  /** To the dead tube first, then deleted: a crash in between leaves two, never none. */
  private async giveUp(job: Job, stats: StatsJob, reason: string): Promise<void> {
    const body = job.body.subarray(0, DEAD_BODY_BYTES).toString();
    const { reserves, releases, timeouts, age } = stats;
    const history = { reserves, releases, timeouts, age };
    const letter = { body, reason, worker: this.config.name, history };
    await this.queue.put(JSON.stringify(letter), stats.ttr);
    await this.queue.delete(job);
    this.journal.write("dead", { job: Number(job.id), body, reason, history });
  }
}

/** True when the work has ended, well or badly; false when the time was up first. */
async function settledWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  const ended = work.then(
    () => true,
    () => true,
  );
  const settled = await Promise.race([ended, late]);
  timer.abort();
  return settled;
}

async function main(): Promise<void> {
  const config = loadConfig();
  const journal = new Journal(config.results, config.name);
  const queue = new Connection(config.queue, { use: `${config.tube}.dead`, watch: config.tube });
  const stop = stopOnSignal();
  serveHealth(config.healthPort, queue);

  await new Worker(config, queue, journal).run(stop);
  queue.close();
  journal.write("stopped");
}

await main();
