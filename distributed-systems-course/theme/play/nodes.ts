// How a process looks: its name, whether it is up, down, paused or cut off, its role, and what it
// holds. The same shapes in lanes, in a cluster and on the dashboard; no state is told by colour
// alone, each has a shape and a word.

import { drawn, element, write } from "./element.ts";

export type Condition = "up" | "down" | "paused" | "cut";

export interface NodeState {
  is: Condition;
  role?: string; // leader, candidate, follower; others have the shape of none
  facts: readonly Fact[];
}

export interface Fact {
  name: string; // "holds", "term", "commit"
  value: string; // empty: nothing, which is shown as a dash
}

const SIDE = 22; // of the shape's square

// Outlines in a square of 22 by 22: a role is a form, a condition what lies upon it. A lane's process
// that has no role has the form of what it does (tools/spacetime.py).
const FORMS: Record<string, string> = {
  keeps: "M4.5 3h13q2 0 2 2v12q0 2-2 2h-13q-2 0-2-2v-12q0-2 2-2z",
  works: "M6.5 3h9l5 8-5 8h-9l-5-8z",
  leader: "M11 1.5 13.8 8l7 .6-5.3 4.6 1.6 6.9-6.1-3.7-6.1 3.7 1.6-6.9L1.2 8.6l7-.6z",
  candidate: "M11 2 20.5 19.5H1.5z",
  none: "M11 2.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17z",
};
const OVERLAYS: Record<Condition, string> = {
  up: "",
  down: "M4 4 18 18M18 4 4 18",
  paused: "M8.5 6.5v9M13.5 6.5v9",
  cut: "M1 21 21 1",
};
const WORDS: Record<Condition, string> = {
  up: "up",
  down: "down",
  paused: "paused",
  cut: "cut off",
};

// The shape alone, for whoever draws a node in a picture of its own: an <svg> of SIDE by SIDE.
export class Shape {
  readonly svg: SVGSVGElement;
  private readonly form = drawn("path", { class: "play-form" });
  private readonly overlay = drawn("path", { class: "play-overlay" });

  constructor() {
    const attributes = {
      viewBox: `0 0 ${SIDE} ${SIDE}`,
      class: "play-shape",
      "aria-hidden": "true",
    };
    this.svg = drawn("svg", attributes, this.form, this.overlay);
  }

  show(state: NodeState, does = "none"): void {
    this.svg.dataset.is = state.is;
    this.form.setAttribute("d", FORMS[state.role ?? does] ?? FORMS["none"]!);
    this.overlay.setAttribute("d", OVERLAYS[state.is]);
  }
}

// The words beside the shape: "leader", "follower, paused".
export function wordsOf(state: NodeState): string {
  const condition = state.role && state.is === "up" ? "" : WORDS[state.is];
  return [state.role ?? "", condition].filter(Boolean).join(", ");
}

export class NodeView {
  readonly element: HTMLElement;
  private readonly shape = new Shape();
  private readonly does: string | undefined;
  private readonly words: HTMLElement;
  private readonly facts: HTMLElement;
  private shown: NodeState | null = null;

  constructor(name: string, does?: string) {
    this.does = does;
    this.words = element("span", { class: "play-words" });
    this.facts = element("dl", { class: "play-facts" });
    const head = element("div", { class: "play-name" }, this.shape.svg, element("b", {}, name));
    this.element = element("div", { class: "play-node" }, head, this.words, this.facts);
    if (does) this.element.dataset.lane = does;
  }

  show(state: NodeState): void {
    if (state === this.shown) return;
    this.shown = state;
    this.element.dataset.is = state.is;
    this.shape.show(state, this.does);
    write(this.words, wordsOf(state));
    this.facts.replaceChildren(
      ...state.facts.map(({ name, value }) =>
        element("div", {}, element("dt", {}, name), element("dd", {}, value || "–")),
      ),
    );
  }
}
