import assert from "node:assert/strict";

import { nodeOf } from "./nodes.ts";

const IDS = [1, 2, 3];
const Make = await nodeOf("mine");
const NONE = "no answer yet";

/** Three nodes, their disks, and all that is said between them. Who is cut hears nobody. */
class Room {
  private now = 100;
  private client = 0;
  private readonly disks = new Map(IDS.map((id): [number, any[]] => [id, []]));
  private readonly answers = new Map<number, any>();
  mail: [from: number, to: number, message: any][] = [];
  cut = new Set<number>();
  readonly nodes = new Map(IDS.map((id): [number, any] => [id, this.start(id)]));

  private start(id: number): any {
    const node = new Make(id, new Map(IDS.map((other) => [other, `store-${other}:6379`])));
    [node.electionS, node.draw] = [1, () => 0];
    for (const entry of this.disks.get(id)!) node.apply(entry);
    return node;
  }

  restart(id: number): void {
    this.mail = this.mail.filter(([from, to]) => from !== id && to !== id);
    this.nodes.set(id, this.start(id));
  }

  private left(id: number): void {
    const node = this.nodes.get(id);
    this.disks.get(id)!.push(...node.save);
    for (const [to, message] of node.send) this.mail.push([id, to, message]);
    for (const [client, answer] of node.answers) this.answers.set(client, answer);
    [node.save, node.send, node.answers] = [[], [], []];
  }

  tick(id: number, after = 0): void {
    this.now += after;
    this.nodes.get(id).tick(this.now);
    this.left(id);
  }

  /** All that is on its way, and what comes of it; with `only`, only what is for that node. */
  deliver(only = 0): void {
    for (let count = 0; count < 10_000; count++) {
      const at = this.mail.findIndex(([, to]) => only === 0 || to === only);
      if (at < 0) return;
      const [from, to, message] = this.mail.splice(at, 1)[0]!;
      if (this.cut.has(from) || this.cut.has(to)) continue;
      this.nodes.get(to).receive(this.now, from, message);
      this.left(to);
    }
    assert.fail("your nodes never stop talking: each message brings forth another one");
  }

  /** With a level, and with a token. */
  ask(id: number, words: string, ...more: any[]): number {
    this.client += 1;
    this.nodes.get(id).ask(this.now, this.client, words.split(" "), ...more);
    this.left(id);
    return this.client;
  }

  heard(client: number): any {
    return this.answers.has(client) ? this.answers.get(client) : NONE;
  }

  /** It loses patience, asks for votes, and hears of them; again, if it had led before. */
  elect(id: number): void {
    this.tick(id);
    for (let i = 0; i < 3; i++) {
      this.deliver();
      if (!this.leads(id)) this.tick(id, 3);
    }
  }

  /** Whoever does not lead sends its customers away, or says that nobody leads. */
  leads(id: number): boolean {
    return !String(this.heard(this.ask(id, "get who"))).startsWith("-");
  }
}

const is = (found: unknown, wanted: unknown, why: string) => assert.deepEqual(found, wanted, why);

// Votes
let room = new Room();
assert.ok(!room.leads(1), "nobody has voted yet, so nobody leads: -CLUSTERDOWN");
room.elect(1);
assert.ok(room.leads(1), "node 1 lost its patience and heard from both others: it leads");
let said = room.heard(room.ask(2, "set seat:1 ben"));
is(said, "-MOVED 5749 store-1:6379", `node 2 sends customers to the leader, not '${said}'`);
room = new Room();
room.tick(1);
room.tick(1, 3);
room.deliver(2); // node 2 has voted for node 1
room.restart(2);
room.mail = [];
room.tick(3);
room.tick(3, 3); // node 3 asks for votes in the same term
room.deliver();
assert.ok(!room.leads(3), "node 2 gave its vote of this term to node 1, restarted, and forgot it");

// Copies, and levels of a write
room = new Room();
room.elect(1);
let write = room.ask(1, "set seat:12 anna nx", "majority");
is(room.heard(write), NONE, "only the leader has it: majority has to wait");
room.deliver();
is(room.heard(write), "+OK", `all have it, and the leader hears so, not '${room.heard(write)}'`);
is(room.nodes.get(3).data.get("seat:12"), "anna", "node 3 has no copy of seat 12");
const taken = room.ask(1, "set seat:12 ben nx");
room.deliver();
is(room.heard(taken), null, "seat 12 is taken: null");
is(room.heard(room.ask(1, "set x y", "leader")), "+OK", "level leader waits for nobody");
room.deliver();
room.cut = new Set([3]);
write = room.ask(1, "set seat:13 anna", "all");
room.deliver();
is(room.heard(write), NONE, "level all waits for node 3");
room.tick(1, 1.1);
room.deliver();
room.tick(1, 0.1);
said = String(room.heard(write));
assert.ok(said.startsWith("-NOTALL"), `after a second, all is -NOTALL, not '${said}'`);

// Levels of a read
const token = room.nodes.get(1).stamp;
is(room.heard(room.ask(3, "get seat:13", "local")), null, "local: node 3 has no seat 13");
const waits = room.ask(3, "get seat:13", "session", token);
is(room.heard(waits), NONE, "session: node 3 knows less than the token, and waits");
room.cut = new Set();
room.tick(1, 0.2);
room.deliver();
is(room.heard(waits), "$anna", "session: node 3 has caught up, and its reader gets an answer");
let read = room.ask(1, "get seat:13", "linearizable");
is(room.heard(read), NONE, "linearizable: nobody has confirmed that node 1 leads");
room.deliver();
is(room.heard(read), "$anna", "linearizable: a majority has echoed the round");
room.cut = new Set([1]);
read = room.ask(1, "get seat:13", "linearizable");
room.deliver();
for (let i = 0; i < 40; i++) room.tick(1, 0.1);
said = room.heard(read);
is(said, "", `cut off, it must not answer, but hang up (an empty text), and not say '${said}'`);

// The leader dies; a node that was away comes back
room.elect(2);
read = room.ask(2, "get seat:12");
room.deliver();
is(room.heard(read), "$anna", "the new leader has all that was acknowledged");
room.ask(2, "set seat:14 carl");
room.deliver();
room.cut = new Set();
room.restart(1);
room.tick(2, 0.2);
room.deliver();
is(room.nodes.get(1).data.get("seat:14"), "carl", "node 1 is back, and it lacks seat 14");
