/** A router: which node is asked for a key? */

export const NODES = ["a", "b", "c"]; // each has its own keys, and copies nobody else's

/** The node to ask. `answering` are those that this client reaches now, ordered as NODES. */
export function owner(slot: number, answering: string[]): string | null {
  const node = NODES[slot % NODES.length]!;
  return answering.includes(node) ? node : null;
}
