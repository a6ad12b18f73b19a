/** Reads a log back after a crash. */

import { crc32 } from "node:zlib";

export function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/** The entry in a line, or null if the line is bad. */
function entryOf(line: string): string | null {
  const text = line.slice(9, -1);
  return line === `${checksum(text)} ${text}\n` ? text : null;
}

/** The entries, and how many characters of the log are good. Throws on damage. */
export function replay(log: string): { entries: string[]; good: number } {
  const entries: string[] = [];
  let good = 0;
  const lines = log.split(/(?<=\n)/);
  for (const [at, line] of lines.entries()) {
    const entry = entryOf(line);
    if (entry === null) {
      if (lines.slice(at + 1).some((later) => entryOf(later) !== null)) {
        throw new Error(`line ${at + 1} is damaged`);
      }
      break;
    }
    entries.push(entry);
    good += line.length;
  }
  return { entries, good };
}
