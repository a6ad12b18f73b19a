/** Drives nodes of the small store for tests, as drive_store.py does: node drive_store.ts HOME STEP */

import { join } from "node:path";
import readline from "node:readline";

const [home, step] = process.argv.slice(2) as [string, string];
const { nodeOf } = await import(join(home, "nodes.ts"));
const Node = await nodeOf(step);
const nodes = new Map<number, any>();

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [what, id, ...words] = JSON.parse(line);
  if (what === "start") {
    const [ids, disk] = words;
    const node = new Node(id, new Map(ids.map((other: number) => [other, `host${other}:6379`])));
    node.draw = () => 0;
    for (const entry of disk) node.apply(entry);
    nodes.set(id, node);
  } else nodes.get(id)[what](...words);
  const node = nodes.get(id);
  const { save, send, answers, term = null, vote = null, stamp = null, leader = null } = node;
  const data = [...node.data].sort(([a], [b]) => (a < b ? -1 : 1));
  const state = { data, term, vote, stamp, leader, fresh: node.fresh ?? null };
  console.log(JSON.stringify({ save, send, answers, state }));
  [node.save, node.send, node.answers] = [[], [], []];
}
