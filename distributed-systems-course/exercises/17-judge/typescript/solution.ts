/** Is a history linearizable? One seat; nobody has it in the beginning: it is "free". */

export type Call = { kind: "write" | "read"; value: string; begin: number; end: number };

/** Each read shows what the last write before it wrote. */
export function showsLastWrite(order: Call[]): boolean {
  let held = "free";
  for (const call of order) {
    if (call.kind === "write") held = call.value;
    else if (call.value !== held) return false;
  }
  return true;
}

/** No call stands in front of one that had ended before it began. */
export function keepsTime(order: Call[]): boolean {
  return order.every((earlier, i) =>
    order.slice(i + 1).every((later) => later.end >= earlier.begin),
  );
}

export function linearizable(history: Call[]): boolean {
  return permutations(history).some((order) => showsLastWrite(order) && keepsTime(order));
}

function permutations(calls: Call[]): Call[][] {
  if (calls.length === 0) return [[]];
  return calls.flatMap((first) =>
    permutations(calls.filter((call) => call !== first)).map((rest) => [first, ...rest]),
  );
}
