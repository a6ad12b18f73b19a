/**
 * Step 1: one machine. Keys, and what they hold.
 *
 * The store is a state machine: a command goes in with its time. No clock, no socket, no disk. What
 * a call leaves in `save` has to be on the disk before anything leaves: messages and answers wait.
 */

export type Entry = [time: number, node: number, name: string, ...words: any[]]; // of the log
/** Its first letter says what it is: +OK  -ERR ...  :1  $text; null: there is none. */
export type Answer = string | null;
export type Message = [kind: string, ...words: any[]];
export type Change = [key: string, value: string | null]; // a value of null: it goes

export class Store {
  readonly id: number;
  readonly addresses: Map<number, string>;
  data = new Map<string, string>();
  save: Entry[] = [];
  send: [to: number, message: Message][] = [];
  answers: [client: number, answer: Answer][] = [];

  constructor(id: number, addresses: Map<number, string>) {
    this.id = id;
    this.addresses = addresses;
  }

  /** A client's command: get KEY, set KEY VALUE, set KEY VALUE nx, del KEY. */
  ask(now: number, client: number, words: string[], ..._: unknown[]): void {
    const [answer, change] = this.decide(words);
    if (change !== null) this.record(now, "put", ...change);
    this.answers.push([client, answer]);
  }

  /** What the answer is, and what changes. */
  protected decide(words: string[]): [Answer, Change | null] {
    const [name, key, value, option] = words as [string, string, string, string?];
    const there = this.data.has(key);
    if (name === "get") return [there ? "$" + this.data.get(key) : null, null];
    if (name === "del") return there ? [":1", [key, null]] : [":0", null];
    if (option === "nx" && there) return [null, null]; // somebody was first
    return ["+OK", [key, value]];
  }

  /** To the log, and done. */
  protected record(now: number, name: string, ...words: any[]): void {
    const entry: Entry = [now, this.id, name, ...words];
    this.save.push(entry);
    this.apply(entry);
  }

  /** What the log says is done: now, and again after a restart. */
  apply([, , , key, value]: Entry): void {
    if (value === null) this.data.delete(key);
    else this.data.set(key, value);
  }

  /** Another node says something. There is none yet. */
  receive(_now: number, _sender: number, _message: Message): void {}

  /** Time passes. */
  tick(_now: number): void {}
}
