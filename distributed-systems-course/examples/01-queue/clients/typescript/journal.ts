/**
 * What happened, one JSON line per event: on stdout (docker compose logs) and in a file that
 * outlives the container.
 */

import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

export class Journal {
  private readonly name: string;
  private readonly file: string;

  constructor(results: string, name: string) {
    mkdirSync(results, { recursive: true });
    this.name = name;
    this.file = join(results, `${name}.jsonl`);
  }

  write(event: string, fields: object = {}): void {
    const at = new Date().toISOString();
    const line = JSON.stringify({ at, who: this.name, event, ...fields });
    console.log(line);
    appendFileSync(this.file, line + "\n");
  }
}
