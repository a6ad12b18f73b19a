// Copies commands out of the book, by the button and by selecting them: never with their `$ `. And
// the tabs show the language that ./learn knows, until the reader chooses another.
//
//     node commands.mjs BOOK CHROMIUM

import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, say } from "./browser.mjs";

const [book, executablePath] = process.argv.slice(2);
const browser = await launch(executablePath);
const choice = join(book, "assets/choice.js");
const kept = readFileSync(choice, "utf8");

async function open(wrong, name, context) {
  context ??= await browser.newContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => wrong.push(`page error: ${error.message}`));
  await page.addInitScript(() => {
    // What would go to the clipboard: the last listener to hear of it.
    window.addEventListener("copy", (event) => {
      const field = document.activeElement;
      window.copied = event.clipboardData.getData("text/plain") ||
        field?.value?.slice(field.selectionStart, field.selectionEnd) ||
        String(document.getSelection());
    });
  });
  await page.goto(pathToFileURL(join(book, name)).href);
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  return page;
}

// Its text goes through a field that is there only while the button is pressed.
async function press(page, block) {
  await page.evaluate(() => { window.copied = undefined; });
  await block.locator(".clip-button").first().evaluate((button) => button.click());
  return page.evaluate(() => window.copied);
}

async function byTheButton() {
  const wrong = [];
  const page = await open(wrong, "queue/what-is-it.html");
  for (const block of await page.locator("pre:has(> code.language-console)").all()) {
    if (!(await block.isVisible())) continue;
    const shown = (await block.locator("code").innerText()).split("\n");
    const text = await press(page, block);
    const commands = shown.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
    if (text?.trimEnd() !== commands.join("\n")) wrong.push(`of "${shown[0]}" it copies "${text}"`);
  }
  say("the button copies the commands alone", wrong);
  await page.context().close();
}

async function bySelecting() {
  const wrong = [];
  const page = await open(wrong, "queue/what-is-it.html");
  const selected = await page.evaluate(() => {
    const found = [];
    for (const code of document.querySelectorAll("code.language-console")) {
      if (code.closest("[hidden]")) continue;
      document.getSelection().selectAllChildren(code);
      document.execCommand("copy");
      found.push(window.copied);
    }
    return found;
  });
  if (selected.length < 4) wrong.push(`only ${selected.length} blocks`);
  for (const text of selected) {
    if (!text || /^\$ /m.test(text)) wrong.push(`a selection gives "${text}"`);
  }
  if (!selected.some((text) => text?.includes("./shop kill worker-python --busy"))) {
    wrong.push("the command to kill a worker is not among them");
  }
  const prompts = await page.locator("code .prompt").evaluateAll((all) =>
    all.map((one) => `${one.textContent} ${getComputedStyle(one).userSelect}`));
  const bad = prompts.filter((one) => !/^[$ ]+ none$/.test(one));
  if (prompts.length < 6 || bad.length > 0) wrong.push(`these can be selected: ${bad}`);
  say("a selection copies no prompt", wrong);
  await page.context().close();
}

const shown = (page) => page.locator('.tabs [role="tab"][aria-selected="true"]').first().textContent();

async function oneLanguage() {
  const wrong = [];
  const page = await open(wrong, "queue/what-is-it.html");
  const tell = (language, at) =>
    writeFileSync(choice, `window.quartetChoice = ${JSON.stringify({ language, at })};\n`);
  const now = Date.now() / 1000;
  const expect = async (name, why) => {
    await page.reload();
    if ((await shown(page)) !== name) wrong.push(`it shows ${await shown(page)} ${why}`);
  };
  await expect("TypeScript", "where nothing was chosen");
  tell("python", now);
  await expect("Python", "after ./learn chose Python");
  await page.locator('.tabs [role="tab"]', { hasText: "TypeScript" }).first().click();
  await expect("TypeScript", "after the reader chose TypeScript later");
  tell("python", now + 1e6);
  await expect("Python", "after ./learn chose Python once more");
  writeFileSync(choice, "window.quartetChoice = { language: 7 };\n");
  await expect("Python", "where the choice is damaged");
  say("the tabs and ./learn share one language", wrong);
  await page.context().close();
}

try {
  await byTheButton();
  await bySelecting();
  await oneLanguage();
} finally {
  writeFileSync(choice, kept);
  await browser.close();
}
