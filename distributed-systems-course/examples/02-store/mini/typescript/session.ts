/** One client: its bytes, its levels, and what it waits for. Given, not taught. */

import type net from "node:net";

import * as commands from "./commands.ts";
import type { Server } from "./server.ts";
import * as wire from "./wire.ts";

export type Stamp = [number, number];

export function atLeast(a: Stamp, b: Stamp): boolean {
  return a[0] > b[0] || (a[0] === b[0] && a[1] >= b[1]);
}

export class Session {
  readonly number: number;
  readonly server: Server;
  private readonly socket: net.Socket;
  private readonly decoder = new wire.Decoder();
  private waits = false; // for an answer of the node: what stands behind it waits, too
  private output = "";
  readonly levels: Record<string, string> = { read: "", write: "majority" }; // "": the step's
  token: Stamp = [0, 0];
  local = false; // READONLY

  constructor(server: Server, number: number, socket: net.Socket) {
    [this.server, this.number, this.socket] = [server, number, socket];
  }

  received(data: Buffer): void {
    this.decoder.feed(data);
    this.work();
    this.server.flush();
  }

  private work(): void {
    while (!this.waits && !this.socket.writableEnded && !this.socket.destroyed) {
      try {
        const words = this.decoder.next();
        if (words === null) return;
        if (words.length > 0) commands.handle(this, words);
      } catch (error) {
        if (!(error instanceof wire.BadProtocol)) throw error;
        this.say(`-ERR Protocol error: ${error.message}`);
        this.close();
      }
    }
  }

  say(answer: wire.Reply): void {
    this.output += wire.encode(answer);
  }

  close(): void {
    this.flush();
    this.socket.end();
  }

  flush(): void {
    if (this.output === "" || this.socket.writableEnded || this.socket.destroyed) return;
    this.socket.write(this.output, "latin1");
    this.output = "";
  }

  /** The node has made up its mind. An empty one: nobody knows, and the connection ends. */
  answered(answer: string | null): void {
    this.waits = false;
    if (answer === "") {
      this.socket.destroy();
      return;
    }
    const stamp = this.server.stamp();
    if (atLeast(stamp, this.token)) this.token = stamp;
    this.say(answer);
    setImmediate(() => this.received(Buffer.alloc(0))); // what stood behind it
  }

  ask(words: string[], level: string): void {
    const [name, key, value, option] = words as [string, string, string?, string?];
    const command = name.toLowerCase();
    level ||= this.levels[command === "get" ? "read" : "write"]!;
    if (command === "get" && this.local) level ||= "local";
    this.waits = true;
    const rest = [value, option?.toLowerCase()].filter((word) => word !== undefined);
    this.server.ask(this, [command, key, ...rest], level);
  }
}
