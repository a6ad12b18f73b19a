/**
 * A person who chats, as a program: posts to one room, reads it, and writes down both.
 *
 * What was sent and not answered is kept, and sent again as it was, at whichever node answers next:
 * under its number it stands in the room once. The room is read on behind the last number that was
 * seen. What is written down is for a judge.
 */

import fs from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const SILENCE_MS = 5000; // a node that says nothing for so long is left
const AGAIN_MS = 300;
const PROCESSES = 1_000_000; // each person has so many numbers for its histories

type Message = { type: string; [member: string]: unknown };

class Chatter {
  stopping = false;
  private readonly name: string;
  private readonly room: string;
  private readonly nodes: string[];
  private readonly pauseMs: number;
  private readonly path: string;
  private readonly run = Date.now();
  private readonly poster: number; // and the reader is the next one
  private node = -1;
  private identity: object = {};
  private seen = 0;
  private posted = 0;
  private waiting = ""; // the text that is not answered
  private joined = false;

  constructor(
    name: string,
    person: number,
    nodes: string,
    room: string,
    results: string,
    ms: number,
  ) {
    [this.name, this.room, this.nodes, this.pauseMs] = [name, room, nodes.split(","), ms];
    this.poster = person * PROCESSES + (this.run % (PROCESSES / 4)) * 2; // a restart is another one
    fs.mkdirSync(results, { recursive: true });
    this.path = join(results, `${name}.jsonl`);
  }

  private note(type: string, process_: number, f: string, value: unknown): void {
    const text = JSON.stringify({ type, process: process_, f, key: this.room, value });
    // Nanoseconds are too many for a number of JavaScript.
    const line = `${text.slice(0, -1)},"time":${process.hrtime.bigint()}}\n`;
    fs.appendFileSync(this.path, line);
  }

  /** The next one, or the last one again. */
  private post(): Message {
    if (this.waiting === "") {
      this.posted += 1;
      this.waiting = `${this.name} ${this.run}: ${this.posted}`;
      this.note("invoke", this.poster, "post", this.waiting);
    }
    return { type: "post", id: this.posted, room: this.room, text: this.waiting };
  }

  private hear(message: Message): void {
    const { type, seq } = message;
    const reader = this.poster + 1;
    if (type === "welcome") {
      const { client, secret, epoch, node } = message;
      this.identity = { client, secret, epoch };
      console.log(`node ${String(node)} takes ${this.name}`);
    } else if (type === "joined" && !this.joined) {
      this.joined = true;
      this.note("invoke", reader, "join", 0);
      this.note("ok", reader, "join", seq);
    } else if (type === "event") {
      this.seen = seq as number;
      this.note("ok", reader, "see", [seq, message["text"]]);
    } else if (type === "gap") {
      this.seen = message["to"] as number;
      this.note("ok", reader, "gap", [message["from"], message["to"]]);
    } else if (type === "ack" && message["id"] === this.posted && this.waiting !== "") {
      this.note("ok", this.poster, "post", seq);
      this.waiting = "";
    }
  }

  /** As long as the connection lasts, or until this one is to stop and owes nothing. */
  private chat(url: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = new WebSocket(url);
      let sent = false; // on this connection
      let [heardAt, postedAt] = [Date.now(), Date.now()];
      const look = setInterval(() => {
        const done = this.stopping && this.waiting === "";
        if (done || Date.now() - heardAt > SILENCE_MS) {
          socket.close();
          return over();
        }
        if (socket.readyState !== WebSocket.OPEN || Date.now() - postedAt < this.pauseMs) return;
        if (sent && this.waiting !== "") return;
        [sent, postedAt] = [true, Date.now()];
        socket.send(JSON.stringify(this.post()));
      }, 10);
      const over = (): void => {
        clearInterval(look);
        resolve();
      };
      socket.onopen = () => {
        const hello = { type: "hello", user: this.name, rooms: { [this.room]: this.seen } };
        socket.send(JSON.stringify({ ...hello, ...this.identity }));
      };
      socket.onmessage = (event) => {
        heardAt = Date.now();
        const message = JSON.parse(String(event.data)) as Message;
        if (message.type !== "error") return this.hear(message);
        if (message["retry"] !== true) throw new Error(`refused: ${String(message["message"])}`);
        socket.close(); // this node cannot do it now: perhaps another can
      };
      socket.onclose = over;
      socket.onerror = over;
    });
  }

  async live(): Promise<void> {
    while (this.waiting !== "" || !this.stopping) {
      this.node = (this.node + 1) % this.nodes.length;
      await this.chat(`ws://${this.nodes[this.node]}/chat`);
      if (!this.stopping) await sleep(AGAIN_MS);
    }
  }
}

const { env } = process;
const [person, pauseMs] = [Number(env["PERSON"] ?? 2), Number(env["PAUSE_MS"] ?? 1000)];
if (!Number.isInteger(person) || !Number.isInteger(pauseMs)) {
  console.error(`PERSON=${env["PERSON"]}, PAUSE_MS=${env["PAUSE_MS"]}: both must be whole numbers`);
  process.exit(1);
}
const chatter = new Chatter(
  env["NAME"] ?? "chatter",
  person,
  env["CHAT"] ?? "localhost:8080,localhost:8081,localhost:8082",
  env["ROOM"] ?? "lobby",
  env["RESULTS"] ?? "results",
  pauseMs,
);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => (chatter.stopping = true));
await chatter.live();
console.log("stopped");
process.exit(0);
