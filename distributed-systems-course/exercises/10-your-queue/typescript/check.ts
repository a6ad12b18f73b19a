import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import { join } from "node:path";

import { Queue } from "./mine/queue.ts";

type Entry = [number, number, string, ...any[]];

const queue = new Queue();
const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);

function say(at: number, client: number, name: string, ...words: any[]): any {
  assert.ok(Object.hasOwn(queue.commands, name), `your queue does not know '${name}' yet`);
  return queue.apply([at, client, name, ...words]);
}

const reserve = (at: number, client: number): number | null =>
  say(at, client, "reserve", "t")?.id ?? null;

// Leases
is(say(0, 1, "put", "t", 5, 0, 10, "one"), "INSERTED 1", "the first job is number 1");
is(say(0, 1, "put", "t", 5, 0, 10, "two"), "INSERTED 2", "and the second is number 2");
is(reserve(1, 2), 1, "the oldest of equals comes first");
is(reserve(1, 3), 2, "job 1 is lent to another client");
is(reserve(2, 4), null, "both are lent");
is(say(2, 3, "delete", 1), "NOT_FOUND", "only its holder may delete a job that is lent");
is(say(3, 3, "delete", 2), "DELETED", "its holder has done job 2");
is(say(9, 2, "touch", 1), "TOUCHED", "touch begins the lease anew, so it ends at 19");
is(reserve(18, 4), null, "job 1 was touched at 9, for 10 seconds");
is(reserve(19, 4), 1, "at 19 the lease is over");
is(say(20, 2, "touch", 1), "NOT_FOUND", "it is another client's now");
say(21, 4, "close");
is(reserve(21, 5), 1, "what a closed connection held is ready again");

// Delays
is(say(22, 5, "release", 1, 5, 3), "RELEASED", "its holder gives it back, for 3 seconds later");
is(reserve(24, 6), null, "the delay lasts until 25");
is(reserve(25, 6), 1, "at 25 it is ready again");
const job = queue.jobs.get(1) as any;
const counts = [job.reserves, job.releases, job.timeouts];
is(counts, [4, 1, 1], `job 1: 4 reserves, 1 release, 1 timeout, and not ${counts}`);
is(say(26, 6, "bury", 1, 5), "BURIED", "out of the way");
is(reserve(99, 6), null, "a buried job is not ready, however long one waits");
is(say(99, 6, "kick", "t", 10), "KICKED 1", "kick makes it ready");
is(say(99, 6, "put", "t", 0, 60, 10, "later"), "INSERTED 3", "put may delay, too");
is(reserve(99, 6), 1, "job 3 would be more urgent, but it is delayed");

// The log
assert.ok(fs.existsSync("mine/log.ts"), "the log comes next: there is no mine/log.ts yet");
const path = "./mine/log.ts";
const { Log } = await import(path);

const folder = fs.mkdtempSync(join(os.tmpdir(), "log-"));
const data = join(folder, "data");
const entries = [0, 1, 2, 3, 4].map((n): Entry => [
  n / 2,
  n,
  "put",
  "t",
  0,
  0,
  10,
  `seat ${n} \xff\r\n`,
]);
const replayed = (): Entry[] => [...new Log(data).replay()];
const log = new Log(data);
is([...log.replay()], [], "a new log is empty");
for (const entry of entries) log.append(entry);
log.sync();
is(replayed(), entries, "after sync a new Log finds every entry");
const file = join(data, fs.readdirSync(data)[0]!);
fs.truncateSync(file, fs.statSync(file).size - 3);
const again = new Log(data);
is([...again.replay()], entries.slice(0, 4), "a torn last entry is left out");
again.append(entries[4]);
again.sync();
is(replayed(), entries, "what is appended behind a torn entry must be readable: cut it off");
const text = fs.readFileSync(file, "latin1");
fs.writeFileSync(file, text.replace("seat 1", "seat 7"), "latin1");
assert.throws(replayed, "damage in the middle must be refused (an Error), not replayed or cut");
fs.rmSync(folder, { recursive: true });
