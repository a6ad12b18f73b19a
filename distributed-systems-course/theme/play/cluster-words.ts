// What happened between two states of a world, in a sentence or two. Pure.

import type { Asked, Message, SimNode, State } from "./cluster-world.ts";

const SENTENCES_MAX = 2; // more than that nobody reads while it plays

const named = (id: number): string => (id === 0 ? "the client" : `node ${id}`);

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

export function leaderOf(state: State): SimNode | undefined {
  return state.nodes
    .filter((node) => node.up && node.role === "leader")
    .sort((a, b) => (b.term ?? 0) - (a.term ?? 0))[0];
}

// All links of the node are cut.
export function cutOff(state: State, id: number): boolean {
  const others = state.nodes.length - 1;
  return others > 0 && state.cuts.filter((pair) => pair.includes(id)).length === others;
}

function ofLife(before: SimNode, now: SimNode): string[] {
  const name = `Node ${now.id}`;
  if (before.up && !now.up) return [`${name} is down`];
  if (!before.up && now.up) return [`${name} starts, with what its disk holds`];
  return [];
}

function ofElection(before: SimNode, now: SimNode): string[] {
  const name = `Node ${now.id}`;
  const said: string[] = [];
  if (now.role !== before.role) {
    if (now.role === "leader")
      said.push(`${name} has a majority of the votes: it leads term ${now.term}`);
    if (now.role === "candidate")
      said.push(`${name} is a candidate, and votes for itself in term ${now.term}`);
    if (now.role === "pre-candidate") {
      said.push(`${name} has heard no leader for too long: it asks who would vote for it`);
    }
    if (before.role === "leader") said.push(`${name} leads no more`);
  }
  if (now.vote && now.vote !== now.id && (now.vote !== before.vote || now.term !== before.term)) {
    said.push(`${name} votes for node ${now.vote} in term ${now.term}`);
  }
  return said;
}

function ofLog(before: SimNode, now: SimNode): string[] {
  const name = `Node ${now.id}`;
  const [last, was] = [now.last ?? 0, before.last ?? 0];
  const said: string[] = [];
  if (last > was) {
    const entry = now.log?.find((one) => one.index === last);
    said.push(`${name} appends entry ${last}${entry ? `: ${entry.words}` : ""}`);
  }
  if (last < was) said.push(`${name} drops what no majority has, from entry ${last + 1} on`);
  if ((now.commit ?? 0) > (before.commit ?? 0)) {
    said.push(
      now.role === "leader"
        ? `A majority has entry ${now.commit} on disk: node ${now.id} commits it`
        : `${name} hears that entry ${now.commit} is committed`,
    );
  } else if ((now.durable ?? 0) > (before.durable ?? 0)) {
    said.push(`${name} has entry ${now.durable} on disk`);
  }
  return said;
}

const OUTCOMES: Record<Asked["outcome"], string> = {
  waiting: "",
  answered: "",
  unknown: "the connection ends: the client cannot know whether it was done",
  unreachable: "nobody listens there: it was not done",
};

// What became of a question so far, in a few words.
export function becameOf(asked: Asked): string {
  const became = {
    waiting: "…",
    answered: asked.reply ?? "",
    unknown: "no answer",
    unreachable: "nobody there",
  };
  return `${asked.words}: ${became[asked.outcome]}`;
}

function ofClients(before: State, now: State): string[] {
  const known = new Map(before.asked.map((one) => [one.number, one.outcome]));
  return now.asked
    .filter((one) => one.outcome !== "waiting" && known.get(one.number) !== one.outcome)
    .map((one) => `“${one.words}”: ${OUTCOMES[one.outcome] || `the client hears ${one.reply}`}`);
}

function ofMessages(before: State, now: State): string[] {
  const known = new Set(before.messages.map((one) => one.id));
  return now.messages
    .filter((one) => one.news && !known.has(one.id))
    .map((one) => `${capital(named(one.from))} to ${named(one.to)}: ${saidBy(one)}`);
}

function ofQuiet(now: State): string {
  const leader = leaderOf(now);
  if (!leader) return "Nobody leads. Each waits for its own time to campaign";
  if (cutOff(now, leader.id)) {
    return `Nothing new: node ${leader.id} leads, as it believes; no other node hears it`;
  }
  return `Nothing new: node ${leader.id} leads, and its heartbeats say so`;
}

export function changesOf(before: State, now: State): string {
  const nodes = now.nodes.map((node, i) => [before.nodes[i]!, node] as const);
  const said = [
    ...nodes.flatMap(([was, is]) => ofLife(was, is)),
    ...ofClients(before, now),
    ...nodes.flatMap(([was, is]) => ofElection(was, is)),
    ...nodes.flatMap(([was, is]) => ofLog(was, is)),
    ...ofMessages(before, now),
  ];
  if (now.failed !== null) said.unshift(`A judge of the simulator stops the run: ${now.failed}`);
  const told = said.slice(0, SENTENCES_MAX).map((one) => (one.endsWith("?") ? one : `${one}.`));
  return told.join(" ") || `${ofQuiet(now)}.`;
}

// Several frames that say the same say it once.
const saidBy = (message: Message): string => [...new Set(message.words.split("; "))].join("; ");

// A message in a word, for the picture.
export function labelOf(message: Message): string {
  switch (message.kind) {
    case "append":
      return /append (\d+)/.exec(message.words)?.[1] ?? "";
    case "ack":
      return message.words.startsWith("have") ? "✓" : "✗";
    case "pre-vote":
    case "vote":
      return "?";
    case "pre-vote-reply":
    case "vote-reply":
      return message.words.endsWith("yes") ? "yes" : "no";
    case "ask":
      return message.words.split(" ")[0] ?? "";
    case "answer":
      return message.words.split(" ")[0] ?? "";
    case "forward":
      return "put";
    default:
      return "";
  }
}

export const lineOf = (message: Message): string =>
  `${named(message.from)} → ${named(message.to)}: ${saidBy(message)}` +
  (message.held ? " (held up: the link is cut, or nobody reads)" : "");
