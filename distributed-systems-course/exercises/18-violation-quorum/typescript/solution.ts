/** A register on three nodes. A node that is silent answers false to a write and null to a read. */

const [R, W] = [2, 2]; // of three: two sets of two always have a node in common

export type Value = { stamp: number; text: string };

export type Node = { write(value: Value): boolean; read(): Value | null };

/** True: W nodes have it, so it is confirmed. False: nobody knows. */
export function write(nodes: Node[], value: Value): boolean {
  let have = 0;
  for (const node of nodes) {
    if (node.write(value)) have += 1;
    if (have >= W) return true;
  }
  return false;
}

/** The newest of what R nodes have. Null: there are not so many, and it says nothing. */
export function read(nodes: Node[]): Value | null {
  const answers: Value[] = [];
  for (const node of nodes) {
    const answer = node.read();
    if (answer !== null) answers.push(answer);
    if (answers.length >= R) return newest(answers);
  }
  return null;
}

function newest(values: Value[]): Value | null {
  return values.reduce<Value | null>((a, b) => (a === null || b.stamp > a.stamp ? b : a), null);
}
