// The page "What I got wrong": shows, of all that the book asks, what the reader got wrong, and how
// much has been answered. And it forgets everything, when asked twice.
"use strict";

(function () {
  const place = document.querySelector(".progress");
  if (!place) return;
  const progress = window.courseProgress;
  const list = place.querySelector(".missed-list");
  const none = place.querySelector(".missed-none");

  // --- what is wrong with an answer: {said, wrong choices, missing points}, or null

  const choices = (section) => [...section.querySelectorAll("[data-choice]")];
  const isRight = (choice) => choice.dataset.right === "1";

  function missedPrediction(section, entry) {
    if (!entry.shown) return null;
    if (entry.wrote !== undefined)
      return entry.otherwise ? { wrote: entry.wrote, shown: [] } : null;
    const mine = choices(section)[entry.chose];
    return !mine || isRight(mine)
      ? null
      : { shown: [mine], happens: choices(section).filter(isRight) };
  }

  function missedQuestion(section, entry) {
    if (entry.wrote !== undefined) {
      if (!entry.shown) return null;
      const points = [...section.querySelectorAll("[data-point]")];
      const lacking = points.filter((_, i) => !(entry.had ?? []).includes(i));
      return lacking.length === 0 ? null : { wrote: entry.wrote, shown: lacking };
    }
    const wrong = choices(section).filter(
      (one, i) => (entry.tried ?? []).includes(i) && !isRight(one),
    );
    if (wrong.length === 0 && !entry.asked) return null;
    return { shown: wrong, right: entry.right === true, asked: entry.asked };
  }

  function sentence(missed) {
    if (missed.wrote !== undefined) {
      return (
        `You wrote: “${missed.wrote}”` + (missed.shown.length > 0 ? " Your answer lacked:" : "")
      );
    }
    if (missed.happens) {
      const happens = missed.happens.map((one) => one.querySelector(".text").textContent);
      return `What happens: ${happens.join(" Or: ")} You said:`;
    }
    if (missed.shown.length === 0) return "You asked for the explanations before you had found it.";
    return missed.right ? "You found the right one after:" : "Not yet right. You chose:";
  }

  function showSection(section, entry) {
    const ofKind = section.dataset.missed.startsWith("p-") ? missedPrediction : missedQuestion;
    const missed = entry && typeof entry === "object" ? ofKind(section, entry) : null;
    section.hidden = missed === null;
    if (missed === null) return false;
    for (const one of section.querySelectorAll("li")) one.hidden = !missed.shown.includes(one);
    section.querySelector("ul").hidden = missed.shown.length === 0;
    const said = section.querySelector(".missed-said");
    said.hidden = false;
    said.textContent = sentence(missed);
    return true;
  }

  // --- how far one has come

  function done(id, entries) {
    const entry = entries[id];
    if (entry === true) return true;
    return Boolean(entry && (entry.right || entry.shown));
  }

  function countCells(entries) {
    for (const cell of document.querySelectorAll(".come-far [data-all]")) {
      const ids = cell.dataset.all.split(" ").filter(Boolean);
      const count = ids.filter((id) => done(id, entries)).length;
      cell.textContent = ids.length === 0 ? "" : `${count} of ${ids.length}`;
      cell.classList.toggle("all-done", ids.length > 0 && count === ids.length);
    }
  }

  // --- reset, and what was set aside

  function act(text, what) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "act", textContent: text });
    button.addEventListener("click", what);
    return button;
  }

  const acts = document.createElement("p");
  acts.className = "acts";
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  const reset = act("Forget all my answers", () => {
    sure(true);
    no.focus();
  });
  const yes = act("Yes, forget them all", () => {
    progress.reset();
    sure(false);
    said.textContent = "Everything is forgotten.";
    reset.focus();
  });
  const no = act("Keep them", () => {
    sure(false);
    reset.focus();
  });
  function sure(asking) {
    reset.hidden = asking;
    yes.hidden = no.hidden = !asking;
    said.textContent = asking
      ? "This cannot be undone: answers, ticks and progress of the whole book. Sure?"
      : "";
  }
  acts.append(reset, no, yes);
  const forget = document.querySelector(".forget");
  forget.append(acts, said);
  sure(false);

  const aside = document.createElement("div");
  aside.className = "set-aside";
  const title = document.createElement("p");
  title.textContent = "Stored progress that could not be read:";
  const text = document.createElement("pre");
  text.tabIndex = 0;
  aside.append(
    title,
    text,
    act("Throw it away", () => {
      progress.throwAway();
      said.textContent = "It is thrown away.";
      reset.focus();
    }),
  );
  forget.append(aside);

  function show() {
    const entries = progress.all();
    countCells(entries);
    const sections = [...list.querySelectorAll(".missed")];
    const shown = sections.filter((section) =>
      showSection(section, entries[section.dataset.missed]),
    );
    list.hidden = shown.length === 0;
    const empty =
      Object.keys(entries).length === 0
        ? "You have not answered anything yet."
        : "Nothing of what you answered was wrong.";
    none.textContent = shown.length === 0 ? empty : "";
    const damaged = progress.aside();
    aside.hidden = damaged === null;
    text.textContent = damaged ?? "";
  }

  place.classList.add("live");
  progress.onChange(show);
  show();
})();
