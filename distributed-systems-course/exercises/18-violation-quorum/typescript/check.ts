import assert from "node:assert/strict";

import { type Node, type Value, read, write } from "./mine.ts";

const NAMES = ["a", "b", "c"];
const OLD: Value = { stamp: 1, text: "free" };
const NEW: Value = { stamp: 2, text: "anna" };

class Copy implements Node {
  value = OLD;
  silent = false;

  write(value: Value): boolean {
    if (!this.silent && value.stamp > this.value.stamp) this.value = value;
    return !this.silent;
  }

  read(): Value | null {
    return this.silent ? null : this.value;
  }
}

function who(silent: boolean[]): string {
  const names = NAMES.filter((_, i) => silent[i]);
  return names.length > 0 ? `${names.join(" and ")} silent` : "nobody silent";
}

function play(atWrite: boolean[], atRead: boolean[]): [boolean, Value | null] {
  const copies = NAMES.map(() => new Copy());
  copies.forEach((copy, i) => (copy.silent = atWrite[i]!));
  const confirmed = write(copies, NEW);
  copies.forEach((copy, i) => (copy.silent = atRead[i]!));
  return [confirmed, read([...copies].reverse())];
}

function holds(condition: boolean, story: string[], sentence: string): void {
  if (!condition) for (const line of story) console.log(`| ${line}`);
  assert.ok(condition, sentence);
}

const count = (silent: boolean[]) => silent.filter((one) => one).length;
const both = [false, true];
const patterns = both.flatMap((a) => both.flatMap((b) => both.map((c) => [a, b, c])));
for (const atWrite of patterns) {
  for (const atRead of patterns) {
    const [confirmed, seen] = play(atWrite, atRead);
    const story = [
      "all three nodes hold: free",
      `${who(atWrite)}: write anna -> ${confirmed ? "confirmed" : "nobody knows"}`,
      `${who(atRead)}: read -> ${seen?.text ?? "nothing said"}`,
    ];
    const stale = confirmed && seen !== null && seen.text !== NEW.text;
    holds(!stale, story, "a write was confirmed, and the next read does not show it");
    const alone = count(atWrite) > 1 && confirmed;
    holds(!alone, story, "a write was confirmed that one node has, or none");
    const guessed = count(atRead) > 1 && seen !== null;
    holds(!guessed, story, "one node alone cannot know what is newest, and yet a read answered");
    holds(confirmed || count(atWrite) > 1, story, "two nodes of three are enough for a write");
    holds(seen !== null || count(atRead) > 1, story, "two nodes of three are enough for a read");
  }
}
