// Lanes that play: the still picture of tools/spacetime.py, brought to life in place. The picture is
// its own geometry: each <g data-step="N"> is what step N shows, data-until="M" a message that lands
// only in step M, and the svg's data-rows how far down the picture each step reaches.

import { element, drawn, write } from "./element.ts";
import { framesOf, runOf, timeOf, told } from "./frames.ts";
import type { Frame, Run } from "./frames.ts";
import { NodeView } from "./nodes.ts";
import { Timeline } from "./timeline.ts";
import type { Track } from "./timeline.ts";

interface Piece {
  group: SVGGElement;
  step: number;
  until: number;
  line: SVGLineElement | null; // of a message
}

// One svg: there may be two of a run, for wide and for narrow pages, and one of them is shown.
class Picture {
  readonly svg: SVGSVGElement;
  private readonly rows: number[];
  private readonly pieces: Piece[];
  private readonly lives: { line: SVGLineElement; from: number; to: number }[];
  private readonly dots = new Map<Piece, SVGCircleElement>();
  private shown: number | null = null;

  constructor(svg: SVGSVGElement) {
    this.svg = svg;
    this.rows = (svg.dataset.rows ?? "").split(" ").map(Number);
    this.pieces = [...svg.querySelectorAll<SVGGElement>("g[data-step]")].map((group) => ({
      group,
      step: Number(group.dataset.step),
      until: Number(group.dataset.until ?? group.dataset.step),
      line: group.querySelector<SVGLineElement>(".st-arrow"),
    }));
    this.lives = [...svg.querySelectorAll<SVGLineElement>(".st-life")].map((line) => ({
      line,
      from: line.y1.baseVal.value,
      to: line.y2.baseVal.value,
    }));
  }

  // How far down the picture a position is, in the picture's own units.
  y(position: number): number {
    const at = Math.floor(position);
    const from = this.rows[at] ?? 0;
    const to = this.rows[at + 1] ?? from;
    return from + (to - from) * (position - at);
  }

  get scale(): number {
    return this.svg.clientWidth / (this.svg.viewBox.baseVal.width || 1);
  }

  show(position: number): void {
    if (position === this.shown) return;
    const [low, high] = [
      Math.min(position, this.shown ?? 0),
      Math.max(position, this.shown ?? Infinity),
    ];
    for (const piece of this.pieces) {
      if (piece.until < low || piece.step - 1 > high) continue; // nothing of it has changed
      const landed = position >= piece.until || (!piece.line && position > piece.step - 1);
      piece.group.classList.toggle("to-come", !landed);
      this.move(piece, position);
    }
    const now = this.y(position);
    for (const { line, from, to } of this.lives) {
      const part = Math.min(1, Math.max(0, (now - from) / (to - from || 1)));
      line.style.transform = `scaleY(${part})`;
    }
    this.shown = position;
  }

  // A message on its way: a point on its line.
  private move(piece: Piece, position: number): void {
    const { line, step, until } = piece;
    const part = (position - (step - 1)) / (until - (step - 1));
    let dot = this.dots.get(piece);
    if (!line || part <= 0 || part >= 1) {
      dot?.remove();
      this.dots.delete(piece);
      return;
    }
    if (!dot) {
      dot = drawn("circle", { r: 7, class: "st-dot" });
      this.svg.append(dot);
      this.dots.set(piece, dot);
    }
    const x1 = line.x1.baseVal.value;
    const y1 = line.y1.baseVal.value;
    const x = x1 + (line.x2.baseVal.value - x1) * part;
    const y = y1 + (line.y2.baseVal.value - y1) * part;
    dot.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }
}

class Lanes implements Track {
  readonly known: number;
  private readonly run: Run;
  private readonly frames: Frame[];
  private readonly pictures: Picture[];
  private readonly nodes: Map<string, NodeView>;
  private readonly details: HTMLElement;

  constructor(run: Run, pictures: Picture[], nodes: Map<string, NodeView>, details: HTMLElement) {
    this.run = run;
    this.frames = framesOf(run);
    this.known = run.steps.length;
    this.pictures = pictures;
    this.nodes = nodes;
    this.details = details;
  }

  reach(n: number): boolean {
    return n <= this.known;
  }

  show(position: number): void {
    for (const picture of this.pictures) picture.show(position);
    for (const [name, state] of this.frames[Math.floor(position)] ?? []) {
      this.nodes.get(name)?.show(state);
    }
    write(this.details, this.lookAt(Math.floor(position)));
  }

  tell(n: number): string {
    const step = this.run.steps[n - 1];
    return step ? told(step) : "The beginning";
  }

  question(n: number) {
    return this.run.asks?.[n];
  }

  private lookAt(n: number): string {
    const step = this.run.steps[n - 1];
    return step ? timeOf(step, this.run.unit) : "";
  }
}

export function mountLanes(figure: HTMLElement, data: unknown): void {
  const run = runOf(data);
  const pictures = [...figure.querySelectorAll<SVGSVGElement>("svg.spacetime")].map(
    (svg) => new Picture(svg),
  );
  const nodes = new Map(run.lanes.map((name) => [name, new NodeView(name)]));
  const heads = element(
    "div",
    { class: "play-heads" },
    ...[...nodes.values()].map((n) => n.element),
  );
  const details = element("p", { class: "play-details" });
  const lanes = new Lanes(run, pictures, nodes, details);
  const questions = Object.keys(run.asks ?? {}).length > 0;
  const timeline = new Timeline(figure, lanes, {
    label: figure.querySelector("figcaption strong")?.textContent ?? "the picture",
    at: questions ? 0 : lanes.known,
  });
  const picture = figure.querySelector(".picture");
  picture?.before(heads);
  picture?.after(timeline.element, details);
  figure.classList.add("playing");
}
