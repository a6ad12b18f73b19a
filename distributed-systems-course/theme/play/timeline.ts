// The controls of all that plays: play, pause, step, back, scrub, speed, by mouse and by keyboard;
// what is happening in words, for the eye and for a screen reader; and the questions before the
// steps that decide. What is played (recorded lanes, a simulated cluster) is a Track.
//
// Nothing passes a question that was not answered or skipped, by whatever control. Who prefers
// reduced motion sees steps, and nothing in between.

import { after, before, advance, SPEEDS, STEP_MS } from "./clock.ts";
import { element, write } from "./element.ts";
import { QuestionView } from "./question.ts";
import type { Question } from "./question.ts";

export interface Track {
  // The last step that is known. It may grow, but never shrink while a timeline plays it.
  readonly known: number;
  // Whether step n can be had: a recording says whether it has it, a simulation runs on until it has.
  reach(n: number): boolean;
  // Draws that position. Called once a frame while playing.
  show(position: number): void;
  // What step n did, in one line. Step 0 is the beginning.
  tell(n: number): string;
  // What is asked before step n, if anything.
  question?(n: number): Question | undefined;
  // How long step n takes at speed 1; default STEP_MS.
  takesMs?(n: number): number;
}

export interface TimelineOptions {
  label: string; // of the picture, for a screen reader
  at?: number; // where it stands at first; default 0
}

const SLEPT_MS = 100; // a page that slept for longer than a frame takes goes on from where it was

const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Builds its controls into `element`, to be put under the picture. Keys work in all of `host`,
// which holds picture and controls. `stop()` when it is taken away.
export class Timeline {
  readonly element: HTMLElement;
  position: number;
  private readonly track: Track;
  private readonly host: HTMLElement;
  private speed = 1;
  private frame = 0; // of requestAnimationFrame, or 0: it does not play
  private last_ms = 0; // when the last frame was
  private waited_ms = 0; // since the last jump, with reduced motion
  private readonly answered = new Set<number>();
  private readonly asked: QuestionView;
  private readonly buttons: Record<"back" | "play" | "step", HTMLButtonElement>;
  private readonly scrub: HTMLInputElement;
  private readonly said: HTMLElement;

  constructor(host: HTMLElement, track: Track, options: TimelineOptions) {
    this.host = host;
    this.track = track;
    this.position = options.at ?? 0;
    this.buttons = {
      back: this.button("back", "Step back", () => this.back()),
      play: this.button("play", "Play", () => (this.playing ? this.pause() : this.play())),
      step: this.button("step", "Step", () => this.step()),
    };
    this.scrub = element("input", { type: "range", min: "0", step: "1", "aria-label": "Step" });
    this.scrub.addEventListener("input", () => this.seek(Number(this.scrub.value)));
    this.said = element("p", { class: "play-said", "aria-live": "polite" });
    this.asked = new QuestionView();
    this.element = element(
      "div",
      { class: "play-controls", role: "group", "aria-label": `Controls of: ${options.label}` },
      this.said,
      this.asked.element,
      element(
        "div",
        { class: "play-row" },
        this.buttons.back,
        this.buttons.play,
        this.buttons.step,
        this.scrub,
        this.speeds(),
      ),
    );
    host.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  get playing(): boolean {
    return this.frame !== 0;
  }

  play(): void {
    if (this.playing) return;
    if (!this.track.reach(after(this.position))) this.position = 0; // from the beginning again
    this.run(Infinity, () => this.ask(after(this.position)));
  }

  pause(): void {
    this.halt();
    this.draw();
  }

  step(): void {
    this.go(after(this.position));
  }

  back(): void {
    this.go(before(this.position));
  }

  // To any position; where a question bars the way, to the question.
  seek(position: number): void {
    this.go(position);
  }

  // Draws anew what the track shows, after something changed in it.
  draw(): void {
    const { track, position } = this;
    track.show(position);
    const step = Math.round(position);
    this.scrub.max = String(Math.max(track.known, step));
    this.scrub.value = String(step);
    const words = track.tell(Math.floor(position));
    this.scrub.setAttribute("aria-valuetext", `${step} of ${this.scrub.max}: ${words}`);
    write(this.said, words);
    const [name, mark] = this.playing ? ["Pause", "pause"] : ["Play", "play"];
    this.buttons.play.setAttribute("aria-label", name);
    this.buttons.play.dataset.mark = mark;
    this.buttons.back.disabled = position <= 0;
    this.buttons.step.disabled = !this.playing && !track.reach(after(position));
  }

  stop(): void {
    this.halt();
  }

  private go(position: number): void {
    this.halt();
    const barrier = this.barrier(position);
    this.position = Math.min(Math.max(0, position), barrier);
    if (position > barrier) this.ask(barrier + 1);
    else this.asked.hide();
    this.draw();
  }

  // The last position that can be had on the way to `position`. A track is asked for no more.
  private barrier(position: number): number {
    let at = Math.floor(this.position);
    while (at < position) {
      const unanswered = this.track.question?.(at + 1) && !this.answered.has(at + 1);
      if (unanswered || !this.track.reach(at + 1)) return at;
      at += 1;
    }
    return at;
  }

  private run(until: number, then: () => void): void {
    this.halt();
    this.asked.hide();
    this.said.setAttribute("aria-live", "off"); // a run that plays would talk without end
    this.last_ms = performance.now();
    this.waited_ms = 0;
    const tick = (now_ms: number) => {
      const elapsed_ms = Math.min(Math.max(0, now_ms - this.last_ms), SLEPT_MS);
      this.last_ms = now_ms;
      const ahead = Math.min(Math.floor(this.position) + 2, until); // a frame passes no more
      const barrier = this.barrier(ahead);
      this.position = Math.max(this.position, this.next(elapsed_ms, barrier));
      const ends = this.position >= barrier && (barrier < ahead || barrier === until);
      this.frame = ends ? 0 : requestAnimationFrame(tick);
      if (ends) this.said.setAttribute("aria-live", "polite");
      this.draw();
      if (ends) then();
    };
    this.frame = requestAnimationFrame(tick);
    this.draw();
  }

  private next(elapsed_ms: number, limit: number): number {
    const takes_ms = (n: number) => this.track.takesMs?.(n) ?? STEP_MS;
    if (!reducedMotion()) return advance(this.position, elapsed_ms, this.speed, takes_ms, limit);
    this.waited_ms += elapsed_ms * this.speed;
    const step = after(this.position);
    if (this.waited_ms < takes_ms(step)) return Math.floor(this.position);
    this.waited_ms = 0;
    return Math.min(step, limit);
  }

  private halt(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.said.setAttribute("aria-live", "polite");
  }

  private ask(step: number): void {
    const question = this.track.question?.(step);
    if (!question || this.answered.has(step)) return;
    const within = () => this.host.contains(document.activeElement);
    const focused = within();
    this.asked.show(question, (choice) => {
      const keyboard = within();
      this.answered.add(step);
      this.host.dispatchEvent(
        new CustomEvent("quartet:answered", { bubbles: true, detail: { step, question, choice } }),
      );
      if (keyboard) this.buttons.play.focus();
      this.run(step, () => this.asked.settle(question, choice));
    });
    if (focused) this.asked.focus();
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key !== "Tab" && event.key !== "Escape") event.stopPropagation(); // mdBook's own keys
    const target = event.target as Element;
    if (target.closest("select, .play-question, textarea")) return;
    const own: Record<string, () => void> = {
      ArrowRight: () => this.step(),
      ArrowLeft: () => this.back(),
      Home: () => this.seek(0),
      End: () => this.seek(this.track.known),
    };
    if (!target.closest("button")) own[" "] = () => (this.playing ? this.pause() : this.play());
    const action = own[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  private button(mark: string, name: string, press: () => void): HTMLButtonElement {
    const made = element("button", { type: "button", "aria-label": name, "data-mark": mark });
    made.addEventListener("click", press);
    return made;
  }

  private speeds(): HTMLSelectElement {
    const made = element("select", { "aria-label": "Speed", class: "play-speed" });
    for (const speed of SPEEDS) {
      made.append(element("option", { value: String(speed) }, `${speed}×`));
    }
    made.value = "1";
    made.addEventListener("change", () => (this.speed = Number(made.value)));
    return made;
  }
}
