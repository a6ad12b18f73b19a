/**
 * The server: sockets, the clock, the log. Given, not taught.
 *
 *     node server.ts step4 1      node 1 of three on this machine, its clients at port 6379
 *
 * It is the world around the state machines of a step: it tells them the time and what was said;
 * what they leave in `save` goes to the disk first, and then their messages and answers leave.
 */

import net from "node:net";
import { join } from "node:path";

import * as admin from "./admin.ts";
import { STEPS, asFarAs, nodeOf } from "./nodes.ts";
import { Peers } from "./peers.ts";
import { Session } from "./session.ts";
import { number, refuse, table } from "./settings.ts";

const SLOTS = 16384;
const TICK_MS = 20;
const LATE_S = 0.1; // who stood still for so long hears first, and loses patience then

type Range = [first: number, last: number, nodes: number[]];

const clock = (): number => performance.now() / 1000;

export class Server {
  readonly id: number;
  readonly step: string;
  readonly node: any;
  readonly tokens: boolean;
  readonly unknown: string[];
  readonly sessions = new Map<number, Session>();
  readonly peers: Peers;
  slotOf!: (key: string) => number; // main has to find the store's own
  private readonly addresses: Map<number, string>;
  private readonly log: any;
  private count = 0;
  private last = clock();

  constructor(step: string, id: number, node: any, log: any, peers: Map<number, string>) {
    [this.step, this.id, this.node, this.log] = [step, id, node, log];
    this.addresses = node.addresses;
    this.node.electionS = number("ELECTION_MS", 500 * id) / 1000; // node 1 leads first
    this.node.draw = Math.random;
    const far = asFarAs(step);
    this.tokens = far >= "step5";
    this.unknown = far >= "step3" ? [] : ["consistency"];
    if (far < "step2") this.unknown.push("readonly", "readwrite", "asking");
    this.peers = new Peers(id, peers, (sender, message) => this.heard(sender, message));
    try {
      for (const entry of log.replay()) node.apply(entry);
    } catch (damage) {
      refuse(`${damage}: refusing to start, as data would be lost in silence`);
    }
  }

  // --- the node ----------------------------------------------------------------------------------

  ask(session: Session, words: string[], level: string): void {
    this.node.ask(clock(), session.number, words, level, session.token);
  }

  private heard(sender: number, message: any): void {
    this.node.receive(clock(), sender, message);
    this.flush();
  }

  /** First the disk, then messages and answers: what was acknowledged is never lost. */
  flush(): void {
    const { save, send, answers } = this.node;
    [this.node.save, this.node.send, this.node.answers] = [[], [], []];
    try {
      for (const entry of save) this.log.append(entry);
      if (save.length > 0) this.log.sync();
    } catch (error) {
      // Going on would acknowledge what is not there.
      refuse(`the log cannot be written: ${error}; stopping`);
    }
    for (const [to, message] of send) this.peers.send(to, message);
    for (const [client, answer] of answers) this.sessions.get(client)?.answered(answer);
    for (const session of this.sessions.values()) session.flush();
  }

  tick(): void {
    const [now, before] = [clock(), this.last];
    this.last = now;
    if (now - before >= LATE_S) return;
    this.node.tick(now);
    this.flush();
  }

  opened(socket: net.Socket): void {
    this.count += 1;
    const session = new Session(this, this.count, socket);
    this.sessions.set(session.number, session);
    socket.setNoDelay(true);
    socket.on("data", (data) => session.received(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.sessions.delete(session.number));
  }

  // --- what is known of it -----------------------------------------------------------------------

  stamp(): [number, number] {
    return this.node.stamp ?? [0, 0];
  }

  /** Who has which slots: first, last, the nodes, the owner first. */
  ranges(): Range[] {
    return this.node.ranges?.() ?? [[0, SLOTS - 1, [this.id]]];
  }

  leads(): boolean {
    return this.ranges().some(([, , nodes]) => nodes[0] === this.id);
  }

  knownAs(node: number): [string, number, string] {
    const [host, port] = this.addresses.get(node)!.split(/:(?=\d+$)/) as [string, string];
    return ["$" + host, Number(port), "$" + String(node).padStart(40, "0")];
  }
}

async function main(): Promise<void> {
  const [step, word] = [process.argv[2] ?? "", process.argv[3] ?? process.env.NODE ?? "1"];
  if (process.argv.length > 4 || !STEPS.includes(step) || !/^\d+$/.test(word)) {
    refuse(`usage: node server.ts ${STEPS.join("|")} [NUMBER OF THE NODE]`);
  }
  const [id, host] = [Number(word), process.env.HOST ?? "127.0.0.1"];
  const ids = step === "step1" ? [1] : [1, 2, 3];
  const [port, adminPort] = [number("PORT", 6378 + id), number("ADMIN", 8999 + id)];
  const peerPort = number("PEER_PORT", 7000 + id);
  const at = (first: number) =>
    new Map(ids.map((node): [number, string] => [node, `127.0.0.1:${first + node}`]));
  const [addresses, peers] = [table("NODES", at(6378)), table("PEERS", at(7000))];
  if (!addresses.has(id) || [...addresses.keys()].some((node) => !peers.has(node))) {
    refuse(`there is no node ${id}; there are ${[...addresses.keys()].sort().join(", ")}`);
  }
  const Node = await nodeOf(step);
  const { Log } = await import(join(import.meta.dirname, step, "log.ts"));
  const log = new Log(process.env.DATA ?? `data/${id}`);
  const server = new Server(step, id, new Node(id, addresses), log, peers);
  const slots = join(import.meta.dirname, step === "mine" ? step : "step2", "slots.ts");
  server.slotOf = (await import(slots)).slotOf;
  const refused = (error: Error) =>
    refuse(`cannot listen: ${error.message} (is another store, or the shop, still up?)`);
  const clients = net.createServer((socket) => server.opened(socket)).on("error", refused);
  admin.start(server, host, adminPort).on("error", refused);
  if (asFarAs(step) >= "step3") server.peers.start(host, peerPort).on("error", refused);
  setInterval(() => server.tick(), TICK_MS);
  clients.listen(port, host, () => console.log(`node ${id} of ${step} listens at ${host}:${port}`));
  for (const signal of ["SIGTERM", "SIGINT"]) {
    process.on(signal, () => {
      server.flush();
      console.log("stopped");
      process.exit(0);
    });
  }
}

if (import.meta.main) await main();
