// Elements in one call, and nothing more: the widgets build their own small trees.

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function drawn<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number> = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

// A button's picture, in a square of 24 by 24; its name is said elsewhere.
export function icon(path: string): SVGSVGElement {
  const shape = drawn("path", { d: path });
  return drawn("svg", { viewBox: "0 0 24 24", class: "play-icon", "aria-hidden": "true" }, shape);
}

// Text is replaced only where it differs: a screen reader hears what is written anew.
export function write(place: Element, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}
