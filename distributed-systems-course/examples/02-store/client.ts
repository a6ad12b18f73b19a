/** One question to one node of the store, which follows nothing. Given. */

import { type Socket, connect } from "node:net";

const PATIENCE_MS = 5000;
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

/** store-2:6379 is how the shop's machines call node 2; on this one it has port 6380. */
function dialled(address: string): { host: string; port: number } {
  const [host, port] = address.split(":") as [string, string];
  const number = /^store-(\d+)$/.exec(host)?.[1];
  if (number === undefined) return { host, port: Number(port) };
  return { host: "localhost", port: PORTS[Number(number) - 1]! };
}
