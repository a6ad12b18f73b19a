/**
 * A client that keeps a map, and learns from being wrong:  node follow.ts GET seat:12 GET seat:13
 *
 * Needs three nodes of step 2: ./shop up typescript --step 2, or python.
 */

import { ask, waitUntilUp } from "./client.ts";
import { slotOf } from "./mini/typescript/step2/slots.ts";

class Follower {
  private readonly first: string; // who is asked of a slot that is not in the map
  private readonly map = new Map<number, string>();

  constructor(first: string) {
    this.first = first;
  }

  async ask(...words: string[]): Promise<string | null> {
    const slot = slotOf(words[1]!);
    let answer = await this.heard(this.map.get(slot) ?? this.first, words);
    if (answer?.startsWith("-MOVED")) {
      this.map.set(slot, answer.split(" ")[2]!);
      answer = await this.heard(this.map.get(slot)!, words);
    }
    return answer;
  }

  private async heard(address: string, words: string[]): Promise<string | null> {
    const answer = await ask(address, ...words);
    console.log(`${address.padEnd(14)} ${words.join(" ").padEnd(24)} ${answer ?? "(nil)"}`);
    return answer;
  }
}

async function main(words: string[]): Promise<void> {
  await waitUntilUp().catch(() => {}); // one that does not run may not be needed
  const follower = new Follower("store-1:6379");
  while (words.length > 0) {
    const count = words[0]!.toUpperCase() === "SET" ? 3 : 2;
    await follower.ask(...words.splice(0, count));
  }
}

try {
  await main(process.argv.slice(2));
} catch {
  console.error("a node does not answer: ./shop status says which ones run");
  process.exit(1);
}
