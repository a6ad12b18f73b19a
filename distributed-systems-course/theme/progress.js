// What a reader has answered and ticked, kept in the browser: one JSON object in localStorage, so
// it works from file://. Entries are named by what was asked (g-... an objective, p-... a
// prediction, q-... a question); when that changes, so does its name, and an answer to something
// else is not taken for one.
//
//     g-  true                                        ticked
//     p-  {chose: 2} or {wrote: "..."}, locked in; shown: true; otherwise: true (says the reader)
//     q-  {tried: [0, 2], right: true, asked: true} or {wrote: "...", shown: true, had: [1]}
//
// What cannot be read is set aside under another name, with a word to the reader, and nothing that
// can be read is lost with it. Where the browser keeps nothing, answers last as long as the page.
"use strict";

window.courseProgress = (function () {
  const VERSION = 1;
  const KEY = "quartet-progress";
  const ASIDE = "quartet-progress-damaged";
  const WROTE_CHARS_MAX = 4000;
  const listeners = [];
  let memory = {}; // where the browser keeps nothing
  let keeps = true;

  // --- what an entry may be

  const isIndex = (value) => Number.isInteger(value) && value >= 0 && value < 100;
  const isFlag = (value) => value === undefined || value === true;
  const isText = (value) => typeof value === "string" && value.length <= WROTE_CHARS_MAX;
  const isList = (value) => Array.isArray(value) && value.length <= 100 && value.every(isIndex);
  const FIELDS = {
    chose: isIndex,
    wrote: isText,
    shown: isFlag,
    otherwise: isFlag,
    locked: isFlag,
    tried: isList,
    right: isFlag,
    asked: isFlag,
    had: isList,
  };

  function isEntry(id, entry) {
    if (!/^[gpq]-[0-9a-f]{10}$/.test(id)) return false;
    if (id.startsWith("g-")) return entry === true;
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return false;
    return Object.entries(entry).every(
      ([name, value]) => Object.hasOwn(FIELDS, name) && FIELDS[name](value),
    );
  }

  // {entries, damaged}: what can be used of the text, and whether that is not all of it.
  function read(text) {
    if (text === null) return { entries: {}, damaged: false };
    let stored;
    try {
      stored = JSON.parse(text);
    } catch {
      return { entries: {}, damaged: true };
    }
    const whole = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
    if (!whole(stored) || stored.version !== VERSION || !whole(stored.entries)) {
      return { entries: {}, damaged: true };
    }
    const all = Object.entries(stored.entries);
    const good = all.filter(([id, entry]) => isEntry(id, entry));
    return { entries: Object.fromEntries(good), damaged: good.length < all.length };
  }

  // --- the browser's storage

  function say(text) {
    const main = document.querySelector("main");
    if (!main) return;
    let place = main.querySelector(".progress-notice");
    if (!place) {
      place = document.createElement("p");
      place.className = "progress-notice";
      place.setAttribute("role", "status");
      main.prepend(place);
    }
    setTimeout(() => {
      place.textContent = text;
    }); // into a region that is already there
  }

  function load() {
    if (!keeps) return memory;
    let text;
    try {
      text = localStorage.getItem(KEY);
    } catch {
      keepsNothing();
      return memory;
    }
    const { entries, damaged } = read(text);
    if (damaged) setAside(text, entries);
    return entries;
  }

  function setAside(text, entries) {
    if (!store(ASIDE, text)) return;
    store(KEY, JSON.stringify({ version: VERSION, entries }));
    say(
      "Some of your stored progress could not be read. It has been set aside, and you go on " +
        "without it. “What I got wrong” shows it, and can throw it away.",
    );
  }

  function store(key, text) {
    try {
      localStorage.setItem(key, text);
      return true;
    } catch {
      keepsNothing();
      return false;
    }
  }

  function keepsNothing() {
    keeps = false;
    say(
      "Your browser keeps nothing for this page: what you answer is forgotten when you leave it.",
    );
  }

  function save(entries) {
    memory = entries;
    if (keeps) store(KEY, JSON.stringify({ version: VERSION, entries }));
    for (const listener of listeners) listener();
  }

  addEventListener("storage", (event) => {
    // another page of the book, in another window
    if (event.key === KEY || event.key === null) for (const listener of listeners) listener();
  });

  return {
    WROTE_CHARS_MAX,
    all: load,
    get: (id) => load()[id],
    // Changes one entry, and leaves alone what other windows have changed; undefined forgets it.
    set(id, entry) {
      const entries = load();
      if (entry === undefined) delete entries[id];
      else entries[id] = entry;
      save(entries);
    },
    aside() {
      try {
        return localStorage.getItem(ASIDE);
      } catch {
        return null;
      }
    },
    throwAway() {
      try {
        localStorage.removeItem(ASIDE);
      } catch {
        /* then there is none */
      }
      for (const listener of listeners) listener();
    },
    reset() {
      this.throwAway();
      save({});
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
})();
