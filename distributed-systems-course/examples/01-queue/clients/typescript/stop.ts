/** Stopping gracefully: SIGTERM (docker stop) and SIGINT (Ctrl-C) ask, and the loops listen. */

import { setTimeout as sleep } from "node:timers/promises";

export function stopOnSignal(): AbortSignal {
  const stop = new AbortController();
  process.on("SIGTERM", () => stop.abort());
  process.on("SIGINT", () => stop.abort());
  return stop.signal;
}

/** Waits, but not beyond the moment we are told to stop. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: stop });
  } catch {
    // told to stop: whoever asked looks at stop.aborted
  }
}
