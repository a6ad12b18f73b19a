// Uses the timeline that `quartet check --html` draws, as one who looks for the mistake does.
//
//     node timeline.mjs PAGE CHROMIUM        (the page of test/check/register_stale_read.jsonl)

import { pathToFileURL } from "node:url";
import { launch, say } from "./browser.mjs";

const [file, executablePath] = process.argv.slice(2);
const browser = await launch(executablePath);

async function open(wrong, options = {}) {
  const page = await browser.newPage(options);
  page.on("pageerror", (error) => wrong.push(`page error: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) wrong.push(`asks for ${request.url()}`);
  });
  await page.goto(pathToFileURL(file).href);
  return page;
}

const bar = (page, text) => page.locator(`.bar[aria-label$=", ${text}"]`);
const orderOf = (page) => page.locator(".told li code").allTextContents();

async function opensAtTheBreak() {
  const wrong = [];
  const page = await open(wrong);
  if ((await page.locator(".bar").count()) !== 5) wrong.push("not 5 operations");
  if (!(await page.locator(".bar.stuck.chosen").getAttribute("aria-label")).endsWith("read: 1")) {
    wrong.push("the read that fits nowhere is not chosen");
  }
  const told = await page.locator(".told").textContent();
  if (!told.includes("It fits nowhere")) wrong.push(`it says ${told}`);
  const order = await orderOf(page);
  if (order.join(", ") !== "write 1, write 2, read: 2") wrong.push(`the order is ${order}`);
  say("the timeline opens at the operation that fits nowhere", wrong);
  await page.close();
}

async function aClickShowsTheOrder() {
  const wrong = [];
  const page = await open(wrong);
  await bar(page, "write 2").click();
  if (!(await bar(page, "write 2").getAttribute("class")).includes("chosen")) wrong.push("not chosen");
  if ((await page.locator(".bar.chosen").count()) !== 1) wrong.push("more than one is chosen");
  const told = await page.locator(".told").textContent();
  if (!told.includes("The longest order with it has 3 operations")) wrong.push(`it says ${told}`);
  const dots = await page.locator(".dot").count();
  if (dots !== (await orderOf(page)).length) wrong.push(`${dots} points on the bars`);
  say("a click on an operation shows the longest order with it", wrong);
  await page.close();
}

async function theKeyboardDoesTheSame() {
  const wrong = [];
  const page = await open(wrong);
  await page.keyboard.press("Tab");
  while (!(await page.evaluate(() => document.activeElement.matches(".bar")))) {
    await page.keyboard.press("Tab");
  }
  const first = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
  const chosen = await page.locator(".bar.chosen").getAttribute("aria-label");
  if (first !== chosen) wrong.push(`focus is on ${first}, chosen is ${chosen}`);
  say("the same by keyboard", wrong);
  await page.close();
}

async function readsInTheDark() {
  const wrong = [];
  const page = await open(wrong, { colorScheme: "dark", viewport: { width: 390, height: 844 } });
  const back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  if (back !== "rgb(20, 23, 26)") wrong.push(`the background is ${back}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1);
  if (wide) wrong.push("the page scrolls sideways");
  say("on a phone in the dark it is dark, and only the drawing scrolls", wrong);
  await page.close();
}

try {
  await opensAtTheBreak();
  await aClickShowsTheOrder();
  await theKeyboardDoesTheSame();
  await readsInTheDark();
} finally {
  await browser.close();
}
