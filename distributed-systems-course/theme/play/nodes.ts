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
  value: string;
}

const SIDE = 22; // of the shape's square

// Outlines in a square of 22 by 22: a role is a form, a condition what lies upon it.
const FORMS: Record<string, string> = {
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
const WORDS: Record<Condition, string> = { up: "", down: "down", paused: "paused", cut: "cut off" };

export class NodeView {
  readonly element: HTMLElement;
  private readonly form: SVGPathElement;
  private readonly overlay: SVGPathElement;
  private readonly role: HTMLElement;
  private readonly facts: HTMLElement;
  private shown = "";

  constructor(name: string) {
    const svg = drawn("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, class: "play-shape" });
    svg.setAttribute("aria-hidden", "true");
    this.form = drawn("path", { class: "play-form" });
    this.overlay = drawn("path", { class: "play-overlay" });
    svg.append(this.form, this.overlay);
    this.role = element("span", { class: "play-role" });
    this.facts = element("span", { class: "play-facts" });
    const head = element("span", { class: "play-head" }, svg, element("b", {}, name), this.role);
    this.element = element("div", { class: "play-node" }, head, this.facts);
  }

  show(state: NodeState): void {
    const known = JSON.stringify(state);
    if (known === this.shown) return;
    this.shown = known;
    this.element.dataset.is = state.is;
    this.element.dataset.role = state.role ?? "";
    this.form.setAttribute("d", FORMS[state.role ?? "none"] ?? FORMS["none"]!);
    this.overlay.setAttribute("d", OVERLAYS[state.is]);
    write(this.role, [state.role ?? "", WORDS[state.is]].filter(Boolean).join(", "));
    write(this.facts, state.facts.map((fact) => `${fact.name} ${fact.value}`).join(" · "));
  }
}
