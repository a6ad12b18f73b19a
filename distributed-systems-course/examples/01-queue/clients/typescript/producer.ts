/**
 * The producer: puts tasks into the queue until it is stopped, or COUNT are put.
 *
 * It promises "at least once": a task is sent when the queue has said INSERTED, and asked for
 * again, under the same key, whenever that word did not come.
 */

import { randomBytes } from "node:crypto";

import { loadConfig } from "./config.ts";
import { Connection, NodeGone } from "./connection.ts";
import { serveHealth } from "./health.ts";
import { Journal } from "./journal.ts";
import { makeTask } from "./orders.ts";
import { pause, stopOnSignal } from "./stop.ts";
import { encode, type Task } from "./task.ts";

async function main(): Promise<void> {
  const config = loadConfig();
  const journal = new Journal(config.results, config.name);
  const queue = new Connection(config.queue, { use: config.tube, watch: "default" });
  const stop = stopOnSignal();
  serveHealth(config.healthPort, queue);

  await queue.connect(stop);
  const run = randomBytes(4).toString("hex");
  let number = 0;
  let sent = 0;
  while (!stop.aborted && (config.count === 0 || number < config.count)) {
    number += 1;
    const task = makeTask(config, run, number);
    if (await send(queue, task, config.ttrS, journal, stop)) {
      sent += 1;
    }
    await pause(config.pauseMs, stop);
  }
  queue.close();
  journal.write("stopped", { sent });
}

/** True once a node has acknowledged the task; false if we were stopped before. */
async function send(
  queue: Connection,
  task: Task,
  ttrS: number,
  journal: Journal,
  stop: AbortSignal,
): Promise<boolean> {
  while (!stop.aborted) {
    try {
      const job = await queue.put(encode(task), ttrS);
      journal.write("sent", { key: task.key, job: Number(job) });
      return true;
    } catch (error) {
      if (!(error instanceof NodeGone)) throw error;
      // It may have been put all the same. The key is what makes asking again safe.
      journal.write("resend", { key: task.key, reason: error.message });
      await queue.connect(stop);
    }
  }
  return false;
}

await main();
