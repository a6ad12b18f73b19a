/**
 * A task of the ticket shop, "send the ticket for this order", as it travels through the queue.
 *
 * The key names the work, the job id only one delivery of it. A producer that never heard INSERTED
 * puts its task again: that is a second job with the same key, and must not become a second ticket.
 */

const KEY = /^[A-Za-z0-9-]{1,64}$/; // a key becomes a file name: see ledger.ts
export const NUMBER_MAX = 1_000_000;

/** The body is no task. Trying again cannot help. */
export class BadTask extends Error {}

export interface Task {
  key: string;
  seat: string;
  work_ms: number; // how long the work takes
  fail_times: number; // how many attempts fail before one works
  crash_times: number; // how many attempts kill their worker before one works
}

export function encode(task: Task): string {
  return JSON.stringify(task);
}

/** Throws BadTask: whoever can reach the queue can put anything into it. */
export function decode(body: Buffer): Task {
  let task: Task;
  try {
    const fields = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    task = {
      key: fields.key,
      seat: fields.seat,
      work_ms: fields.work_ms,
      fail_times: fields.fail_times,
      crash_times: fields.crash_times,
    };
  } catch (error) {
    throw new BadTask(`not a task: ${error}`);
  }
  if (typeof task.key !== "string" || !KEY.test(task.key)) {
    throw new BadTask("not a task: its key is not 1 to 64 letters, digits and dashes");
  }
  if (typeof task.seat !== "string") {
    throw new BadTask("not a task: its seat is not text");
  }
  for (const number of [task.work_ms, task.fail_times, task.crash_times]) {
    if (!Number.isInteger(number)) {
      throw new BadTask("not a task: a number is something else");
    }
    if (number < 0 || number > NUMBER_MAX) {
      throw new BadTask(`not a task: a number is not from 0 to ${NUMBER_MAX}`);
    }
  }
  return task;
}
