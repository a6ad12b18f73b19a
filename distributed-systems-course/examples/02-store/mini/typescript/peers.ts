/**
 * Links between nodes: one connection a pair, which keeps the order of what is said. Given.
 *
 * A line is a message, as JSON. The first says who calls: ["store-mini", ID]. A link that is silent
 * for a second is closed, and what waited on it is gone: to whoever listens again, only what is new.
 */

import net from "node:net";

const HELLO = "store-mini";
const PING = '["PING"]';
const PING_MS = 250;
const SILENCE_MS = 1000;
const RETRY_MS = 200;
const LINE_MAX = 64 << 20; // a message may carry all the data

/**
 * What follows a kind: t a term or another number, s a stamp, b yes or no, k a text, v a text or
 * none, d pairs of texts.
 */
const SHAPES: Record<string, string> = {
  BEAT: "ttss",
  WRITE: "ttsskv",
  ACK: "tts",
  "ALL?": "t",
  ALL: "ttsd",
  NO: "t",
  ASK: "ts",
  VOTE: "tb",
};

export class Peers {
  cut = false;
  private readonly id: number;
  private readonly addresses: Map<number, string>;
  private readonly heard: (sender: number, message: any) => void;
  private readonly links = new Map<number, net.Socket>();

  constructor(
    id: number,
    addresses: Map<number, string>,
    heard: (sender: number, message: any) => void,
  ) {
    [this.id, this.addresses, this.heard] = [id, addresses, heard];
  }

  /** The greater number calls, so that a pair has one link. */
  start(host: string, port: number): net.Server {
    for (const node of this.addresses.keys()) if (node < this.id) this.call(node);
    return net.createServer((socket) => this.called(socket)).listen(port, host);
  }

  /** Now or never: who is not connected does not hear it. */
  send(to: number, message: unknown): void {
    if (!this.cut) this.links.get(to)?.write(JSON.stringify(message) + "\n", "utf8");
  }

  drop(): void {
    for (const socket of this.links.values()) socket.destroy();
    this.links.clear();
  }

  private call(node: number): void {
    const again = () => setTimeout(() => this.call(node), RETRY_MS);
    if (this.cut) return void again();
    const [host, port] = this.addresses.get(node)!.split(/:(?=\d+$)/) as [string, string];
    const socket = net.connect(Number(port), host, () => {
      socket.write(JSON.stringify([HELLO, this.id]) + "\n");
      this.serve(node, socket);
    });
    const patience = setTimeout(() => socket.destroy(), SILENCE_MS); // until it is connected
    socket.on("connect", () => clearTimeout(patience));
    this.read(socket, (line) => this.hear(node, socket, line));
    socket.on("close", again); // it is down, or cut off
  }

  private called(socket: net.Socket): void {
    let node = 0;
    const patience = setTimeout(() => socket.destroy(), SILENCE_MS); // until it says who it is
    socket.on("close", () => clearTimeout(patience));
    this.read(socket, (line) => {
      if (node !== 0) return this.hear(node, socket, line);
      const [word, id, ...more] = parsed(line) ?? [];
      if (this.cut) return void socket.destroy();
      if (word !== HELLO || more.length > 0 || !this.addresses.has(id) || id <= this.id) {
        socket.end("this is the port of a store's other nodes, and you are none\n");
        return;
      }
      node = id;
      clearTimeout(patience);
      this.serve(node, socket);
    });
  }

  /** Until it is silent. A link that comes anew ends the old one: nothing overtakes. */
  private serve(node: number, socket: net.Socket): void {
    this.links.get(node)?.destroy();
    this.links.set(node, socket);
    console.log(`node ${node} is there`);
    socket.setNoDelay(true);
    const pinging = setInterval(() => socket.write(PING + "\n"), PING_MS);
    const silence = setTimeout(() => socket.destroy(), SILENCE_MS);
    socket.on("data", () => silence.refresh());
    socket.on("close", () => {
      clearInterval(pinging);
      clearTimeout(silence);
      if (this.links.get(node) !== socket) return;
      this.links.delete(node);
      console.log(`node ${node} is silent or gone`);
    });
  }

  private hear(node: number, socket: net.Socket, line: string): void {
    if (this.links.get(node) !== socket || line === PING) return;
    const message = parsed(line);
    if (message !== null && checked(message)) return this.heard(node, message);
    console.error(`node ${node} says what no node says: ${line.slice(0, 60)}`);
    socket.destroy();
  }

  private read(socket: net.Socket, take: (line: string) => void): void {
    let input = "";
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("data", (text: string) => {
      input += text;
      const lines = input.split("\n");
      input = lines.pop()!;
      if (input.length > LINE_MAX) socket.destroy();
      for (const line of lines) if (!socket.destroyed && !socket.writableEnded) take(line);
    });
  }
}

function parsed(line: string): any[] | null {
  try {
    const message = JSON.parse(line);
    return Array.isArray(message) ? message : null;
  } catch {
    return null;
  }
}

function checked([kind, ...words]: any[]): boolean {
  const shape = Object.hasOwn(SHAPES, kind) ? SHAPES[kind]! : "";
  return shape !== "" && shape.length === words.length && all(shape, words);
}

function all(shape: string, words: unknown): boolean {
  return Array.isArray(words) && words.every((word, i) => fits(shape[i]!, word));
}

function fits(letter: string, word: any): boolean {
  if (letter === "t") return Number.isSafeInteger(word) && word >= 0;
  if (letter === "d") return Array.isArray(word) && word.every((pair) => fits("p", pair));
  if (letter === "s") return all("tt", word) && word.length === 2;
  if (letter === "p") return all("kk", word) && word.length === 2;
  if (letter === "v" && word === null) return true;
  return typeof word === (letter === "b" ? "boolean" : "string");
}
