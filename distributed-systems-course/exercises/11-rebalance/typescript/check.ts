import assert from "node:assert/strict";

import { rebalance } from "./mine.ts";

const count = (owners: string[], node: string) => owners.filter((one) => one === node).length;

/** How many must move, whichever way: what is beyond its node's share, or has no node. */
function fewest(owners: string[], nodes: string[]): number {
  const share = Math.floor(owners.length / nodes.length);
  const more = owners.length % nodes.length;
  const has = nodes.map((node) => count(owners, node)).sort((a, b) => b - a);
  const keeps = has.map((many, place) => Math.min(many, share + (place < more ? 1 : 0)));
  return owners.length - keeps.reduce((a, b) => a + b, 0);
}

function check(owners: string[], nodes: string[], what: string): void {
  const given = [...owners];
  const after = rebalance(given, [...nodes]);
  assert.deepEqual(given, owners, "the map that you are given is not yours: make a new one");
  const sizes = `${owners.length} slots went in, ${after.length} came out`;
  assert.equal(after.length, owners.length, `${what}: ${sizes}`);
  const strange = after.find((node) => !nodes.includes(node));
  const no = `a slot belongs to ${strange}, and there is no such node now`;
  assert.equal(strange, undefined, `${what}: ${no}`);
  const has = nodes.map((node) => count(after, node));
  const shares = nodes.map((node, i) => `${node} has ${has[i]}`).join(", ");
  const even = Math.max(...has) - Math.min(...has) <= 1;
  assert.ok(even, `${what}: the shares are not even: ${shares}`);
  const moved = owners.filter((owner, slot) => owner !== after[slot]).length;
  const least = fewest(owners, nodes);
  const said = `${moved} of ${owners.length} slots moved, and ${least} would do`;
  assert.equal(moved, least, `${what}: ${said}`);
}

const times = (many: number, nodes: string) =>
  Array(many)
    .fill([...nodes])
    .flat() as string[];

const two = [...times(6, "a"), ...times(6, "b")];
check(two, ["a", "b"], "nobody joins or leaves");
check(two, ["a", "b", "c"], "c joins a and b");
check(times(4, "abc"), ["a", "c"], "b leaves");
check(times(4, "abc"), ["a", "c", "d"], "b leaves and d joins");
check(times(12, "a"), ["a", "b", "c", "d"], "three join a");
const uneven = (a: number, b: number, c: number) => [
  ...times(a, "a"),
  ...times(b, "b"),
  ...times(c, "c"),
];
check(uneven(5, 6, 5), ["a", "b", "c"], "16 slots on three nodes, even already");
check(uneven(9, 2, 5), ["c", "b", "a"], "a has too many");
for (let slots = 8; slots < 67; slots++) {
  const owners = Array.from(
    { length: slots },
    (_, i) => "aceg"[((i * i * 7 + slots * i) % 11) % 4]!,
  );
  const nodes = [..."abcdefgh"].filter((_, i) => (slots * (i + 3)) % 5 > 1);
  check(owners, nodes, `${slots} slots of a, c, e, g; now ${nodes.join(", ")}`);
}
