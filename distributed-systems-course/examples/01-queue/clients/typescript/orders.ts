/** The shop's orders, made up: most are easy, some make trouble so that retries can be watched. */

import type { Config } from "./config.ts";
import { NUMBER_MAX, type Task } from "./task.ts";

const ALWAYS = NUMBER_MAX; // more often than any worker tries

/** The run is part of the key: a producer that starts again must not use its old keys again. */
export function makeTask(config: Config, run: string, number: number): Task {
  const slow = isEvery(config.slowEvery, number);
  let failTimes = 0;
  if (isEvery(config.failEvery, number)) {
    failTimes = 2;
  }
  if (isEvery(config.poisonEvery, number)) {
    failTimes = ALWAYS;
  }
  return {
    key: `order-${run}-${number}`,
    seat: `${"ABCDEFGHJK"[Math.floor(number / 20) % 10]}${(number % 20) + 1}`,
    work_ms: slow ? config.ttrS * 1500 : config.workMs,
    fail_times: failTimes,
    crash_times: isEvery(config.crashEvery, number) ? ALWAYS : 0,
  };
}

function isEvery(every: number, number: number): boolean {
  return every > 0 && number % every === 0;
}
