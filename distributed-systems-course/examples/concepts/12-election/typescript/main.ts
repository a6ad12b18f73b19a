/**
 * Who leads? Two rules, while the leader is cut off. Run it with a seed: node main.ts 7
 *
 * Three nodes. Ten times a second one seat is for sale, at whoever leads: two leaders sell it
 * twice. Node 1 leads, is cut off from the others for a while, and comes back.
 */

import { type Draw, chance, play } from "../../luck.ts";

const EVENING_S = 30;
const CUT_AT_S = 5;
const CUT_S = 10;
const STEP_S = 0.1;
const ELECTION_S = 1;
const [NODES, MAJORITY] = [3, 2];

class Node {
  term = 1;
  vote = 1;
  leads: boolean;
  private until = 0;
  readonly id: number;
  private readonly draw: Draw;

  constructor(id: number, draw: Draw) {
    [this.id, this.draw, this.leads] = [id, draw, id === 1];
    this.hear(0);
  }

  /** All is well, and is believed to be so until then. Each node has a patience of its own. */
  private hear(now: number): void {
    this.until = now + ELECTION_S * (1 + this.draw());
  }

  /** The lowest number that I hear leads. */
  byNumber(now: number, heard: Node[]): void {
    if (heard.some((other) => other.id < this.id)) this.hear(now);
    this.leads = this.id === 1 || now > this.until;
  }

  /** Whoever has a majority's votes leads its term. */
  byVotes(now: number, heard: Node[]): void {
    const newest = Math.max(this.term, ...heard.map((other) => other.term));
    if (newest > this.term) [this.term, this.vote, this.leads] = [newest, 0, false];
    const well = this.leads
      ? 1 + heard.length >= MAJORITY // a leader that hears no majority ends it
      : heard.some((other) => other.leads && other.term === this.term);
    if (well) this.hear(now);
    else if (now > this.until) this.campaign(now, heard);
  }

  private campaign(now: number, heard: Node[]): void {
    [this.term, this.vote] = [this.term + 1, this.id];
    this.hear(now);
    const votes = 1 + heard.filter((other) => other.votesFor(this, now)).length;
    this.leads = votes >= MAJORITY;
  }

  /** One vote a term. */
  private votesFor(candidate: Node, now: number): boolean {
    if (candidate.term > this.term) {
      [this.term, this.vote, this.leads] = [candidate.term, candidate.id, false];
      this.hear(now);
    }
    return this.term === candidate.term && this.vote === candidate.id;
  }
}

function run(draw: Draw, name: string, rule: "byNumber" | "byVotes", disks: number): void {
  const nodes = Array.from({ length: NODES }, (_, i) => new Node(i + 1, draw));
  let [two, twice, alone] = [0, 0, 0];
  for (let step = 0; step < Math.round(EVENING_S / STEP_S); step++) {
    const now = step * STEP_S;
    const cut = CUT_AT_S <= now && now < CUT_AT_S + CUT_S;
    const sells: number[] = [];
    for (const node of nodes) {
      const heard = nodes.filter((o) => o !== node && !(cut && (o.id === 1 || node.id === 1)));
      node[rule](now, heard);
      if (node.leads && 1 + heard.length >= disks) sells.push(node.id);
    }
    if (nodes.filter((node) => node.leads).length > 1) two += 1;
    if (sells.length > 1) twice += 1;
    if (cut && sells.includes(1)) alone += 1;
  }
  const cell = (text: number | string, width: number) => String(text).padStart(width);
  const cells = [cell((two * STEP_S).toFixed(1), 8), "s", cell(twice, 11), cell(alone, 16)];
  console.log([name.padEnd(38), ...cells].join(" "));
}

function main(seed: number): void {
  console.log(
    "who leads, and when it says OK         two leaders  sold twice  sold by node 1, cut",
  );
  run(chance(seed), "the lowest number heard; its own disk", "byNumber", 1);
  run(chance(seed), "a majority's votes; its own disk", "byVotes", 1);
  run(chance(seed), "a majority's votes; a majority's disks", "byVotes", 2);
}

play(main);
