/** When a failed task is tried again. */

export const ATTEMPTS_MAX = 8;
export const BASE_S = 1;
export const CAP_S = 60;

/** Seconds to wait after this attempt (the first is number 1); null: give up. */
export function delayS(attempt: number, draw: number): number | null {
  if (attempt >= ATTEMPTS_MAX) return null;
  const longestS = Math.min(CAP_S, BASE_S * 2 ** (attempt - 1));
  return longestS / 2 + (draw * longestS) / 2;
}
