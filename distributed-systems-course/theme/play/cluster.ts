// A living cluster: the project's own simulator in the page, its nodes killed, paused and cut off by
// hand. The data:
//
//     { scene: Scene (cluster-steps.ts), module: where the simulator lies, from the book's root }
//
// The simulator is a classic script that sets `quartetWorld`, the module in base64: from file:// a
// page may neither fetch nor import.

import { ClusterSteps } from "./cluster-steps.ts";
import type { Scene } from "./cluster-steps.ts";
import { Stage } from "./cluster-stage.ts";
import { leaderOf } from "./cluster-words.ts";
import { World } from "./cluster-world.ts";
import type { SimNode, State } from "./cluster-world.ts";
import { element, write } from "./element.ts";
import { reducedMotion, Timeline } from "./timeline.ts";
import type { Track } from "./timeline.ts";

declare const path_to_root: string | undefined; // mdBook's
declare global {
  interface Window {
    quartetWorld?: string;
  }
}

interface ClusterData {
  scene: Scene;
  module: string;
}

const WITHOUT =
  "This picture would play: it is a cluster in a simulator. It stays still here, because ";

const LEGEND =
  "■ entries to append · ● on disk (✓), or a vote (yes, no) · ▲ asks for votes · ◆ of and to " +
  "clients · small points are heartbeats. A filled box is an entry that is committed, a dotted one " +
  "is not on disk yet. The bar under a node runs out when it has heard no leader for too long.";

function loaded(place: string): Promise<Uint8Array<ArrayBuffer>> {
  const decode = () => Uint8Array.from(atob(window.quartetWorld ?? ""), (c) => c.charCodeAt(0));
  if (window.quartetWorld !== undefined) return Promise.resolve(decode());
  return new Promise((resolve, reject) => {
    const script = element("script", {
      src: `${typeof path_to_root === "string" ? path_to_root : ""}${place}`,
    });
    script.addEventListener("load", () => resolve(decode()));
    script.addEventListener("error", () => reject(new Error("the simulator is not in this book.")));
    document.head.append(script);
  });
}

// Steps as a timeline plays them, and what it has shown of them.
class ClusterTrack implements Track {
  readonly steps: ClusterSteps;
  seen = 0;
  private readonly stage: Stage;
  private readonly changed: (state: State) => void;

  constructor(steps: ClusterSteps, stage: Stage, changed: (state: State) => void) {
    this.steps = steps;
    this.stage = stage;
    this.changed = changed;
  }

  get known(): number {
    return this.steps.known;
  }

  reach(n: number): boolean {
    return this.steps.reach(n);
  }

  // Between two steps it is what it was after the first, and messages move.
  show(position: number): void {
    const done = Math.floor(position);
    const part = position - done;
    this.seen = Math.max(this.seen, Math.ceil(position));
    const step = this.steps.step(done);
    const next = part > 0 ? this.steps.step(done + 1) : step;
    const now_us = step.state.now_us + (next.state.now_us - step.state.now_us) * part;
    const passing = part > 0 ? next.passing : step.state.messages;
    this.stage.show({ ...step, passing }, now_us);
    if (part === 0) this.stage.tellMessages(step.state);
    this.changed(step.state);
  }

  tell(n: number): string {
    return this.steps.tell(n);
  }

  takesMs(n: number): number {
    return this.steps.takesMs(n);
  }

  question(n: number) {
    return this.steps.question(n);
  }

  settles(n: number): number {
    return this.steps.settles(n);
  }
}

// What one may do, and to which node.
class Orders {
  readonly element: HTMLElement;
  readonly said: HTMLElement;
  private readonly node: HTMLSelectElement;
  private readonly other: HTMLSelectElement;
  private readonly words: HTMLInputElement;
  private readonly life: HTMLButtonElement;
  private readonly pause: HTMLButtonElement;
  private readonly order: (words: string) => void;
  private state: State | null = null;

  constructor(nodes: number, order: (words: string) => void, chosen: (node: number) => void) {
    const ids = Array.from({ length: nodes }, (_, i) => String(i + 1));
    const options = () => ids.map((id) => element("option", { value: id }, `node ${id}`));
    this.order = order;
    this.said = element("p", { class: "cluster-said", role: "status" });
    this.node = element("select", { "aria-label": "Which node" }, ...options());
    this.other = element("select", { "aria-label": "The other end of the link" }, ...options());
    this.words = element("input", {
      "aria-label": "What to put",
      value: "seat 12",
      maxlength: "40",
    });
    this.node.addEventListener("change", () => chosen(Number(this.node.value)));
    this.life = this.button("Kill", () => this.give(this.now?.up ? "kill" : "restart"));
    this.pause = this.button("Pause", () => this.give(this.now?.paused ? "resume" : "pause"));
    const cut = this.button("Cut off", () => this.give("cut"));
    const link = this.button("Cut the link to", () => this.give("cut", this.other.value));
    const heal = this.button("Heal all links", () => order("heal"));
    const put = this.button("Put", () => this.give("put", this.words.value.trim()));
    this.words.addEventListener("keydown", (event) => {
      event.stopPropagation(); // letters are no orders to the timeline, nor to mdBook
      if (event.key === "Enter") put.click();
    });
    const row = (...parts: HTMLElement[]) => element("div", { class: "cluster-row" }, ...parts);
    this.element = element(
      "div",
      { class: "cluster-orders", role: "group", "aria-label": "What you do to the cluster" },
      row(this.node, this.life, this.pause, cut),
      row(put, this.words),
      row(link, this.other, heal),
      this.said,
    );
    if (nodes === 1) for (const one of [cut, link, this.other, heal]) one.hidden = true;
    else this.other.value = "2";
  }

  choose(node: number): void {
    this.node.value = String(node);
    if (this.state) this.show(this.state);
  }

  show(state: State): void {
    this.state = state;
    const now = this.now;
    write(this.life, now?.up ? "Kill" : "Start again");
    write(this.pause, now?.paused ? "Go on" : "Pause");
    this.pause.disabled = !now?.up;
  }

  private get now(): SimNode | undefined {
    return this.state?.nodes[Number(this.node.value) - 1];
  }

  private give(verb: string, rest = ""): void {
    this.order(`${verb} ${this.node.value}${rest ? ` ${rest}` : ""}`);
  }

  private button(name: string, press: () => void): HTMLButtonElement {
    const made = element("button", { type: "button" }, name);
    made.addEventListener("click", press);
    return made;
  }
}

class Cluster {
  private readonly steps: ClusterSteps;
  private readonly stage: Stage;
  private readonly orders: Orders;
  private readonly track: ClusterTrack;
  private readonly timeline: Timeline;
  private readonly ways: HTMLSelectElement;

  constructor(figure: HTMLElement, world: World, scene: Scene) {
    this.steps = new ClusterSteps(world, scene);
    const choose = (node: number) => {
      this.orders.choose(node);
      this.stage.mark(node);
    };
    this.stage = new Stage(scene.nodes, choose);
    this.orders = new Orders(scene.nodes, (words) => this.order(words), choose);
    this.track = new ClusterTrack(this.steps, this.stage, (state) => this.orders.show(state));
    this.ways = element("select", { "aria-label": "Which way", hidden: "" });
    this.ways.addEventListener("change", () => this.go(Number(this.ways.value)));
    const host = element("div", { class: "cluster play-box" }, this.stage.element);
    const label = figure.querySelector("figcaption strong")?.textContent ?? "the cluster";
    this.timeline = new Timeline(host, this.track, { label });
    const jump = element("button", { type: "button" }, "To the next election");
    jump.addEventListener("click", () => this.jump());
    const again = element("button", { type: "button" }, "Start over");
    again.addEventListener("click", () => this.startOver());
    const row = element("div", { class: "cluster-row" }, jump, again, this.ways);
    const under = element(
      "details",
      { class: "cluster-messages" },
      element("summary", {}, "What is under way"),
      this.stage.messages,
      element("p", { class: "cluster-legend" }, LEGEND),
    );
    host.append(this.timeline.element, row, this.orders.element, under);
    figure.querySelector(".picture")?.after(host);
    figure.classList.add("playing", "plays");
    choose(leaderOf(this.steps.step(0).state)?.id ?? 1);
    this.timeline.draw();
    if (scene.lives && !reducedMotion()) this.live(host);
  }

  // It plays by itself, and rests while it is out of sight. Who has stopped it has stopped it.
  private live(host: HTMLElement): void {
    let resting = true;
    const seen = new IntersectionObserver(([entry]) => {
      const { playing } = this.timeline;
      if (entry?.isIntersecting ? !resting : !playing) return;
      resting = playing;
      if (playing) this.timeline.pause();
      else this.timeline.play();
    });
    seen.observe(host);
  }

  // At the end of the step that is being played.
  private order(words: string): void {
    const playing = this.timeline.playing;
    this.timeline.pause();
    const at = Math.ceil(this.timeline.position);
    const why = this.steps.act(words, at, this.track.seen);
    write(this.orders.said, why ? `Not done. ${why}.` : "");
    if (why) return;
    this.track.seen = at;
    this.listWays();
    this.timeline.seek(at + 1);
    if (playing || !reducedMotion()) this.timeline.play();
  }

  private jump(): void {
    this.timeline.pause();
    const at = this.steps.nextLeader(Math.floor(this.timeline.position));
    write(this.orders.said, at === null ? "Nobody new is elected within half a minute." : "");
    if (at !== null) this.timeline.seek(at);
  }

  private startOver(): void {
    this.timeline.pause();
    this.steps.reset();
    this.track.seen = 0;
    this.listWays();
    this.timeline.seek(0);
  }

  private go(way: number): void {
    this.timeline.pause();
    this.steps.choose(way);
    this.track.seen = this.steps.known;
    this.timeline.seek(Math.min(Math.floor(this.timeline.position), this.steps.known));
  }

  private listWays(): void {
    const count = this.steps.waysCount;
    const options = Array.from({ length: count }, (_, i) =>
      element("option", { value: String(i) }, `Way ${i + 1} of ${count}`),
    );
    this.ways.replaceChildren(...options);
    this.ways.value = String(this.steps.wayNumber);
    this.ways.hidden = count < 2;
  }
}

export function mountCluster(figure: HTMLElement, data: unknown): void {
  const { scene, module } = data as ClusterData;
  const stay = (why: string) => {
    const words = element("p", { class: "cluster-still" }, WITHOUT + why);
    figure.querySelector(".picture")?.after(words);
  };
  if (typeof WebAssembly === "undefined") {
    stay("this browser has no WebAssembly.");
    return;
  }
  loaded(module)
    .then((bytes) => World.load(bytes))
    .then((world) => void new Cluster(figure, world, scene))
    .catch((error: unknown) => {
      console.error("this cluster stays still:", error);
      stay(error instanceof Error ? error.message : "of something unexpected.");
    });
}
