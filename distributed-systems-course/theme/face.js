// What the face of the book does beyond its looks (face.css).
"use strict";

// In the one document for paper each diagram stands on its page, and is not shown a second time.
if (location.pathname.endsWith("/print.html")) {
  for (const slide of document.querySelectorAll(".slide")) slide.remove();
}

// How far a reader has come, on the map that opens a page: the objectives that they ticked.
(function () {
  const items = [...document.querySelectorAll(".session-map [data-goals]")];
  const progress = window.courseProgress;
  if (items.length === 0 || !progress) return;

  function show() {
    const entries = progress.all();
    for (const item of items) {
      const goals = item.dataset.goals.split(" ").filter(Boolean);
      const done = goals.filter((id) => entries[id] === true).length;
      item.style.setProperty("--done", goals.length === 0 ? 0 : done / goals.length);
      let said = item.querySelector(".map-done");
      if (!said) {
        said = document.createElement("span");
        said.className = "map-done";
        item.firstElementChild.append(said);
      }
      said.textContent = done === 0 ? "" : ` ${done === goals.length ? "✓ " : ""}${done} of ${goals.length}`;
    }
  }

  progress.onChange(show);
  show();
})();
