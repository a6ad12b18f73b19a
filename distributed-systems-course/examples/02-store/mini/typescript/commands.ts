/** What a client's commands do: some are answered here, the rest is asked of the node. Given. */

import { type Session, type Stamp, atLeast } from "./session.ts";
import * as wire from "./wire.ts";

const READS = ["local", "session", "linearizable"];
const WRITES = ["leader", "majority", "all"];
/** How many words, what it does, where its first and last key are. */
const KEYED: Record<string, wire.Reply[]> = {
  get: [2, ["+readonly"], 1, 1, 1],
  set: [-3, ["+write"], 1, 1, 1],
  del: [2, ["+write"], 1, 1, 1],
};
const LEVELED: Record<string, wire.Reply[]> = { consistency: [-2, [], 3, 3, 1] };

export function handle(session: Session, words: string[]): void {
  const name = words[0]!.toLowerCase();
  let error = wire.errorOf(words);
  if (error === null && session.server.unknown.includes(name)) {
    error = `-ERR unknown command '${words[0]}'`;
  }
  if (error !== null) session.say(error);
  else if (Object.hasOwn(KEYED, name)) session.ask(words, "");
  else if (Object.hasOwn(HANDLERS, name)) HANDLERS[name]!(session, ...words.slice(1));
  else session.say("+OK"); // client, asking: heard, and nothing else
}

const HANDLERS: Record<string, (session: Session, ...words: string[]) => void> = {
  ping: (session) => session.say("+PONG"),
  echo: (session, text) => session.say("$" + text),
  quit: (session) => {
    session.say("+OK");
    session.close();
  },
  readonly: (session) => {
    session.local = true;
    session.say("+OK");
  },
  readwrite: (session) => {
    session.local = false;
    session.say("+OK");
  },
  command: (session) => {
    const there = session.server.unknown.includes("consistency") ? KEYED : { ...KEYED, ...LEVELED };
    session.say(Object.entries(there).map(([name, row]) => ["$" + name, ...row]));
  },
  info: (session) => {
    const role = session.server.leads() ? "master" : "slave";
    const lines = ["redis_version:7.0.0", "cluster_enabled:1", "loading:0", `role:${role}`];
    session.say("$" + lines.map((line) => `${line}\r\n`).join(""));
  },
  cluster: (session, what, ...words) => onCluster(session, what!.toLowerCase(), words),
  consistency: (session, first, ...words) => onConsistency(session, first!.toLowerCase(), words),
};

function onCluster(session: Session, what: string, words: string[]): void {
  const ranges = session.server.ranges();
  if (what === "slots" && ranges.length === 0) session.say("-CLUSTERDOWN no leader");
  else if (what === "slots") {
    const known = (node: number) => session.server.knownAs(node);
    session.say(ranges.map(([first, last, nodes]) => [first, last, ...nodes.map(known)]));
  } else if (what === "info") {
    session.say(`$cluster_state:${ranges.length > 0 ? "ok" : "fail"}\r\n`);
  } else if (what === "keyslot" && words.length === 1) {
    session.say(session.server.slotOf(words[0]!));
  } else if (what === "myid") {
    session.say("$" + String(session.server.id).padStart(40, "0"));
  } else session.say("-ERR syntax error");
}

function onConsistency(session: Session, what: string, words: string[]): void {
  const reads = session.server.tokens ? READS : READS.slice(0, 1);
  const levels: Record<string, string[]> = { read: reads, write: WRITES };
  const there = Object.hasOwn(levels, what);
  const word = words[0]?.toLowerCase() ?? "";
  const token = words.length === 1 ? stampOf(words[0]!) : null;
  if (there && words.length === 1 && levels[what]!.includes(word)) {
    session.levels[what] = word;
    session.say("+OK");
  } else if (there && words.length === 0) {
    const usual = session.server.tokens ? "linearizable" : "leader";
    session.say("$" + (session.levels[what] || usual));
  } else if (what === "token" && words.length === 0 && session.server.tokens) {
    session.say(`$0:${session.token[0]}:${session.token[1]}`);
  } else if (what === "after" && token !== null && session.server.tokens) {
    if (atLeast(token, session.token)) session.token = token;
    session.say("+OK");
  } else once(session, what, words, reads);
}

/** A level for one command. */
function once(session: Session, level: string, words: string[], reads: string[]): void {
  const fits = word(words) === "get" ? reads : ["set", "del"].includes(word(words)) ? WRITES : [];
  const error = fits.includes(level) ? wire.errorOf(words) : "-ERR syntax error";
  if (error === null) session.ask(words, level);
  else session.say(error);
}

function word(words: string[]): string {
  return words[0]?.toLowerCase() ?? "";
}

/** Of 0:term:version; null if it is none. */
function stampOf(token: string): Stamp | null {
  const found = /^\d+:(\d+):(\d+)$/.exec(token);
  return found && [Number(found[1]), Number(found[2])];
}
