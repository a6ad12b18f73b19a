// Lanes that play: the still picture of tools/spacetime.py, brought to life in place. There are two
// svgs of a run, for wide and for narrow pages, and one of them is seen (picture.ts).

import { element, icon } from "./element.ts";
import { detailsOf, framesOf, runOf, told } from "./frames.ts";
import type { Frame, Run } from "./frames.ts";
import { NodeView } from "./nodes.ts";
import { Picture } from "./picture.ts";
import { ICONS, reducedMotion, Timeline } from "./timeline.ts";
import type { Track } from "./timeline.ts";

const MARGIN_PX = 60; // between what happens now and the bars above and below
const LEAP_PX = 40;

class Lanes implements Track {
  readonly known: number;
  readonly heads: HTMLElement;
  readonly details = element("dl", { class: "play-details" });
  bars: { above: Element; below: Element } | null = null; // what covers a part of the window
  begun = (_: boolean): void => {}; // told whether anything has happened yet
  away = false; // the reader has scrolled: nobody is pulled back
  private readonly run: Run;
  private readonly frames: Frame[];
  private readonly pictures: Picture[];
  private readonly nodes: Map<string, NodeView>;
  private at = 0;
  private lookedAt = -1;

  constructor(run: Run, pictures: Picture[]) {
    this.run = run;
    this.frames = framesOf(run);
    this.known = run.steps.length;
    this.pictures = pictures;
    this.nodes = new Map(run.lanes.map((name) => [name, new NodeView(name, run.does?.[name])]));
    this.heads = element("div", { class: "play-heads" });
    this.heads.append(...[...this.nodes.values()].map((node) => node.element));
  }

  // Nobody has a role, and all stay up.
  get quiet(): boolean {
    return this.frames.every((frame) =>
      [...frame.values()].every((state) => state.is === "up" && !state.role),
    );
  }

  reach(n: number): boolean {
    return n <= this.known;
  }

  show(position: number): void {
    for (const picture of this.pictures) picture.show(position);
    this.begun(position > 0);
    if (Math.floor(position) === this.at && this.lookedAt >= 0) return;
    this.at = Math.floor(position);
    for (const [name, state] of this.frames[this.at] ?? []) this.nodes.get(name)?.show(state);
    this.look(this.at);
  }

  // The page follows what happens, so far as the bars leave it in sight.
  follow(position: number): void {
    const picture = this.pictures.find((one) => one.seen);
    if (!picture || !this.bars || this.away) return;
    const y = picture.top + picture.y(position) * picture.scale;
    const stuck = Number.parseFloat(getComputedStyle(this.bars.above).top) || 0;
    const first = stuck + this.bars.above.getBoundingClientRect().height + MARGIN_PX;
    const last = innerHeight - this.bars.below.getBoundingClientRect().height - MARGIN_PX;
    const far = y > last ? y - last : Math.min(0, y - first);
    // A leap upwards would leave mdBook's menu in the middle of the window.
    const smooth = Math.abs(far) > LEAP_PX && !reducedMotion();
    if (far !== 0) scrollBy({ top: far, behavior: smooth ? "smooth" : "instant" });
  }

  tell(n: number): string {
    const step = this.run.steps[n - 1];
    return step ? told(step) : "The beginning: play, or step";
  }

  question(n: number) {
    return this.run.asks?.[n];
  }

  waits(n: number | null): void {
    for (const picture of this.pictures) picture.wait(n);
  }

  takesMs(n: number): number {
    const kind = this.run.steps[n - 1]?.kind;
    return kind === "message" ? 1400 : kind === "sent" ? 600 : 1100;
  }

  // Up and down look at what has happened, without moving to it.
  key(key: string): string | null {
    const step = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
    if (step === 0) return null;
    return this.look(Math.min(Math.max(1, this.lookedAt + step), this.at));
  }

  // Shows what is known of a step that has happened. Returns it in words.
  look(n: number): string | null {
    if (n > this.at) return null;
    this.lookedAt = n;
    for (const picture of this.pictures) picture.mark(n === this.at ? null : n);
    const entry = ([name, value]: [string, string]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value));
    this.details.replaceChildren(...detailsOf(this.run, n).map(entry));
    return `Step ${n}. ${this.tell(n)}`;
  }
}

// What the caption tells in words, and the description of the picture likewise, would answer the
// questions. The one is folded until all are answered, or somebody unfolds it; the other is not read
// out until then.
function keepSecret(figure: HTMLElement, questions: number): void {
  const caption = figure.querySelector("figcaption");
  const title = caption?.querySelector("strong");
  if (!caption || !title) return;
  const words = element("span");
  words.append(...[...caption.childNodes].filter((node) => node !== title));
  const summary = element("summary", {}, "What it shows, in words: it tells the end");
  const details = element("details", { class: "play-told" }, summary, words);
  caption.append(details);
  const described = [...figure.querySelectorAll("svg.spacetime")].map((svg) => {
    const names = svg.getAttribute("aria-labelledby") ?? "";
    svg.setAttribute("aria-labelledby", names.split(" ")[0] ?? "");
    return { svg, names };
  });
  let answered = 0;
  figure.addEventListener("quartet:answered", () => {
    answered += 1;
    if (answered < questions) return;
    details.open = true;
    for (const { svg, names } of described) svg.setAttribute("aria-labelledby", names);
  });
}

// An empty picture would look broken: it says how to begin.
function beginning(lanes: Lanes, timeline: Timeline): HTMLElement {
  const words = `Play its ${lanes.known} steps`;
  const made = element("button", { type: "button", class: "play-begin" }, icon(ICONS.play), words);
  made.addEventListener("click", () => timeline.play());
  lanes.begun = (yes) => {
    if (made.hidden === yes) return;
    if (made === document.activeElement) timeline.focus();
    made.hidden = yes;
  };
  lanes.begun(timeline.position > 0);
  return made;
}

export function mountLanes(figure: HTMLElement, data: unknown): void {
  const run = runOf(data);
  const pictures = [...figure.querySelectorAll<SVGSVGElement>("svg.spacetime")].map(
    (svg) => new Picture(svg),
  );
  const place = figure.querySelector(".picture");
  if (pictures.length === 0 || !place) throw new Error("no picture to play");
  const lanes = new Lanes(run, pictures);
  const asks = Object.keys(run.asks ?? {}).length > 0;
  const timeline = new Timeline(figure, lanes, {
    label: figure.querySelector("figcaption strong")?.textContent ?? "the picture",
    at: asks ? 0 : lanes.known,
  });
  const box = element("div", { class: "play-box" });
  place.before(box);
  box.append(lanes.heads, place, timeline.element);
  timeline.element.append(lanes.details);
  place.prepend(element("div", { class: "play-beginning" }, beginning(lanes, timeline)));
  lanes.bars = { above: lanes.heads, below: timeline.element };
  if (lanes.quiet) lanes.heads.classList.add("quiet");
  if (run.lanes.length > 3) lanes.heads.classList.add("many");
  lanes.heads.style.setProperty("--lanes", String(run.lanes.length));
  for (const picture of pictures) {
    picture.svg.addEventListener("click", (event) => {
      const words = lanes.look(picture.stepAt(event.clientY));
      if (words) timeline.say(words);
    });
  }
  for (const kind of ["wheel", "touchmove"]) {
    addEventListener(kind, () => (lanes.away = true), { passive: true });
  }
  for (const kind of ["click", "keydown"]) {
    timeline.element.addEventListener(kind, () => (lanes.away = false), { capture: true });
  }
  if (asks) keepSecret(figure, Object.keys(run.asks ?? {}).length);
  figure.classList.add("plays");
}
