/**
 * The work itself. A real shop would draw a ticket and mail it; ours takes its time, and fails
 * when its task says so.
 */

import { setTimeout as sleep } from "node:timers/promises";

import type { Task } from "./task.ts";

/** This attempt did not work; another may. */
export class TaskFailed extends Error {}

/** The first attempt is number 1. Throws TaskFailed. */
export async function perform(task: Task, attempt: number): Promise<void> {
  await sleep(task.work_ms);
  if (attempt <= task.crash_times) {
    process.exit(1); // at once, as a crash would: no clean-up, no farewell
  }
  if (attempt <= task.fail_times) {
    throw new TaskFailed(`the printer is out of paper (attempt ${attempt})`);
  }
}
