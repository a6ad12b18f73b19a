/** One question to one node of the store, which follows nothing. Given. */

import { type Socket, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 5000;
const [START_MS, LOOK_MS] = [10_000, 200]; // how long a node may take to start, how often one looks
const PORTS = (process.env.STORE_PORTS ?? "6379 6380 6381").split(" ").map(Number);

/**
 * Its first letter says what the answer is: +OK  -ERR ...  :1  $text; null: there is none.
 * Throws where nobody answers.
 */
export async function ask(address: string, ...words: string[]): Promise<string | null> {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  const socket = connect(dialled(address));
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("it has not answered")));
  socket.write(`*${parts.length}\r\n${parts.join("")}`);
  try {
    return await answerOn(socket);
  } finally {
    socket.destroy();
  }
}

async function answerOn(socket: Socket): Promise<string | null> {
  let got = Buffer.alloc(0);
  for await (const chunk of socket) {
    got = Buffer.concat([got, chunk as Buffer]);
    const end = got.indexOf("\r\n");
    const line = got.subarray(0, Math.max(end, 0)).toString();
    if (end < 0) continue;
    if (!line.startsWith("$")) return line;
    if (line === "$-1") return null;
    const size = Number(line.slice(1));
    if (got.length >= end + 4 + size) return "$" + got.subarray(end + 2, end + 2 + size).toString();
  }
  throw new Error("it has hung up");
}

/** All three. Docker answers for a node that is only starting, and hangs up. */
export async function waitUntilUp(): Promise<void> {
  const deadline = performance.now() + START_MS;
  const waiting = PORTS.map((_, i) => `store-${i + 1}:6379`);
  while (waiting.length > 0) {
    try {
      await ask(waiting[0]!, "PING");
      waiting.shift();
    } catch (error) {
      const refused = (error as { code?: string }).code === "ECONNREFUSED";
      if (refused || performance.now() > deadline) throw error;
      await sleep(LOOK_MS);
    }
  }
}

/** store-2:6379 is how the shop's machines call node 2; on this one it has port 6380. */
function dialled(address: string): { host: string; port: number } {
  const [host, port] = address.split(":") as [string, string];
  const number = /^store-(\d+)$/.exec(host)?.[1];
  if (number === undefined) return { host, port: Number(port) };
  return { host: "localhost", port: PORTS[Number(number) - 1]! };
}
