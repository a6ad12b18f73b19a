/** Whose each slot is, when nodes join and leave. */

/** `owners[slot]` is the node that has it now; `nodes` are those that there are from now on. */
export function rebalance(owners: string[], nodes: string[]): string[] {
  const has = (node: string) => owners.filter((owner) => owner === node).length;
  const share = Math.floor(owners.length / nodes.length);
  const more = owners.length % nodes.length;
  const ranked = [...nodes].sort((a, b) => has(b) - has(a));
  const room = new Map(ranked.map((node, place) => [node, share + (place < more ? 1 : 0)]));
  const take = (node: string) => room.set(node, room.get(node)! - 1);
  const moves: number[] = [];
  for (const [slot, owner] of owners.entries()) {
    if ((room.get(owner) ?? 0) > 0) take(owner);
    else moves.push(slot);
  }
  const after = [...owners];
  for (const slot of moves) {
    after[slot] = nodes.find((node) => room.get(node)! > 0)!;
    take(after[slot]!);
  }
  return after;
}
