// One svg of tools/spacetime.py, which is its own geometry: each <g data-step="N"> is what is seen
// in step N, data-until="M" a message that lands only in step M, and the svg's data-rows says how far
// down each step reaches. Time runs downwards: a position is a y, and a message is where its line
// crosses that y.

import { drawn } from "./element.ts";

const LEAVES = 0.15; // the part of a step after which its message leaves: time to see from where

interface Piece {
  group: SVGGElement;
  step: number;
  until: number;
  line: Line | null; // of a message
}

interface Line {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

interface Moving {
  letter: SVGGElement;
  trail: SVGLineElement;
}

export class Picture {
  readonly svg: SVGSVGElement;
  private readonly rows: number[];
  private readonly pieces: Piece[];
  private readonly leaves = new Map<number, number>(); // step -> the y at which its message leaves
  private readonly lives: { line: SVGLineElement; from: number; to: number }[];
  private readonly moving = new Map<Piece, Moving>();
  private readonly mark_ = drawn("g", { class: "st-asks", visibility: "hidden" });
  private shown = -1;

  constructor(svg: SVGSVGElement) {
    this.svg = svg;
    this.rows = (svg.dataset.rows ?? "").split(" ").map(Number);
    this.pieces = [...svg.querySelectorAll<SVGGElement>("g[data-step]")].map(pieceOf);
    for (const { step, until, line } of this.pieces) {
      if (line && step === until) this.leaves.set(step, line.y1);
    }
    this.lives = [...svg.querySelectorAll<SVGLineElement>(".st-life")].map((line) => {
      const { y1, y2 } = ends(line);
      return { line, from: y1, to: y2 };
    });
    const { height } = svg.viewBox.baseVal;
    for (const name of svg.querySelectorAll<SVGTextElement>(".st-name")) {
      const x = name.getAttribute("x") ?? "0"; // where a lane will be, before anything is
      svg.prepend(
        drawn("line", { class: "st-ghost", x1: x, x2: x, y1: this.y(0), y2: height - 8 }),
      );
    }
    this.mark_.append(
      drawn("circle", { r: 13 }),
      drawn("text", { y: 6, "text-anchor": "middle" }, "?"),
    );
    svg.append(this.mark_);
  }

  get seen(): boolean {
    return this.svg.getBoundingClientRect().width > 0;
  }

  get top(): number {
    return this.svg.getBoundingClientRect().top;
  }

  get scale(): number {
    return this.svg.getBoundingClientRect().width / (this.svg.viewBox.baseVal.width || 1);
  }

  // How far down the picture a position is, in the picture's own units.
  y(position: number): number {
    const at = Math.floor(position);
    const part = position - at;
    const from = this.rows[at] ?? 0;
    const to = this.rows[at + 1] ?? from;
    const leaves = this.leaves.get(at + 1);
    if (leaves === undefined) return from + (to - from) * part;
    if (part < LEAVES) return from + (leaves - from) * (part / LEAVES);
    return leaves + ((to - leaves) * (part - LEAVES)) / (1 - LEAVES);
  }

  // The step that one points at, at a height of the window.
  stepAt(clientY: number): number {
    const y = (clientY - this.top) / this.scale;
    const found = this.rows.findIndex((row) => row + 4 >= y);
    return found < 0 ? this.rows.length - 1 : found;
  }

  show(position: number): void {
    if (position === this.shown) return;
    const now = this.y(position);
    const low = Math.min(position, this.shown);
    const high = this.shown < 0 ? Infinity : Math.max(position, this.shown);
    for (const piece of this.pieces) {
      if (piece.until < low || piece.step - 1 > high) continue; // nothing of it has changed
      const here = piece.line ? now >= piece.line.y2 : position > piece.step - 1;
      const left = now > (piece.line?.y1 ?? Infinity) || (slow(piece) && position >= piece.step);
      const leaving = piece.line !== null && !here && left;
      piece.group.classList.toggle("to-come", !here && !leaving);
      piece.group.classList.toggle("under-way", leaving);
      if (leaving) this.move(piece, piece.line!, now);
      else this.stop(piece);
    }
    for (const { line, from, to } of this.lives) {
      const part = Math.min(1, Math.max(0, (now - from) / (to - from || 1)));
      line.style.transform = position >= this.rows.length - 1 ? "" : `scaleY(${part})`;
    }
    this.shown = position;
  }

  // A question mark where the next step will be.
  wait(step: number | null): void {
    this.mark_.setAttribute("visibility", step === null ? "hidden" : "visible");
    if (step === null) return;
    const y = this.y(step - 1) + 30;
    this.mark_.setAttribute("transform", `translate(${this.svg.viewBox.baseVal.width / 2} ${y})`);
  }

  // What one looks at stands out.
  mark(step: number | null): void {
    for (const { group, until } of this.pieces) group.classList.toggle("looked-at", until === step);
  }

  private move(piece: Piece, line: Line, now: number): void {
    let moving = this.moving.get(piece);
    if (!moving) {
      const paper = drawn("path", { d: "M-10-7h20v14h-20z" });
      const flap = drawn("path", { d: "M-10-7 0 1.5 10-7" });
      moving = {
        letter: drawn("g", { class: "st-letter" }, paper, flap),
        trail: drawn("line", { class: "st-trail", x1: line.x1, y1: line.y1 }),
      };
      this.svg.append(moving.trail, moving.letter);
      this.moving.set(piece, moving);
    }
    const part = (now - line.y1) / (line.y2 - line.y1);
    const x = (line.x1 + (line.x2 - line.x1) * part).toFixed(1);
    moving.trail.setAttribute("x2", x);
    moving.trail.setAttribute("y2", now.toFixed(1));
    moving.letter.setAttribute("transform", `translate(${x} ${now.toFixed(1)})`);
  }

  private stop(piece: Piece): void {
    const moving = this.moving.get(piece);
    if (!moving) return;
    moving.letter.remove();
    moving.trail.remove();
    this.moving.delete(piece);
  }
}

// It is on its way while other things happen.
function slow(piece: Piece): boolean {
  return piece.step !== piece.until;
}

function ends(line: SVGLineElement): Line {
  const { x1, y1, x2, y2 } = line;
  return {
    x1: x1.baseVal.value,
    y1: y1.baseVal.value,
    x2: x2.baseVal.value,
    y2: y2.baseVal.value,
  };
}

function pieceOf(group: SVGGElement): Piece {
  const line = group.querySelector<SVGLineElement>(".st-arrow");
  const step = Number(group.dataset.step);
  return {
    group,
    step,
    until: Number(group.dataset.until ?? step),
    line: line && ends(line),
  };
}
