// Objectives that stay ticked, predictions that are locked in before they are answered, questions
// that may be tried again. progress.js keeps what the reader does. A page reads without this: then
// every choice can be seen, and what happens and the explanations are folded parts.
"use strict";

(function () {
  const progress = window.courseProgress;

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  const button = (text, act) => {
    const made = element("button", { type: "button", className: "act", textContent: text });
    made.addEventListener("click", act);
    return made;
  };

  // mdBook turns the page at an arrow key, and we move among choices with them.
  function keepKeys(place) {
    for (const input of place.querySelectorAll("input, textarea")) {
      input.addEventListener("keydown", (event) => event.stopPropagation());
    }
  }

  // Asks for a choice, or says which one was made.
  const radios = (place) => [...place.querySelectorAll(".choice input")];
  const chosen = (place) => radios(place).findIndex((one) => one.checked);
  const textOf = (radio) => radio.parentElement.querySelector("label").textContent.trim();

  function mark(radio, text, kind) {
    const line = radio.parentElement;
    line.querySelector(".mark")?.remove();
    line.classList.remove("is-right", "is-wrong", "is-mine");
    if (!text) return;
    line.classList.add(kind);
    line.append(element("span", { className: "mark", textContent: text }));
  }

  // --- objectives

  function makeGoal(box) {
    const id = box.dataset.asked;
    const show = () => {
      box.checked = progress.get(id) === true;
    };
    box.addEventListener("change", () => progress.set(id, box.checked ? true : undefined));
    show();
    return show;
  }

  // --- predictions

  const part = (title, text, ...more) =>
    element(
      "div",
      {},
      element("p", { className: "beside-title", textContent: title }),
      element("p", { textContent: text }),
      ...more,
    );

  class Prediction {
    constructor(place) {
      this.place = place;
      this.id = place.dataset.asked;
      this.rest = place.querySelector(":scope > details");
      this.text = place.querySelector("textarea");
      place.classList.add("live");
      if (this.text) this.text.maxLength = progress.WROTE_CHARS_MAX;
      this.act = button("Lock in", () => this.next());
      this.again = button("Predict again", () => {
        progress.set(this.id, undefined);
        this.begin();
      });
      this.said = element("p", { className: "verdict" });
      this.said.setAttribute("role", "status");
      this.beside = element("div", { className: "beside", tabIndex: -1 });
      this.beside.setAttribute("role", "group");
      this.beside.setAttribute("aria-label", "What you said, and what happens");
      place
        .querySelector("fieldset")
        .append(element("p", { className: "acts" }, this.act, this.again), this.said);
      this.rest.before(this.beside);
      keepKeys(place);
      this.show();
    }

    entry() {
      // one of another form is none
      const entry = progress.get(this.id) ?? {};
      const fits = this.text ? entry.wrote !== undefined : entry.chose < radios(this.place).length;
      return entry.locked && fits ? entry : {};
    }

    begin() {
      for (const radio of radios(this.place)) radio.checked = false;
      if (this.text) this.text.value = "";
      this.show();
      (this.text ?? radios(this.place)[0]).focus();
    }

    next() {
      const entry = this.entry();
      if (entry.locked) this.reveal(entry);
      else this.lock();
    }

    lock() {
      const wrote = this.text?.value.trim();
      if (this.text ? !wrote : chosen(this.place) < 0) {
        this.said.textContent = this.text
          ? "Write something first: a guess is enough."
          : "Choose one first.";
        (this.text ?? radios(this.place)[0]).focus();
        return;
      }
      const answer = this.text ? { wrote } : { chose: chosen(this.place) };
      progress.set(this.id, { ...answer, locked: true });
      this.show();
      this.said.textContent =
        "Locked in. Look for yourself, if there is something to run; then let it be shown.";
    }

    reveal(entry) {
      progress.set(this.id, { ...entry, shown: true });
      this.show();
      this.beside.focus();
    }

    show() {
      const entry = this.entry();
      const { locked = false, shown = false } = entry;
      this.place.classList.toggle("locked", locked);
      this.place.classList.toggle("shown", shown);
      radios(this.place).forEach((radio, i) => {
        if (locked) radio.checked = i === entry.chose;
        radio.disabled = locked;
        const happened = shown && radio.dataset.right === "1";
        const words = [locked && i === entry.chose && "you said", happened && "it happens"];
        mark(radio, words.filter(Boolean).join(", "), happened ? "is-right" : "is-mine");
      });
      if (this.text) {
        if (locked) this.text.value = entry.wrote ?? "";
        this.text.readOnly = locked;
      }
      this.act.hidden = shown;
      this.act.textContent = locked ? "Show what happens" : "Lock in";
      this.again.hidden = !shown;
      this.said.textContent = "";
      this.rest.open = shown;
      this.compare(entry, shown);
    }

    // What was said beside what happens.
    compare(entry, shown) {
      this.beside.replaceChildren();
      if (!shown) return;
      const all = radios(this.place);
      const happens = all
        .filter((radio) => radio.dataset.right === "1")
        .map(textOf)
        .join(" Or: ");
      const said = this.text ? entry.wrote : textOf(all[entry.chose]);
      this.beside.append(
        part("You said", said),
        this.text
          ? part("What happens", "It stands below.", this.judge(entry))
          : part("What happens", happens),
      );
      if (this.text) return;
      const hit = all[entry.chose].dataset.right === "1";
      this.beside.classList.toggle("hit", hit);
      this.beside.append(
        element("p", {
          className: "hit-or-miss",
          textContent: hit ? "✓ As you said." : "✗ Not as you said: read why.",
        }),
      );
    }

    judge(entry) {
      const box = element("input", { type: "checkbox", checked: entry.otherwise === true });
      box.addEventListener("change", () => {
        const otherwise = box.checked ? { otherwise: true } : {};
        const { wrote, locked, shown } = entry;
        progress.set(this.id, { wrote, locked, shown, ...otherwise });
      });
      return element("p", {}, element("label", {}, box, " I had expected something else"));
    }
  }

  // --- questions with choices

  class Question {
    constructor(place) {
      this.place = place;
      this.id = place.dataset.asked;
      this.said = place.querySelector(".verdict");
      this.explained = place.querySelector("details");
      this.whys = [...this.explained.querySelectorAll(".why")].map((one) => one.innerHTML);
      place.classList.add("live");
      this.act = button("Check", () => this.check());
      this.again = button("Ask me again", () => this.begin());
      this.said.before(element("p", { className: "acts" }, this.act, this.again));
      this.explained.querySelector("summary").addEventListener("click", () => this.ask());
      for (const radio of radios(place)) {
        radio.addEventListener("change", () => {
          this.said.textContent = "";
        });
      }
      keepKeys(place);
      this.show();
    }

    entry() {
      return progress.get(this.id) ?? {};
    }

    check() {
      const i = chosen(this.place);
      if (i < 0) {
        this.said.textContent = "Choose one first.";
        radios(this.place)[0].focus();
        return;
      }
      const entry = this.entry();
      const right = radios(this.place)[i].dataset.right === "1";
      const tried = [...new Set([...(entry.tried ?? []), i])];
      progress.set(this.id, { ...entry, tried, ...(right ? { right } : {}) });
      this.show();
      this.verdict(i, right);
      if (!right) return;
      this.explained.open = true;
      this.again.focus(); // the other button is gone
    }

    verdict(i, right) {
      const word = right ? "✓ Right." : "✗ Not this one.";
      this.said.replaceChildren(
        element("strong", { textContent: word }),
        " ",
        element("span", { innerHTML: this.whys[i] }),
      );
    }

    ask() {
      // for the explanations, before the right one was found
      if (this.entry().right || this.explained.open) return;
      progress.set(this.id, { tried: [], ...this.entry(), asked: true });
    }

    begin() {
      progress.set(this.id, undefined);
      for (const radio of radios(this.place)) radio.checked = false;
      this.explained.open = false;
      this.show();
      radios(this.place)[0].focus();
    }

    show() {
      const { tried = [], right = false, asked = false } = this.entry();
      radios(this.place).forEach((radio, i) => {
        const hit = radio.dataset.right === "1";
        if (tried.includes(i))
          mark(radio, hit ? "✓ right" : "✗ tried", hit ? "is-right" : "is-wrong");
        else mark(radio, "");
        if (right) radio.checked = hit;
        radio.disabled = right;
      });
      this.act.hidden = right;
      this.again.hidden = !right && !asked && tried.length === 0;
      this.said.textContent = "";
    }
  }

  // --- questions that are answered in words

  class Written {
    constructor(place) {
      this.place = place;
      this.id = place.dataset.asked;
      this.text = place.querySelector("textarea");
      this.text.maxLength = progress.WROTE_CHARS_MAX;
      this.said = place.querySelector(".verdict");
      this.ours = place.querySelector("details");
      this.points = [...place.querySelectorAll(".points input")];
      place.classList.add("live");
      this.act = button("Reveal the key points", () => this.reveal());
      this.again = button("Ask me again", () => this.begin());
      this.said.before(element("p", { className: "acts" }, this.act, this.again));
      let later;
      this.text.addEventListener("input", () => {
        // not at every letter
        clearTimeout(later);
        later = setTimeout(() => this.keep(), 300);
      });
      this.text.addEventListener("change", () => this.keep());
      for (const box of this.points) box.addEventListener("change", () => this.tick());
      keepKeys(place);
      this.show();
    }

    keep() {
      const wrote = this.text.value;
      const entry = progress.get(this.id) ?? {};
      progress.set(this.id, wrote.trim() || entry.shown ? { ...entry, wrote } : undefined);
    }

    reveal() {
      if (!this.text.value.trim()) {
        this.said.textContent = "Write your own answer first: a few words are enough.";
        this.text.focus();
        return;
      }
      progress.set(this.id, { wrote: this.text.value, shown: true, had: [] });
      this.show();
      this.said.textContent = "Below is our answer. Tick what yours says, too.";
      this.points[0].focus();
    }

    tick() {
      const had = this.points.flatMap((box, i) => (box.checked ? [i] : []));
      progress.set(this.id, { ...progress.get(this.id), had });
      this.count(had);
    }

    count(had) {
      this.said.textContent = `You had ${had.length} of ${this.points.length} points.`;
    }

    begin() {
      progress.set(this.id, undefined);
      this.text.value = "";
      this.show();
      this.text.focus();
    }

    show() {
      const { wrote, shown = false, had = [] } = progress.get(this.id) ?? {};
      if (wrote !== undefined && document.activeElement !== this.text) this.text.value = wrote;
      this.text.readOnly = shown;
      this.place.classList.toggle("shown", shown);
      this.points.forEach((box, i) => {
        box.checked = had.includes(i);
      });
      this.act.hidden = shown;
      this.again.hidden = !shown;
      this.ours.open = shown;
      this.said.textContent = "";
      if (shown && had.length > 0) this.count(had);
    }
  }

  // --- what a picture asks (theme/play): a prediction that its run answers at once

  document.addEventListener("quartet:answered", (event) => {
    const { question, choice } = event.detail;
    const chose = question.choices.indexOf(choice);
    if (question.id && chose >= 0) progress.set(question.id, { chose, locked: true, shown: true });
  });

  // ---

  const all = (selector) => [...document.querySelectorAll(selector)];
  const goals = all(".objectives input[data-asked]").map(makeGoal);
  const asked = [
    ...all(".predict[data-asked]").map((place) => new Prediction(place)),
    ...all(".question[data-asked]").map((place) =>
      place.querySelector("textarea") ? new Written(place) : new Question(place),
    ),
  ];
  // Another window has answered, or all was reset there.
  addEventListener("storage", () => {
    for (const show of goals) show();
    for (const one of asked) one.show();
  });
})();
