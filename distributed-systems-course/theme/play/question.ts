// What comes next? Asked before a step that decides; the run itself answers.

import { element } from "./element.ts";

export interface Choice {
  text: string;
  right: boolean;
  why?: string; // what speaks against it, or for it; said once it is settled
}

export interface Question {
  id?: string; // under which theme/progress.js keeps the answer
  ask: string;
  choices: Choice[];
}

export class QuestionView {
  readonly element: HTMLElement;

  constructor() {
    this.element = element("div", { class: "play-question", role: "group", hidden: "" });
  }

  // `chosen` is called once, with the choice, or with null when it is skipped.
  show(question: Question, chosen: (choice: Choice | null) => void): void {
    this.element.setAttribute("aria-label", question.ask);
    const button = (text: string, choice: Choice | null, kind: string) => {
      const made = element("button", { type: "button", class: kind }, text);
      made.addEventListener("click", () => chosen(choice));
      return made;
    };
    this.element.replaceChildren(
      element("p", { class: "play-ask" }, question.ask),
      ...question.choices.map((one) => button(one.text, one, "play-choice")),
      button("Just show me", null, "play-skip"),
    );
    this.element.hidden = false;
  }

  // What one chose, beside what happened.
  settle(question: Question, choice: Choice | null): void {
    const right = question.choices.find((one) => one.right);
    const lines: Node[] = [];
    if (choice) {
      const verdict = choice.right ? "✓ You saw it coming" : "✗ You expected something else";
      lines.push(element("p", { class: "play-verdict" }, `${verdict}: ${choice.text}`));
    }
    if (right && !choice?.right) lines.push(element("p", {}, `What happened: ${right.text}.`));
    for (const why of new Set([choice?.why, right?.why])) {
      if (why) lines.push(element("p", {}, why));
    }
    this.element.replaceChildren(...lines);
    this.element.hidden = false;
  }

  hide(): void {
    this.element.hidden = true;
  }

  focus(): void {
    this.element.querySelector("button")?.focus();
  }
}
