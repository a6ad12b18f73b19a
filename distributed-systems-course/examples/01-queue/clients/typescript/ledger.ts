/**
 * The work that is done, by key: the reason why a task delivered twice has its effect once.
 *
 * A ticket is a file, and the file's name is the task's key. It appears whole or not at all, and
 * only one worker can make it appear. A real shop would use a unique key in its database instead.
 */

import { randomUUID } from "node:crypto";
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class Ledger {
  private readonly folder: string;

  constructor(results: string) {
    this.folder = join(results, "tickets");
    mkdirSync(this.folder, { recursive: true });
  }

  has(key: string): boolean {
    return existsSync(join(this.folder, `${key}.json`));
  }

  /** Makes the ticket, on the disk when this returns. False if somebody made it before. */
  record(key: string, entry: object): boolean {
    const draft = join(this.folder, `.draft-${randomUUID()}`);
    try {
      writeFileSync(draft, JSON.stringify(entry), { flush: true });
      linkSync(draft, join(this.folder, `${key}.json`)); // fails if the name is taken
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") {
        return false;
      }
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
