// Walks through the book as a reader does: every page, light and dark, on a desk and on a phone, from
// file://. Says `ok NAME` or `bad NAME: WHY` for each thing that it looked at.
//
//     node walk.mjs BOOK CHROMIUM        (WALK_MODULES: where playwright-core and axe-core are)

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, require, say } from "./browser.mjs";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [book, executablePath] = process.argv.slice(2);
const SIZES = { desk: { width: 1200, height: 900 }, phone: { width: 390, height: 844 } };
const SKIPPED = ["404.html", "toc.html", "print.html", "index.html"]; // index is the introduction
const RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];

const pages = readdirSync(book, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".html") && !SKIPPED.includes(name))
  .sort();

async function open(context, name, wrong) {
  const page = await context.newPage();
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
  await page.waitForFunction(drawn, null, { timeout: 8000 }).catch(() => wrong.push("a diagram is not drawn"));
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

async function accessible(page, wrong) {
  await page.evaluate(axe);
  const found = await page.evaluate(async (rules) => {
    const { violations } = await window.axe.run("main", { runOnly: rules });
    return violations
      .filter((one) => ["serious", "critical"].includes(one.impact))
      .map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`);
  }, RULES);
  wrong.push(...found);
}

async function look(context, name, label) {
  const wrong = [];
  const page = await open(context, name, wrong);
  await diagrams(page, wrong);
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  await accessible(page, wrong);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1);
  if (wide) wrong.push("the page scrolls sideways");
  say(`${name}, ${label}`, wrong);
  await page.close();
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

async function quizByKeyboard(context) {
  const wrong = [];
  const page = await open(context, "queue/messages.html", wrong);
  const field = page.locator(".quiz fieldset").first();
  await field.locator('input[data-right="1"]').focus();
  await page.keyboard.press("Space");
  const verdict = await field.locator(".verdict").textContent();
  if (!verdict.includes("Right")) wrong.push(`the verdict is ${verdict}`);
  if (!(await field.locator("details").evaluate((one) => one.open))) wrong.push("nothing explained");
  say("a quiz answers, by keyboard", wrong);
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
  await hits.first().waitFor({ timeout: 8000 }).catch(() => wrong.push("search finds nothing"));
  say("search finds a word", wrong);
  await page.close();
}

async function withoutJavaScript(browser) {
  const wrong = [];
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await open(context, "queue/messages.html", wrong);
  for (const name of ["TypeScript", "Python"]) {
    if ((await page.locator(`.tab[data-tab="${name}"]:visible`).count()) === 0) {
      wrong.push(`${name} cannot be seen`);
    }
  }
  if (!(await page.locator(".diagram figcaption").first().isVisible())) wrong.push("no words");
  say("without JavaScript, both languages and the words of a diagram are there", wrong);
  await context.close();
}

// ---

const browser = await launch(executablePath);
try {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of Object.entries(SIZES)) {
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
      for (const name of pages) await look(context, relative(".", name), `${colorScheme}, ${size}`);
      await context.close();
    }
  }
  const context = await browser.newContext({ viewport: SIZES.desk });
  await tabsByKeyboard(context);
  await quizByKeyboard(context);
  await searchFinds(context);
  await withoutJavaScript(browser);
} finally {
  await browser.close();
}
