/** A router: which node is asked for a key? */

export const NODES = ["a", "b", "c"]; // each has its own keys, and copies nobody else's

/** The node to ask. `answering` are those that this client reaches now, ordered as NODES. */
export function owner(slot: number, answering: string[]): string | null {
  if (answering.length === 0) return null;
  return answering[slot % answering.length]!;
}
