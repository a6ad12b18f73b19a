/** When a failed task is tried again. */

export const ATTEMPTS_MAX = 8;
export const BASE_S = 1;
export const CAP_S = 60;

/** Seconds to wait after this attempt (the first is number 1); null: give up. */
export function delayS(attempt: number, draw: number): number | null {
  void [attempt, draw]; // not used yet
  return BASE_S;
}
