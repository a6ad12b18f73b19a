// Walks through the book as a reader does: every page, light and dark, on a desk, on a phone and on
// paper, with and without JavaScript, from file://. Says `ok NAME` or `bad NAME: WHY` for each thing
// that it looked at. A page is loaded once, which takes most of the time, and turned over: nightfall
// and a smaller window come to a page that is open, too.
//
//     node walk.mjs BOOK CHROMIUM        (WALK_MODULES: where playwright-core and axe-core are)

import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, require, say } from "./browser.mjs";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [book, executablePath] = process.argv.slice(2);
const SIZES = { desk: { width: 1200, height: 900 }, phone: { width: 390, height: 844 } };
const SLOW_MS = 60_000; // for one step on a machine that is busy with other things
const SKIPPED = ["404.html", "toc.html", "print.html", "index.html"]; // index is the introduction
const RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
const OF_COLOURS = ["color-contrast", "link-in-text-block"];
const THEMES = ["light", "rust", "coal", "navy", "ayu"];

const pages = readdirSync(book, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".html") && !SKIPPED.includes(name))
  .sort();

// A page of its own, or `page` again: what a browser starts for a page takes as long as the look.
async function open(context, name, wrong, page) {
  page ??= await context.newPage();
  page.setDefaultTimeout(SLOW_MS);
  page.on("pageerror", (error) => wrong.push(`page error: ${error.message}`));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) wrong.push(`asks for ${request.url()}`);
  });
  await page.goto(pathToFileURL(join(book, name)).href);
  return page;
}

async function diagrams(page, wrong) {
  const drawn = () =>
    [...document.querySelectorAll("pre.mermaid")].every((place) => place.querySelector("svg"));
  await page.waitForFunction(drawn, null, { timeout: SLOW_MS / 2 })
    .catch(() => wrong.push("a diagram is not drawn"));
  const bad = await page.evaluate(() =>
    [...document.querySelectorAll("pre.mermaid")].filter((place) => {
      const svg = place.querySelector("svg");
      const folded = place.closest("details:not([open]), [hidden]");
      const error = place.querySelector("[aria-roledescription=error]");
      const named = svg?.querySelector("title") && svg.querySelector("desc");
      return !svg || error || !named || (!folded && svg.getBoundingClientRect().width < 40);
    }).length,
  );
  if (bad > 0) wrong.push(`${bad} diagrams are wrong or without a name and a description`);
}

// Code of a language that has keywords, and none of them in a colour of its own: it is not known to
// the highlighter, or not asked for.
async function highlighted(page, wrong) {
  const found = await page.evaluate((languages) => {
    const plain = getComputedStyle(document.querySelector("main")).color;
    const colourOf = (one) => getComputedStyle(one).color;
    return languages.filter((language) =>
      [...document.querySelectorAll(`main pre > code.language-${language}`)].some((code) => {
        const keywords = [...code.querySelectorAll(".hljs-keyword, .hljs-type, .hljs-built_in")];
        return !keywords.some((one) => ![plain, colourOf(code)].includes(colourOf(one)));
      }));
  }, ["typescript", "python", "c"]);
  wrong.push(...found.map((language) => `some ${language} has no highlighted keywords`));
}

// What axe finds. Colours are the dear ones to ask for: they are asked where colours differ, and the
// rest where the layout does.
async function accessible(page, wrong, { colours = true, rest = true } = {}) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  const found = await page.evaluate(async ([tags, ofColours, colours, rest]) => {
    const runOnly = rest ? { type: "tag", values: tags } : { type: "rule", values: ofColours };
    const rules = Object.fromEntries(ofColours.map((name) => [name, { enabled: colours }]));
    const how = { runOnly, rules, resultTypes: ["violations"], preload: false };
    const { violations } = await window.axe.run("main", how);
    return violations
      .filter((one) => ["serious", "critical"].includes(one.impact))
      .map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`);
  }, [RULES, OF_COLOURS, colours, rest]);
  wrong.push(...found);
}

async function unfold(page) {
  await page.evaluate(() => {
    document.querySelectorAll("details").forEach((one) => (one.open = true));
    document.querySelectorAll(".predict, .question").forEach((one) => one.classList.add("shown"));
    dispatchEvent(new Event("resize")); // what has come into sight may scroll
  });
}

// Night falls, or the sun rises, and the diagrams are drawn in other colours.
async function turn(page, colorScheme) {
  const mark = () =>
    document.querySelectorAll("pre.mermaid svg").forEach((svg) => (svg.dataset.old = "1"));
  const anew = () =>
    [...document.querySelectorAll("pre.mermaid")].every((place) =>
      place.querySelector("svg:not([data-old])"));
  await page.evaluate(mark);
  await page.emulateMedia({ colorScheme });
  await page.waitForFunction(anew, null, { timeout: SLOW_MS / 2 }).catch(() => {}); // diagrams() says
}

async function look(page, name) {
  const wrong = [];
  const done = async (label) => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1);
    if (wide) wrong.push("the page scrolls sideways");
    say(`${name}, ${label}`, wrong);
    wrong.length = 0;
  };
  page.removeAllListeners("pageerror").removeAllListeners("request");
  await open(page.context(), name, wrong, page);
  await diagrams(page, wrong);
  await unfold(page);
  await highlighted(page, wrong);
  await accessible(page, wrong);
  await done("light, desk");

  await page.setViewportSize(SIZES.phone);
  await unfold(page);
  await accessible(page, wrong, { colours: false });
  await done("light, phone");

  await turn(page, "dark");
  await diagrams(page, wrong);
  await highlighted(page, wrong);
  await done("dark, phone");

  await page.setViewportSize(SIZES.desk);
  await accessible(page, wrong, { rest: false });
  await done("dark, desk");

  await paper(page, wrong);
  await page.emulateMedia({ media: null, colorScheme: "light" });
  await page.setViewportSize(SIZES.desk);
  say(`${name}, on paper`, wrong);
}

// As it would be printed: all that is folded or behind a tab is there, no code is cut, links show.
async function paper(page, wrong) {
  await page.evaluate(() => {
    document.querySelectorAll("details").forEach((one) => (one.open = false));
    document.querySelectorAll(".predict, .question").forEach((one) => one.classList.remove("shown"));
  });
  await page.emulateMedia({ media: "print" });
  await page.setViewportSize({ width: 700, height: 1000 }); // about A4
  const found = await page.evaluate(() => {
    const hidden = (one) => one.getBoundingClientRect().height === 0;
    const all = (selector, is) => [...document.querySelectorAll(selector)].filter(is);
    // A cluster gives way to its still picture, with all that is folded in it.
    const stands = (one) => one.closest(".cluster")?.getBoundingClientRect().height !== 0;
    const folded = all("details > :not(summary)", (one) => stands(one) && !one.checkVisibility());
    const cut = all("pre > code", (one) => one.scrollWidth > one.clientWidth + 1);
    const plain = all("main :is(p, li, td) a[href]", (one) =>
      !hidden(one) && !getComputedStyle(one).textDecorationLine.includes("underline"));
    return [
      [folded.length, "folded parts are not printed"],
      [all(".tab, .tab-name", hidden).length, "tabs or their names are not printed"],
      [all("[role=tablist]", (one) => !hidden(one)).length, "rows of tabs are printed"],
      [cut.length, "code blocks are cut"],
      [plain.length, "links do not look like links"],
    ].filter(([count]) => count > 0).map(([count, what]) => `on paper, ${count} ${what}`);
  });
  wrong.push(...found);
  await accessible(page, wrong, { rest: false }); // a dark page, too, is dark on white there
}

// --- what a page does

async function tabsByKeyboard(context) {
  const wrong = [];
  const page = await open(context, "queue/messages.html", wrong);
  const before = page.url();
  await page.locator('[role="tab"][aria-selected="true"]').first().focus();
  await page.keyboard.press("ArrowRight");
  const chosen = await page.locator('[role="tab"][aria-selected="true"]').allTextContents();
  if (chosen.length < 1 || chosen.some((text) => text !== "Python")) wrong.push(`chosen: ${chosen}`);
  if (page.url() !== before) wrong.push("the arrow key turned the page");
  const hidden = await page.locator('.tab[data-tab="TypeScript"]:visible').count();
  if (hidden > 0) wrong.push("TypeScript is still shown");
  say("tabs stay in step, by keyboard", wrong);
  await page.close();
}

// A canary of highlighted().
async function plainCodeIsNoticed(context) {
  const missing = [];
  const wrong = [];
  const page = await open(context, "queue/messages.html", missing);
  await highlighted(page, missing);
  if (missing.length > 0) wrong.push(`before: ${missing}`);
  for (const language of ["typescript", "python", "c"]) {
    const code = page.locator(`main pre > code.language-${language}`).first();
    await code.evaluate((one) => { one.textContent = one.textContent; });
  }
  await highlighted(page, missing);
  if (missing.length !== 3) wrong.push(`of three languages it notices: ${missing}`);
  say("code without highlighted keywords is noticed", wrong);
  await page.close();
}

async function searchFinds(context) {
  const wrong = [];
  const page = await open(context, "introduction.html", wrong);
  await page.keyboard.press("s");
  const bar = page.locator("#mdbook-searchbar");
  await bar.waitFor({ state: "visible" });
  await bar.pressSequentially("idempotent", { delay: 20 });
  const hits = page.locator("#mdbook-searchresults li");
  await hits.first().waitFor({ timeout: SLOW_MS / 2 }).catch(() => wrong.push("search finds nothing"));
  const links = await hits.locator("a").evaluateAll((all) => all.map((one) => one.href));
  const repeated = links.filter((link) => /\/teach\/|what-i-got-wrong/.test(link));
  if (repeated.length > 0) wrong.push(`search finds what repeats others: ${repeated[0]}`);
  say("search finds a word, on the page that tells it", wrong);
  await page.close();
}

async function withoutJavaScript(page, name) {
  const wrong = [];
  page.removeAllListeners("pageerror").removeAllListeners("request");
  await open(page.context(), name, wrong, page);
  const found = await page.locator("main").evaluate((main) => {
    main.querySelectorAll("details").forEach((one) => (one.open = true)); // as a reader would
    const shown = (one) => one.getBoundingClientRect().height > 0;
    const unseen = [".tab", ".tab-name", ".diagram figcaption", ".quiz li", ".picture"]
      .filter((part) => ![...main.querySelectorAll(part)].every(shown))
      .map((part) => `some ${part} cannot be seen`);
    const source = [...main.querySelectorAll("pre.mermaid")].some(shown);
    return source ? [...unseen, "the source of a diagram is shown"] : unseen;
  });
  wrong.push(...found);
  say(`${name}, without JavaScript`, wrong);
}

// All that mdBook's brush offers, on a page that has all kinds of parts.
async function everyTheme(context) {
  const page = await context.newPage();
  for (const theme of THEMES) {
    const wrong = [];
    await open(context, "queue/a-work-queue.html", wrong, page);
    await page.evaluate((theme) => localStorage.setItem("mdbook-theme", theme), theme);
    await page.reload();
    await diagrams(page, wrong);
    await unfold(page);
    const worn = await page.evaluate(() => document.documentElement.className);
    if (!worn.split(" ").includes(theme)) wrong.push(`it wears ${worn}`);
    await accessible(page, wrong, { rest: false });
    say(`the theme ${theme} can be read`, wrong);
    page.removeAllListeners("pageerror").removeAllListeners("request");
  }
}

// Each diagram of a session fills a sheet, and there are no other sheets.
async function slides(context) {
  const page = await context.newPage();
  for (const name of pages.filter((name) => name.startsWith("teach/slides-"))) {
    const wrong = [];
    await open(context, name, wrong, page);
    await diagrams(page, wrong);
    const count = await page.locator(".slide").count();
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
    const sheets = pdf.match(/\/Type \/Page\b/g).length;
    const flat = pdf.match(/\/MediaBox \[0 0 8\d\d(\.\d+)? 59\d/g)?.length ?? 0; // A4, landscape
    if (count < 1 || sheets !== count) wrong.push(`${sheets} sheets for ${count} diagrams`);
    if (flat !== sheets) wrong.push(`${flat} of ${sheets} sheets lie on their long side`);
    say(`${name} as sheets of paper`, wrong);
    page.removeAllListeners("pageerror").removeAllListeners("request");
  }
}

// The whole book as one document, for whoever wants it on paper.
async function asPdf(context) {
  const wrong = [];
  await context.addInitScript(() => { window.print = () => {}; }); // which mdBook calls when it is loaded
  const page = await open(context, "print.html", wrong);
  await diagrams(page, wrong);
  const bytes = (await page.pdf({ format: "A4" })).length;
  if (bytes < 100_000) wrong.push(`a PDF of ${bytes} bytes`);
  say("the book as a PDF", wrong);
}

// ---

const browser = await launch(executablePath);

// Works off `names` with as many at a time as there are processors, each in a context of its own.
async function walkAll(names, options, visit) {
  const left = [...names];
  await Promise.all(
    Array.from({ length: Math.max(2, availableParallelism()) }, async () => {
      const context = await browser.newContext({ viewport: SIZES.desk, ...options });
      const page = await context.newPage();
      for (let name = left.shift(); name !== undefined; name = left.shift()) await visit(page, name);
      await context.close();
    }),
  );
}

const DOINGS = [asPdf, everyTheme, slides, tabsByKeyboard, plainCodeIsNoticed, searchFinds];
try {
  await walkAll(pages, { reducedMotion: "reduce" }, look);
  await walkAll(pages, { javaScriptEnabled: false, viewport: SIZES.phone }, withoutJavaScript);
  await walkAll(DOINGS, { colorScheme: "dark" }, (page, does) => does(page.context()));
} finally {
  await browser.close();
}
