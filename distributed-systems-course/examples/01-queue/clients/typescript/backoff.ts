/** How long to wait before the next attempt. */

/**
 * Twice as long after each failed attempt, up to the cap; the first attempt is number 1.
 *
 * Half of it is chance: tasks that failed together (the mail server was down) must not all come
 * back in the same second. The protocol counts delays in whole seconds, hence the rounding up.
 */
export function retryDelayS(attempt: number, baseS: number, capS: number): number {
  const longestS = Math.min(capS, baseS * 2 ** (attempt - 1));
  return Math.ceil(longestS / 2 + Math.random() * (longestS / 2));
}
