// Commands: one that is copied never carries its `$ `, whether by the button or by a selection; and
// the language that ./learn knows is the one that the tabs show. A page reads without all this.
"use strict";

(function () {
  const PROMPT = /^\$ /gm;
  const isConsole = (code) => code !== null && code.classList.contains("language-console");

  // --- the prompt cannot be selected

  // mdBook has coloured the block by now, so that a prompt may lie in two nodes: each part is marked.
  function markPrompts(code) {
    const prompts = [...code.textContent.matchAll(PROMPT)].map((match) => match.index);
    const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    let begin = 0;
    for (const text of texts) {
      const end = begin + text.length;
      for (const at of prompts.filter((at) => at < end && at + 2 > begin).reverse()) {
        mark(text, Math.max(at, begin) - begin, Math.min(at + 2, end) - begin);
      }
      begin = end;
    }
  }

  function mark(text, from, to) {
    const part = from > 0 ? text.splitText(from) : text;
    if (to - from < part.length) part.splitText(to - from);
    const span = document.createElement("span");
    span.className = "prompt";
    span.style.userSelect = span.style.webkitUserSelect = "none";
    part.replaceWith(span);
    span.append(part);
  }
  document.querySelectorAll("code.language-console").forEach(markPrompts);

  document.addEventListener("copy", (event) => {
    const selection = document.getSelection();
    const within = (node) => (node?.nodeType === Node.TEXT_NODE ? node.parentElement : node)
      ?.closest?.("code") ?? null;
    if (selection.isCollapsed || !isConsole(within(selection.anchorNode))) return;
    event.clipboardData.setData("text/plain", selection.toString().replace(PROMPT, ""));
    event.preventDefault();
  });

  // --- the button copies the commands alone, of a run too

  function commands(text) {
    const lines = text.split("\n").filter((line) => line.startsWith("$ "));
    return lines.length === 0 ? text : lines.map((line) => line.slice(2)).join("\n") + "\n";
  }
  const ofBlock = window.playground_text; // what mdBook's button asks
  window.playground_text = (pre, ...rest) => {
    const text = ofBlock(pre, ...rest);
    return isConsole(pre.querySelector("code")) ? commands(text) : text;
  };

  // --- one choice of language: the later one counts, of here and of ./learn

  const NAMES = { python: "Python", typescript: "TypeScript" };

  function kept(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  }
  function keep(key, value) {
    try { localStorage.setItem(key, value); } catch { /* file:// may forbid it */ }
  }

  document.addEventListener("click", (event) => {
    if (event.isTrusted && event.target.closest?.('[role="tab"]')) {
      keep("quartet-language-at", String(Date.now() / 1000));
    }
  });

  function follow() {
    const choice = window.quartetChoice;
    const name = NAMES[choice?.language];
    if (!name || !(choice.at > Number(kept("quartet-language-at")))) return;
    keep("quartet-language-at", String(choice.at));
    keep("quartet-language", name);
    const tabs = [...document.querySelectorAll('.tabs [role="tab"]')];
    tabs.find((tab) => tab.textContent === name)?.click();
  }

  const script = document.createElement("script");
  const root = typeof path_to_root === "string" ? path_to_root : "";
  script.src = `${root}assets/choice.js`;
  script.onload = follow;
  document.head.append(script);
})();
