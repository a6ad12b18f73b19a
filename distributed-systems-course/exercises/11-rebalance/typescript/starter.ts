/** Whose each slot is, when nodes join and leave. */

/** `owners[slot]` is the node that has it now; `nodes` are those that there are from now on. */
export function rebalance(owners: string[], nodes: string[]): string[] {
  return owners.map((_, slot) => nodes[slot % nodes.length]!);
}
