// What the walks share: a browser that stays on this machine, and how a result is said.

import { createRequire } from "node:module";
import { join } from "node:path";

export const require = createRequire(
  join(process.env.WALK_MODULES ?? import.meta.dirname, "package.json"),
);

const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const SILENT = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];

export function launch(executablePath) {
  return require("playwright-core").chromium.launch({ executablePath, args: [...QUIET, ...SILENT] });
}

// For what looks at no diagram: drawing them takes most of the time of a page.
export const withoutMermaid = (page) => page.route("**/mermaid.min.js", (route) => route.abort());

// `ok NAME`, or `bad NAME: WHY` when there is a list of what is wrong.
export function say(name, wrong) {
  const why = [...new Set(wrong)].join("; ").replaceAll("\n", " ");
  console.log(wrong.length === 0 ? `ok ${name}` : `bad ${name}: ${why.slice(0, 600)}`);
}
