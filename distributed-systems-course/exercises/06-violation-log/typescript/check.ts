import assert from "node:assert/strict";

import { Queue } from "./mine.ts";

/** Loses what was not synced when the power fails. */
class Disk {
  private readonly written: string[] = [];
  safe: string[] = [];
  syncs = 0;

  write(entry: string): void {
    this.written.push(entry);
  }

  sync(): void {
    this.safe = [...this.written];
    this.syncs += 1;
  }
}

const disk = new Disk();
const heard: string[] = [];
const answer = (text: string) => {
  const job = text.replace("INSERTED ", "");
  assert.ok(disk.safe.includes(job), `'${text}' was said while the disk had only [${disk.safe}]`);
  heard.push(text);
};

const queue = new Queue(disk);
for (const job of ["a", "b", "c"]) queue.put(job, answer);
queue.flush();
assert.deepEqual(
  heard,
  ["INSERTED a", "INSERTED b", "INSERTED c"],
  "all are answered by the flush",
);
assert.equal(disk.syncs, 1, "three commands that came together must share one sync");
queue.put("d", answer);
queue.flush();
assert.deepEqual(heard.slice(3), ["INSERTED d"], "each command is answered once");
