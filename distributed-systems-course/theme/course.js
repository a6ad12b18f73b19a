// Tabs that stay in step, diagrams that follow the theme. A page reads without it: tabs unfold, each
// diagram says in words what it shows.
"use strict";

(function () {
  const remembered = "quartet-language";

  function recall() {
    try { return localStorage.getItem(remembered); } catch { return null; }
  }

  function remember(name) {
    try { localStorage.setItem(remembered, name); } catch { /* file:// may forbid it */ }
  }

  // --- tabs

  function select(name) {
    for (const tabs of document.querySelectorAll(".tabs.live")) {
      const buttons = [...tabs.querySelectorAll('[role="tab"]')];
      if (!buttons.some((button) => button.textContent === name)) continue;
      for (const button of buttons) {
        const on = button.textContent === name;
        button.setAttribute("aria-selected", String(on));
        button.tabIndex = on ? 0 : -1;
        document.getElementById(button.getAttribute("aria-controls")).hidden = !on;
      }
    }
  }

  function moveFocus(event, list) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // mdBook would turn the page
    const buttons = [...list.children];
    const next = buttons[(buttons.indexOf(event.target) + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  }

  function makeTabs(tabs, number) {
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", "Language");
    for (const panel of tabs.querySelectorAll(":scope > .tab")) {
      const name = panel.dataset.tab;
      panel.id = `tab-${number}-${name}`;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-label", name);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.setAttribute("role", "tab");
      button.setAttribute("aria-controls", panel.id);
      button.addEventListener("click", () => { select(name); remember(name); });
      list.append(button);
    }
    list.addEventListener("keydown", (event) => moveFocus(event, list));
    tabs.prepend(list);
    tabs.classList.add("live");
  }

  document.querySelectorAll(".tabs").forEach(makeTabs);
  const first = document.querySelector('.tabs [role="tab"]');
  if (first) {
    select(first.textContent);
    document.querySelectorAll(".tabs.live").forEach((tabs) => {
      if (!tabs.querySelector('[aria-selected="true"]')) {
        select(tabs.querySelector('[role="tab"]').textContent);
      }
    });
    if (recall()) select(recall());
  }

  // --- what scrolls sideways must be reachable by keyboard

  function reachable() {
    for (const box of document.querySelectorAll("pre > code, .table-wrapper, pre.mermaid, .picture")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    }
  }
  addEventListener("load", reachable);
  addEventListener("resize", reachable);
  document.addEventListener("click", () => setTimeout(reachable)); // what was folded or hidden

  // --- on paper, what is folded is open (older browsers do not know ::details-content)

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  // --- diagrams

  const diagrams = [...document.querySelectorAll("pre.mermaid")];
  for (const diagram of diagrams) diagram.dataset.source = diagram.textContent;

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    const dark = ["navy", "coal", "ayu"].some((t) => document.documentElement.classList.contains(t));
    return {
      darkMode: dark, background: of("bg"), primaryColor: of("letter-paper"),
      primaryTextColor: of("fg"), primaryBorderColor: of("edge"), lineColor: of("fg"),
      textColor: of("fg"), edgeLabelBackground: of("bg"), noteBkgColor: of("note"),
      noteTextColor: of("fg"), actorTextColor: of("fg"), signalColor: of("fg"),
      signalTextColor: of("fg"), labelTextColor: of("fg"), fontFamily: of("plain"),
    };
  }

  let run = 0;
  async function draw() {
    window.mermaid.initialize({
      startOnLoad: false, theme: "base", themeVariables: colours(), securityLevel: "strict",
    });
    for (const diagram of diagrams) {
      const { svg } = await window.mermaid.render(`diagram-${++run}`, diagram.dataset.source);
      diagram.innerHTML = svg;
      diagram.style.setProperty("--wide", diagram.querySelector("svg").style.maxWidth || "0px");
      diagram.classList.add("drawn");
      diagram.scrollLeft = (diagram.scrollWidth - diagram.clientWidth) / 2; // on a phone
    }
    reachable();
  }

  if (diagrams.length > 0) {
    const script = document.createElement("script");
    const root = typeof path_to_root === "string" ? path_to_root : "";
    script.src = `${root}assets/mermaid.min.js`;
    script.onload = () => {
      draw();
      let theme = document.documentElement.className;
      new MutationObserver(() => {
        if (document.documentElement.className === theme) return;
        theme = document.documentElement.className;
        draw();
      }).observe(document.documentElement, { attributeFilter: ["class"] });
    };
    document.head.append(script);
  }

  // --- pictures that play (theme/play), but not in the one document for paper

  if (document.querySelector("[data-play]") && !location.pathname.endsWith("/print.html")) {
    const script = document.createElement("script");
    const root = typeof path_to_root === "string" ? path_to_root : "";
    script.src = `${root}assets/play.js`;
    document.head.append(script);
  }
})();
