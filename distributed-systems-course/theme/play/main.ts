// The entry: finds the pictures of a page that play, and brings each to life when it is about to be
// seen. A page without this script keeps its still pictures.
//
//     <figure data-play="KIND">…<script type="application/json" class="play-data">…</script></figure>
//
// A kind is one row of WIDGETS; what its data says is told at the head of its own file. A widget that
// cannot be mounted leaves the still picture and says why in the console.

import { mountCluster } from "./cluster.ts";
import { mountLanes } from "./lanes.ts";

// Takes a figure over. `data` is what stands in its .play-data, not yet looked at.
export type Mount = (figure: HTMLElement, data: unknown) => void;

const WIDGETS: Record<string, Mount> = {
  lanes: mountLanes,
  cluster: mountCluster,
};

const NEAR = "300px"; // so that it is there before it is seen

function mount(figure: HTMLElement): void {
  if (figure.dataset.played) return;
  figure.dataset.played = "1";
  const source = figure.querySelector(".play-data")?.textContent ?? "null";
  try {
    WIDGETS[figure.dataset.play ?? ""]?.(figure, JSON.parse(source));
  } catch (error) {
    console.error("this picture stays still:", error);
  }
}

const revealed = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      revealed.unobserve(entry.target);
      mount(entry.target as HTMLElement);
    }
  },
  { rootMargin: NEAR },
);
for (const figure of document.querySelectorAll<HTMLElement>("[data-play]"))
  revealed.observe(figure);
