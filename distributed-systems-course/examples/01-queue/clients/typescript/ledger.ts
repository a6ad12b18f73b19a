/**
 * The work that is done, by key: the reason why a task delivered twice has its effect once.
 *
 * A ticket is a file, and the file's name is the task's key. It appears whole or not at all, and
 * only one worker can make it appear. A real shop would use a unique key in its database instead.
 */

import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { dirname, join } from "node:path";

export class Ledger {
  private readonly folder: string;

  constructor(results: string) {
    this.folder = join(results, "tickets");
    fs.mkdirSync(this.folder, { recursive: true });
    syncFolder(dirname(this.folder));
  }

  /** True when its ticket is there, and on the disk: who made it may have died before that. */
  has(key: string): boolean {
    const there = fs.existsSync(join(this.folder, `${key}.json`));
    if (there) {
      syncFolder(this.folder);
    }
    return there;
  }

  /** Makes the ticket, on the disk when this returns. False if somebody made it before. */
  record(key: string, entry: object): boolean {
    const draft = join(this.folder, `.draft-${randomUUID()}`);
    let made = true;
    try {
      fs.writeFileSync(draft, JSON.stringify(entry), { flush: true });
      fs.linkSync(draft, join(this.folder, `${key}.json`)); // fails if the name is taken
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw error;
      }
      made = false;
    } finally {
      fs.rmSync(draft, { force: true });
    }
    syncFolder(this.folder); // the name, too: it stands in the folder, not in the file
    return made;
  }
}

function syncFolder(folder: string): void {
  const handle = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
