// The picture of a simulated cluster: a ring of nodes around the clients, links, and messages under
// way. Each kind of message has a shape of its own and a word, each node what nodes.ts says.

import { becameOf, cutOff, labelOf, lineOf } from "./cluster-words.ts";
import type { Entry, Message, SimNode, State } from "./cluster-world.ts";
import type { Step } from "./cluster-steps.ts";
import { drawn, element, write } from "./element.ts";
import { NodeView } from "./nodes.ts";
import type { Condition } from "./nodes.ts";

interface Point {
  x: number;
  y: number;
}

// Where nodes stand, in hundredths of the stage; the client stands in CENTRE.
interface Plan {
  width: number;
  height: number;
  nodes: readonly Point[];
  centre: Point;
}

const NARROW_PX = 620; // below, the stage is higher than wide
const at = (x: number, y: number): Point => ({ x, y });
const WIDE: Record<number, Plan> = {
  1: { width: 760, height: 300, nodes: [at(70, 50)], centre: at(22, 50) },
  3: {
    width: 760,
    height: 440,
    nodes: [at(50, 17), at(17, 79), at(83, 79)],
    centre: at(50, 62),
  },
  5: {
    width: 760,
    height: 600,
    nodes: [at(50, 13), at(84, 42), at(78, 85), at(22, 85), at(16, 42)],
    centre: at(50, 55),
  },
};
const NARROW: Record<number, Plan> = {
  1: { width: 360, height: 360, nodes: [at(50, 72)], centre: at(50, 18) },
  3: {
    width: 360,
    height: 520,
    nodes: [at(50, 12), at(25, 50), at(74, 88)],
    centre: at(81, 45),
  },
  5: {
    width: 360,
    height: 700,
    nodes: [at(50, 11), at(76, 37), at(76, 87), at(24, 87), at(24, 37)],
    centre: at(50, 62),
  },
};

const ENTRIES_MAX = 6; // that are drawn; the rest is in the table
const ASKED_MAX = 2; // of what clients asked, the last
const LANE_PX = 7; // messages keep to the right of their link
const HELD_AT = 0.42; // short of the cut

// A message's outline around its own middle.
const SHAPES: Record<string, string> = {
  append: "M-10-9h20v18h-20z",
  ack: "M0-10a10 10 0 1 1 0 20a10 10 0 1 1 0-20z",
  vote: "M0-12 13 10h-26z",
  reply: "M0-11a11 11 0 1 1 0 22a11 11 0 1 1 0-22z",
  client: "M0-12 14 0 0 12-14 0z",
  quiet: "M0-4a4 4 0 1 1 0 8a4 4 0 1 1 0-8z",
};

function shapeOf(message: Message): string {
  if (!message.news) return "quiet";
  switch (message.kind) {
    case "append":
    case "snapshot":
      return "append";
    case "ack":
      return "ack";
    case "pre-vote":
    case "vote":
    case "timeout-now":
      return "vote";
    case "pre-vote-reply":
    case "vote-reply":
      return "reply";
    case "ask":
    case "answer":
    case "forward":
      return "client";
    default:
      return "quiet";
  }
}

class NodeCard {
  readonly element: HTMLElement;
  private readonly view: NodeView;
  private readonly log: HTMLElement;
  private readonly timer: HTMLElement;
  private readonly bar: HTMLElement;
  private shown: State | null = null;

  constructor(id: number, choose: () => void) {
    this.view = new NodeView(`node ${id}`);
    this.log = element("p", { class: "cluster-log" });
    this.bar = element("span");
    this.timer = element("span", { class: "cluster-timer", "aria-hidden": "true" }, this.bar);
    this.element = element(
      "div",
      { class: "cluster-node" },
      this.view.element,
      this.log,
      this.timer,
    );
    this.element.addEventListener("click", choose); // by keyboard: the list of nodes
  }

  show(state: State, node: SimNode, now_us: number): void {
    if (state !== this.shown) this.showState(state, node);
    this.shown = state;
    const left_us = (node.due_us ?? 0) - now_us;
    const part = Math.min(1, Math.max(0, left_us / (2 * state.election_us)));
    this.bar.style.transform = `scaleX(${part.toFixed(3)})`;
  }

  private showState(state: State, node: SimNode): void {
    const is = conditionOf(state, node);
    this.view.show({ is, role: roleOf(node), facts: factsOf(node) });
    this.element.dataset.is = is;
    this.element.dataset.role = node.role ?? "";
    this.timer.hidden = !node.up || node.paused || node.role === "leader" || !node.due_us;
    const boxes = (node.log ?? []).slice(-ENTRIES_MAX).map((entry) => entryBox(node, entry));
    const words = element("span", { class: "cluster-hidden" }, logWords(node));
    this.log.replaceChildren(words, ...boxes);
  }
}

function entryBox(node: SimNode, entry: Entry): HTMLElement {
  const committed = entry.index <= (node.commit ?? 0);
  const onDisk = entry.index <= (node.durable ?? 0);
  const is = committed ? "committed" : onDisk ? "on disk" : "in memory";
  const title = `${entry.words} (term ${entry.term}, ${is})`;
  const attributes = { class: "cluster-entry", "data-is": is, title, "aria-hidden": "true" };
  return element("span", attributes, String(entry.index));
}

function logWords(node: SimNode): string {
  if (!node.last) return "its log is empty";
  return `its log ends at entry ${node.last}, committed up to ${node.commit}`;
}

function conditionOf(state: State, node: SimNode): Condition {
  if (!node.up) return "down";
  if (node.paused) return "paused";
  return cutOff(state, node.id) ? "cut" : "up";
}

function roleOf(node: SimNode): string | undefined {
  return node.role === "pre-candidate" ? "candidate" : node.role;
}

function factsOf(node: SimNode) {
  const vote = node.vote ? `node ${node.vote}` : "nobody";
  return [
    { name: "term", value: String(node.term ?? "") },
    { name: "voted for", value: node.term === undefined ? "" : vote },
    { name: "holds", value: node.holds ?? "" },
  ];
}

interface Flying {
  group: SVGGElement;
  words: string;
}

export class Stage {
  readonly element: HTMLElement;
  private readonly svg: SVGSVGElement;
  private readonly links: SVGGElement;
  private readonly letters: SVGGElement;
  private readonly client: HTMLElement;
  private readonly cards: NodeCard[];
  private readonly under: HTMLElement;
  private readonly flying = new Map<number, Flying>();
  private plan: Plan;
  private linked = "";
  private drawnAt: { step: Step; now_us: number } | null = null;

  constructor(nodes: number, choose: (node: number) => void) {
    this.cards = Array.from({ length: nodes }, (_, i) => new NodeCard(i + 1, () => choose(i + 1)));
    this.client = element("div", { class: "cluster-client" }, element("b", {}, "clients"));
    this.links = drawn("g");
    this.letters = drawn("g");
    this.svg = drawn("svg", { class: "cluster-sky", "aria-hidden": "true" });
    this.svg.append(this.links, this.letters);
    const cards = this.cards.map((card) => card.element);
    this.element = element("div", { class: "cluster-stage" }, this.svg, this.client, ...cards);
    this.under = element("ul", { class: "cluster-under" });
    this.plan = WIDE[nodes]!;
    new ResizeObserver(() => this.arrange()).observe(this.element);
    this.arrange();
  }

  // What is under way, in words: to be put under the stage.
  get messages(): HTMLElement {
    return this.under;
  }

  show(step: Step, now_us: number): void {
    this.drawnAt = { step, now_us };
    const { state } = step;
    state.nodes.forEach((node, i) => this.cards[i]!.show(state, node, now_us));
    this.showClients(state);
    this.showLinks(state);
    this.showMessages(step, now_us);
  }

  tellMessages(state: State): void {
    const lines = state.messages.filter((one) => one.news || one.held).map(lineOf);
    const known = lines.join("\n");
    if (this.under.dataset.known === known) return;
    this.under.dataset.known = known;
    const items = lines.length > 0 ? lines : ["Nothing but heartbeats is under way."];
    this.under.replaceChildren(...items.map((line) => element("li", {}, line)));
  }

  mark(node: number): void {
    this.cards.forEach((card, i) => card.element.classList.toggle("chosen", i + 1 === node));
  }

  private arrange(): void {
    const plans = this.element.clientWidth < NARROW_PX ? NARROW : WIDE;
    this.plan = plans[this.cards.length] ?? plans[5]!;
    const { width, height, nodes, centre } = this.plan;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.element.style.aspectRatio = `${width} / ${height}`;
    this.element.classList.toggle("narrow", plans === NARROW);
    this.cards.forEach((card, i) => place(card.element, nodes[i]!));
    place(this.client, centre);
    this.linked = "";
    if (this.drawnAt) this.show(this.drawnAt.step, this.drawnAt.now_us);
  }

  private point(id: number): Point {
    const { width, height, nodes, centre } = this.plan;
    const one = id === 0 ? centre : nodes[id - 1]!;
    return { x: (one.x * width) / 100, y: (one.y * height) / 100 };
  }

  // Half the size of a card, in the units of the picture.
  private half(id: number): Point {
    const card = id === 0 ? this.client : this.cards[id - 1]!.element;
    const scale = this.plan.width / (this.element.clientWidth || this.plan.width);
    return { x: (card.offsetWidth / 2 + 6) * scale, y: (card.offsetHeight / 2 + 6) * scale };
  }

  // From the edge of one card to the edge of another, on the right side of the link.
  private way(from: number, to: number): [Point, Point] {
    const [a, b] = [this.point(from), this.point(to)];
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy) || 1;
    const edge = (half: Point) =>
      Math.min(half.x / Math.max(Math.abs(dx), 1e-6), half.y / Math.max(Math.abs(dy), 1e-6));
    const begin = Math.min(0.45, edge(this.half(from)));
    const end = Math.min(0.45, edge(this.half(to)));
    const [ox, oy] = [(-dy / length) * LANE_PX, (dx / length) * LANE_PX];
    return [
      at(a.x + dx * begin + ox, a.y + dy * begin + oy),
      at(b.x - dx * end + ox, b.y - dy * end + oy),
    ];
  }

  private showClients(state: State): void {
    const lines = state.asked.slice(-ASKED_MAX).map(becameOf);
    const known = lines.join("\n");
    if (this.client.dataset.known === known) return;
    this.client.dataset.known = known;
    const rows = lines.map((line) => element("span", { class: "cluster-asked" }, line));
    this.client.replaceChildren(element("b", {}, "clients"), ...rows);
  }

  private showLinks(state: State): void {
    const known = JSON.stringify(state.cuts);
    if (this.linked === known) return;
    this.linked = known;
    const lines: SVGElement[] = [];
    const cut = (a: number, b: number) => state.cuts.some(([x, y]) => x === a && y === b);
    for (let a = 0; a <= this.cards.length; a++) {
      for (let b = a + 1; b <= this.cards.length; b++) {
        const [p, q] = [this.point(a), this.point(b)];
        const kind = a === 0 ? "to-client" : cut(a, b) ? "is-cut" : "";
        lines.push(
          drawn("line", { class: `cluster-link ${kind}`, x1: p.x, y1: p.y, x2: q.x, y2: q.y }),
        );
        if (kind === "is-cut") {
          const cross = drawn("path", { class: "cluster-cut", d: "M-9-9 9 9M9-9-9 9" });
          const [x, y] = [(p.x + q.x) / 2, (p.y + q.y) / 2];
          cross.setAttribute("transform", `translate(${x} ${y})`);
          lines.push(cross);
        }
      }
    }
    this.links.replaceChildren(...lines);
  }

  private showMessages(step: Step, now_us: number): void {
    const here = new Set<number>();
    const ends = new Set(step.state.messages.map((one) => one.id));
    for (const message of step.passing) {
      const over = now_us >= message.due_us && !message.held && !ends.has(message.id);
      const late = now_us > message.due_us && !message.held; // its receiver stands still
      if (now_us < message.sent_us || over) continue;
      here.add(message.id);
      this.move(message, late ? 1 : this.partOf(message, now_us));
    }
    for (const [id, one] of this.flying) {
      if (here.has(id)) continue;
      one.group.remove();
      this.flying.delete(id);
    }
  }

  private partOf(message: Message, now_us: number): number {
    const part = (now_us - message.sent_us) / Math.max(1, message.due_us - message.sent_us);
    return Math.min(message.held ? HELD_AT : 1, Math.max(0, part));
  }

  private move(message: Message, part: number): void {
    let one = this.flying.get(message.id);
    if (!one) {
      one = { group: letterOf(message), words: message.words };
      this.flying.set(message.id, one);
      this.letters.append(one.group);
    }
    const [from, to] = this.way(message.from, message.to);
    const x = from.x + (to.x - from.x) * part;
    const y = from.y + (to.y - from.y) * part;
    one.group.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    one.group.classList.toggle("held", message.held);
  }
}

function place(card: HTMLElement, point: Point): void {
  card.style.left = `${point.x}%`;
  card.style.top = `${point.y}%`;
}

function letterOf(message: Message): SVGGElement {
  const shape = shapeOf(message);
  const group = drawn("g", { class: "cluster-letter", "data-kind": shape });
  group.append(drawn("path", { d: SHAPES[shape] ?? SHAPES["quiet"]! }));
  const label = message.news ? labelOf(message) : "";
  if (label) {
    const beside = label.length > 3;
    const text = drawn("text", beside ? { x: 18, y: 5 } : { x: 0, y: 5, "text-anchor": "middle" });
    text.classList.toggle("beside", beside);
    write(text, label);
    group.append(text);
  }
  return group;
}
