/** Step 2: keys are split. A key has a slot, a slot has an owner, a wrong guess is redirected. */

import { Store } from "./store.ts";

export const SLOTS = 16384;

/** Its slot. What stands in {braces} decides alone: so {seat:12}:name goes with {seat:12}. */
export function slotOf(key: string): number {
  const start = key.indexOf("{");
  const end = key.indexOf("}", start + 1);
  const tag = start >= 0 && end > start + 1 ? key.slice(start + 1, end) : key;
  return crc16(Buffer.from(tag, "latin1")) % SLOTS;
}

/** The remainder of a division of polynomials, as XMODEM had it. */
function crc16(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
    }
  }
  return crc;
}

export class Slots extends Store {
  /** Who has which slots: first, last, the nodes. Each node has as many as any other. */
  ranges(): [first: number, last: number, nodes: number[]][] {
    const nodes = [...this.addresses.keys()].sort((a, b) => a - b);
    const ends = [0, ...nodes.map((_, i) => Math.round((SLOTS * (i + 1)) / nodes.length))];
    return nodes.map((node, i) => [ends[i]!, ends[i + 1]! - 1, [node]]);
  }

  override ask(now: number, client: number, words: string[]): void {
    const slot = slotOf(words[1]!);
    const [, , [owner]] = this.ranges().find(([, last]) => slot <= last)!;
    if (owner === this.id) super.ask(now, client, words);
    else this.answers.push([client, `-MOVED ${slot} ${this.addresses.get(owner!)}`]);
  }
}
