// The controls of all that plays: play, pause, step, back, scrub, speed, by mouse and by keyboard;
// what is happening in words, for the eye and for a screen reader; and the questions before the
// steps that decide. What is played (recorded lanes, a simulated cluster) is a Track.
//
// Nothing passes a question that was not answered or skipped, by whatever control. Who prefers
// reduced motion sees steps, and nothing in between.

import { after, before, advance, SPEEDS, STEP_MS } from "./clock.ts";
import { element, icon, write } from "./element.ts";
import { QuestionView } from "./question.ts";
import type { Choice, Question } from "./question.ts";

export interface Track {
  // The last step that is known. It may grow, but never shrink while a timeline plays it.
  readonly known: number;
  // Whether step n can be had: a recording says whether it has it, a simulation runs on until it has.
  reach(n: number): boolean;
  // Draws that position. Called once a frame while it moves.
  show(position: number): void;
  // Brings that position into view, where somebody moved to it. Called after show().
  follow?(position: number): void;
  // What step n did, in one line. Step 0 is the beginning.
  tell(n: number): string;
  // What is asked before step n, if anything.
  question?(n: number): Question | undefined;
  // Whether the question before step n stands there and waits.
  waits?(n: number | null): void;
  // The step in which one sees what became of the question before step n; default n.
  settles?(n: number): number;
  // How long step n takes at speed 1; default STEP_MS.
  takesMs?(n: number): number;
  // A key that the timeline has no use for. Returns what there is to say of it, or null.
  key?(key: string): string | null;
}

export interface TimelineOptions {
  label: string; // of the picture, for a screen reader
  at?: number; // where it stands at first; default 0
}

// What `quartet:answered` carries, which bubbles from the host.
export interface Answered {
  step: number;
  question: Question;
  choice: Choice | null; // null: skipped
}

const SLEPT_MS = 100; // a page that slept for longer goes on from where it was
export const ICONS = {
  back: "M15 4v16L5 12zM3 4h2.5v16H3z",
  play: "M6 3.5v17L20 12z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  step: "M9 4v16l10-8zM18.5 4H21v16h-2.5z",
};

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Builds its controls into `element`, to be put under the picture. Keys work in all of `host`,
// which holds picture and controls.
export class Timeline {
  readonly element: HTMLElement;
  position: number;
  private readonly track: Track;
  private readonly host: HTMLElement;
  private readonly answered = new Set<number>();
  private readonly asked = new QuestionView();
  private readonly said: HTMLElement;
  private readonly count: HTMLElement;
  private readonly scrub: HTMLInputElement;
  private readonly buttons: Record<"back" | "play" | "step", HTMLButtonElement>;
  private speed = 1;
  private frame = 0; // of requestAnimationFrame, or 0: nothing moves
  private until = 0; // where it moves to
  private last_ms = 0; // when the last frame was
  private waited_ms = 0; // since the last jump, with reduced motion
  private shown = ""; // what the controls say

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
    this.count = element("span", { class: "play-count", "aria-hidden": "true" });
    const { back, play, step } = this.buttons;
    this.element = element(
      "div",
      { class: "play-controls", role: "group", "aria-label": `Controls of: ${options.label}` },
      this.asked.element,
      this.said,
      element(
        "div",
        { class: "play-row" },
        back,
        play,
        step,
        this.scrub,
        this.count,
        this.speeds(),
      ),
    );
    host.addEventListener("keydown", (event) => this.key(event));
    this.draw();
  }

  // Whether it goes on by itself; a single step that moves does not count.
  get playing(): boolean {
    return this.buttons.play.dataset.mark === "pause";
  }

  play(): void {
    if (this.playing) return;
    if (!this.track.reach(after(this.position))) this.position = 0; // from the beginning again
    this.mark("pause");
    this.run(Infinity, () => this.ask(after(this.position)));
  }

  pause(): void {
    this.halt();
    this.draw();
  }

  // One step on, which is seen to happen. Pressed meanwhile, that one is over, and the next begins;
  // pressed while it plays, it stops behind the step that happens.
  step(): void {
    const { playing, until } = this;
    const moving = this.frame !== 0;
    if (moving && !playing) this.seek(until);
    const target = after(this.position);
    if (playing || reducedMotion()) this.seek(target);
    else this.run(target, () => this.ask(target));
  }

  back(): void {
    this.seek(before(this.position));
  }

  // To any position; where a question bars the way, to the question.
  seek(position: number): void {
    this.halt();
    this.hideQuestion();
    const barrier = this.barrier(position);
    this.position = Math.min(Math.max(0, position), barrier);
    this.draw();
    this.track.follow?.(this.position);
    if (position > barrier) this.ask(barrier + 1);
  }

  // Draws anew, after something changed in what the track shows.
  draw(): void {
    this.track.show(this.position);
    const step = Math.floor(this.position);
    const known = Math.max(this.track.known, step);
    const words = this.track.tell(step);
    if (this.scrub.value !== String(step)) this.scrub.value = String(step);
    const state = JSON.stringify([step, known, words, this.frame === 0]);
    if (state === this.shown) return;
    this.shown = state;
    this.scrub.max = String(known);
    this.scrub.value = String(step); // again: it could not be more than its maximum
    this.scrub.setAttribute("aria-valuetext", `${step} of ${known}: ${words}`);
    write(this.count, `${step} / ${known}`);
    this.say(words);
    this.buttons.back.disabled = this.position <= 0 && this.frame === 0;
    this.buttons.step.disabled = this.frame === 0 && !this.track.reach(step + 1);
  }

  focus(): void {
    this.buttons.play.focus();
  }

  say(words: string): void {
    write(this.said, words);
  }

  // The last position that can be had on the way to `position`. A track is asked for no more.
  private barrier(position: number): number {
    let at = Math.floor(this.position);
    while (at < position) {
      if (this.unanswered(at + 1) || !this.track.reach(at + 1)) return at;
      at += 1;
    }
    return at;
  }

  private unanswered(step: number): Question | undefined {
    return this.answered.has(step) ? undefined : this.track.question?.(step);
  }

  // Moves until there, or until a question or the end.
  private run(until: number, then: () => void): void {
    cancelAnimationFrame(this.frame);
    this.until = until;
    this.hideQuestion();
    if (until === Infinity) this.said.setAttribute("aria-live", "off"); // it would talk without end
    this.last_ms = performance.now();
    this.waited_ms = 0;
    const tick = (now_ms: number) => {
      const elapsed_ms = Math.min(Math.max(0, now_ms - this.last_ms), SLEPT_MS);
      this.last_ms = now_ms;
      const ahead = Math.min(Math.floor(this.position) + 2, until); // a frame passes no more
      const barrier = this.barrier(ahead);
      this.position = Math.max(this.position, this.next(elapsed_ms, barrier));
      const ends = this.position >= barrier && (barrier < ahead || barrier === until);
      if (ends) this.halt();
      else this.frame = requestAnimationFrame(tick);
      this.draw();
      this.track.follow?.(this.position);
      if (ends) then();
    };
    this.frame = requestAnimationFrame(tick);
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
    this.mark("play");
  }

  private mark(mark: "play" | "pause"): void {
    const { play } = this.buttons;
    if (play.dataset.mark === mark) return;
    play.dataset.mark = mark;
    play.title = mark === "play" ? "Play" : "Pause";
    play.setAttribute("aria-label", play.title);
    play.replaceChildren(icon(ICONS[mark]));
  }

  // --- questions

  private ask(step: number): void {
    const question = this.track.reach(step) ? this.unanswered(step) : undefined;
    if (!question) return;
    const within = () => this.host.contains(document.activeElement);
    const focused = within();
    this.track.waits?.(step);
    this.asked.show(question, (choice) => {
      this.answered.add(step);
      if (within()) this.buttons.play.focus(); // what was pressed goes away
      const until = this.track.settles?.(step) ?? step;
      this.run(until, () => this.asked.settle(question, choice));
      const detail: Answered = { step, question, choice };
      this.host.dispatchEvent(new CustomEvent("quartet:answered", { bubbles: true, detail }));
    });
    if (focused) this.asked.focus();
    this.track.follow?.(this.position); // the question takes room
  }

  private hideQuestion(): void {
    const keyboard = this.asked.element.contains(document.activeElement);
    this.asked.hide();
    this.track.waits?.(null);
    if (keyboard) this.buttons.play.focus();
  }

  // --- hands

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key !== "Tab" && event.key !== "Escape") event.stopPropagation(); // mdBook's own keys
    const target = event.target as Element;
    if (target.closest("select, textarea, a, summary")) return;
    const own: Record<string, () => void> = {
      ArrowRight: () => this.step(),
      ArrowLeft: () => this.back(),
      Home: () => this.seek(0),
      End: () => this.seek(this.track.known),
    };
    if (!target.closest("button")) own[" "] = () => (this.playing ? this.pause() : this.play());
    const action = own[event.key];
    const words = action ? null : this.track.key?.(event.key);
    if (action) action();
    else if (words) this.say(words);
    else return;
    event.preventDefault();
  }

  private button(mark: keyof typeof ICONS, name: string, press: () => void): HTMLButtonElement {
    const made = element("button", { type: "button", "aria-label": name, title: name });
    made.dataset.mark = mark;
    made.append(icon(ICONS[mark]));
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
