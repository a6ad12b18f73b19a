/**
 * The log: every command on disk before its reply goes out, and read back after a crash.
 *
 * One entry is one line: a checksum of the JSON text, a space, and the text. A crash may leave the
 * last line unfinished: its reply was never sent, so it is cut off. A bad line with good ones
 * behind it is something else: the disk has damaged what was promised, and we refuse to start.
 */

import fs from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

export type Entry = [number, number, string, ...any[]];

export class Log {
  private readonly path: string;
  private readonly file: number;

  constructor(folder: string) {
    fs.mkdirSync(folder, { recursive: true });
    this.path = join(folder, "queue.log");
    this.file = fs.openSync(this.path, "a+");
    const handle = fs.openSync(folder, "r"); // a file that no folder names is lost
    fs.fsyncSync(handle);
    fs.closeSync(handle);
  }

  /** Every entry, oldest first. A torn last line is cut off. */
  *replay(): Generator<Entry> {
    let good = 0; // so many bytes are entries
    const lines = fs.readFileSync(this.path, "latin1").split(/(?<=\n)/);
    for (const [number, line] of lines.entries()) {
      const entry = decode(line);
      if (entry === null) {
        if (lines.slice(number + 1).some((later) => decode(later) !== null)) {
          throw new Error(`${this.path}, line ${number + 1}: damaged, and good lines follow`);
        }
        break;
      }
      good += line.length;
      yield entry;
    }
    fs.ftruncateSync(this.file, good);
  }

  append(entry: Entry): void {
    const text = JSON.stringify(entry);
    fs.appendFileSync(this.file, `${checksum(text)} ${text}\n`, "latin1");
  }

  /** Returns when all that was appended is on the disk. If this fails, so must we. */
  sync(): void {
    fs.fsyncSync(this.file);
  }
}

/** The entry in this line; null if it is not exactly what append() wrote. */
function decode(line: string): Entry | null {
  const text = line.slice(9, -1);
  const whole = line === `${checksum(text)} ${text}\n`;
  return whole ? JSON.parse(text) : null;
}

function checksum(text: string): string {
  return crc32(Buffer.from(text, "latin1")).toString(16).padStart(8, "0");
}
