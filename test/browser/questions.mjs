// Answers what the book asks, as a reader does who errs: predictions, questions, objectives; comes
// back to what was kept, and to what was damaged; looks at the page of wrong answers; forgets all.
// From file://, as it would be read. Says `ok NAME` or `bad NAME: WHY`.
//
//     node questions.mjs BOOK CHROMIUM      (WALK_MODULES: where playwright-core and axe-core are)

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, require, say, withoutMermaid } from "./browser.mjs";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [book, executablePath] = process.argv.slice(2);
const SLOW_MS = 30_000;
const KEY = "quartet-progress";
const RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
const MISSED = "reference/what-i-got-wrong.html";
const FIRST = "queue/what-is-it.html"; // of choices, a prediction of choices, a written question
const WRITTEN = "queue/messages.html"; // has a prediction that is written

const browser = await launch(executablePath);

// A reader: a browser that remembers, and one page of it; what goes wrong is gathered.
class Reader {
  constructor(options = {}) {
    this.options = options;
    this.wrong = [];
  }

  async open(name) {
    this.context ??= await browser.newContext({
      viewport: { width: 1200, height: 900 },
      ...this.options,
    });
    if (!this.page) {
      this.page = await this.context.newPage();
      await withoutMermaid(this.page);
      this.page.setDefaultTimeout(SLOW_MS);
      this.page.on("pageerror", (error) => this.wrong.push(`page error: ${error.message}`));
    }
    await this.page.goto(pathToFileURL(join(book, name)).href);
    return this.page;
  }

  expect(holds, why) {
    if (!holds) this.wrong.push(why);
  }

  async expectText(place, part) {
    const text = await place.textContent();
    this.expect(text.includes(part), `it says “${text.trim()}”, not “${part}”`);
  }

  async expectShown(place, shown, what) {
    this.expect((await place.isVisible()) === shown, `${what} is ${shown ? "not " : ""}shown`);
  }

  // What one window keeps, another sees a moment later: browsers promise no more than that, since
  // each window may be a process of its own.
  async expectTicksSeen(window, count) {
    const seen = ([key, wanted]) =>
      Object.values(JSON.parse(localStorage.getItem(key)).entries).filter((one) => one === true)
        .length === wanted;
    const waited = window.waitForFunction(seen, [KEY, count], { timeout: SLOW_MS });
    this.expect(
      await waited.then(
        () => true,
        () => false,
      ),
      `a window never saw ${count} ticks`,
    );
  }

  stored = () => this.page.evaluate((key) => JSON.parse(localStorage.getItem(key)), KEY);
  press = (place, name) => place.getByRole("button", { name, exact: true }).click();

  async done(name) {
    say(name, this.wrong);
    await this.context.close();
  }
}

const prediction = (page) => page.locator(".predict:has(.choice)").first();
const question = (page) => page.locator(".question:has(.choice)").first();
const written = (page) => page.locator(".question:has(textarea)").first();
const wrongOf = (place) => place.locator('input[data-right="0"]');
const rightOf = (place) => place.locator('input[data-right="1"]');

// --- predictions

async function aPredictionIsLockedInFirst() {
  const reader = new Reader();
  const page = await reader.open(FIRST);
  const place = prediction(page);
  const rest = place.locator("> details");
  await reader.expectShown(rest, false, "what happens");
  await reader.press(place, "Lock in");
  await reader.expectText(place.locator(".verdict"), "Choose one first");
  await wrongOf(place).first().check();
  await reader.press(place, "Lock in");
  await reader.expectShown(rest, false, "what happens, when it is locked in,");
  reader.expect(await wrongOf(place).first().isDisabled(), "one can still change one's mind");
  await reader.press(place, "Show what happens");
  await reader.expectShown(rest, true, "what happens, at last,");
  const beside = place.locator(".beside");
  const said = (await place.locator(".choice label").first().textContent()).trim();
  const happens = (await place.locator(".choice.is-right label").first().textContent()).trim();
  await reader.expectText(beside, said);
  await reader.expectText(beside, happens);
  await reader.expectText(beside, "Not as you said");
  const [left, right] = await beside
    .locator("> div")
    .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
  reader.expect(left === right, "they do not stand beside each other");
  await reader.done("a prediction is locked in before it is shown, one beside the other");
}

async function aPredictionThatIsWritten() {
  const reader = new Reader();
  const page = await reader.open(WRITTEN);
  const place = page.locator(".predict:has(textarea)").first();
  await reader.press(place, "Lock in");
  await reader.expectText(place.locator(".verdict"), "Write something first");
  await place.locator("textarea").fill("fourteen");
  await reader.press(place, "Lock in");
  await reader.press(place, "Show what happens");
  await reader.expectText(place.locator(".beside"), "fourteen");
  await place.getByLabel("I had expected something else").check();
  await reader.open(MISSED);
  await reader.expectText(page.locator(".missed:visible"), "fourteen");
  await reader.open(WRITTEN);
  reader.expect((await place.locator("textarea").inputValue()) === "fourteen", "it is not kept");
  await reader.press(place, "Predict again");
  await reader.expectShown(
    place.locator("> details"),
    false,
    "what happens, when one begins anew,",
  );
  await reader.done("a prediction may be written, and judged by who wrote it");
}

// What a picture asks before a step that decides is a prediction, too.
async function aPictureIsAnswered() {
  const reader = new Reader({ reducedMotion: "reduce" });
  const page = await reader.open("queue/a-work-queue.html");
  const figure = page.locator('figure[data-play="lanes"]').first();
  await figure.scrollIntoViewIfNeeded();
  const answer = async (nth) => {
    // of its choices
    const step = figure.getByRole("button", { name: "Step", exact: true });
    for (let i = 0; i < 3; i += 1) await step.click();
    await figure.locator(".play-choice").nth(nth).click();
    await figure.locator(".play-verdict").waitFor();
    await reader.open(MISSED);
  };
  await answer(0);
  const missed = page.locator(".missed:visible");
  await reader.expectText(missed, "Anna holds job 1");
  await reader.expectText(missed, "it stays hers until");
  await missed.getByText("Go to the question").click();
  await figure.scrollIntoViewIfNeeded();
  await answer(2);
  reader.expect((await missed.count()) === 0, "the right answer does not take it off the list");
  await reader.done("what a picture asks is kept, and is on the page of wrong answers");
}

// --- questions

async function aWrongChoiceSaysWhyItIsWrong() {
  const reader = new Reader();
  const page = await reader.open(FIRST);
  const place = question(page);
  const details = place.locator("details");
  const reasons = details.locator("li .why");
  const wrongs = await place
    .locator(".choice input")
    .evaluateAll((all) =>
      all.map((one, i) => (one.dataset.right === "0" ? i : -1)).filter((i) => i >= 0),
    );
  for (const i of wrongs) {
    await place.locator(".choice input").nth(i).check();
    await reader.press(place, "Check");
    await reader.expectText(place.locator(".verdict"), "Not this one");
    await reader.expectText(place.locator(".verdict"), await reasons.nth(i).textContent());
    reader.expect(
      !(await details.evaluate((one) => one.open)),
      "all is explained after a wrong choice",
    );
  }
  await rightOf(place).check();
  await reader.press(place, "Check");
  await reader.expectText(place.locator(".verdict"), "Right");
  reader.expect(
    await details.evaluate((one) => one.open),
    "nothing is explained after the right one",
  );
  await reader.press(place, "Ask me again");
  reader.expect(!(await details.evaluate((one) => one.open)), "it is still explained");
  reader.expect((await place.locator(".mark").count()) === 0, "what was tried is still marked");
  reader.expect(Object.keys((await reader.stored()).entries).length === 0, "it is not forgotten");
  await reader.done("a wrong choice says why it is wrong and no more; one tries again");
}

async function allByKeyboard() {
  const reader = new Reader();
  const page = await reader.open(FIRST);
  const before = page.url();
  const place = question(page);
  const right = await place
    .locator(".choice input")
    .evaluateAll((all) => all.findIndex((one) => one.dataset.right === "1"));
  await place.locator(".choice input").first().focus();
  await page.keyboard.press("Space");
  for (let i = 0; i < right; i += 1) await page.keyboard.press("ArrowDown");
  reader.expect(page.url() === before, "an arrow key turned the page");
  reader.expect(
    (await place.locator(".verdict").textContent()) === "",
    "moving about is taken for an answer",
  );
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await reader.expectText(place.locator(".verdict"), "Right");
  const again = await page.evaluate(() => document.activeElement.textContent);
  reader.expect(again === "Ask me again", `the focus is on “${again}”`);
  const guess = prediction(page);
  await guess.locator("input").first().focus();
  await page.keyboard.press("Space");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await reader.expectShown(guess.locator("> details"), true, "what happens");
  const focus = await page.evaluate(() => document.activeElement.className);
  reader.expect(focus.startsWith("beside"), `the focus is on .${focus}`);
  for (const role of await page.locator(":is(.predict, .question) .verdict").all()) {
    reader.expect((await role.getAttribute("role")) === "status", "a verdict is no live region");
  }
  await reader.done("predictions and questions, by keyboard");
}

async function aWrittenAnswerIsCompared() {
  const reader = new Reader();
  const page = await reader.open(FIRST);
  const place = written(page);
  const details = place.locator("details");
  await reader.expectShown(details, false, "our answer");
  await reader.press(place, "Reveal the key points");
  await reader.expectText(place.locator(".verdict"), "Write your own answer first");
  await place.locator("textarea").fill("It takes longer.");
  await reader.press(place, "Reveal the key points");
  await reader.expectShown(details, true, "our answer, at last,");
  await details.locator(".points input").nth(1).check();
  await reader.expectText(place.locator(".verdict"), "You had 1 of 3");
  await reader.open(MISSED);
  const missed = page.locator(".missed:visible");
  await reader.expectText(missed, "It takes longer.");
  reader.expect(
    (await missed.locator("li:visible").count()) === 2,
    "not the two points that it lacked",
  );
  await reader.done("a written answer is compared, point by point");
}

// --- what is kept

async function answersAreKept() {
  const reader = new Reader();
  const page = await reader.open(FIRST);
  await page.locator(".objectives input").nth(1).check();
  await wrongOf(prediction(page)).first().check();
  await reader.press(prediction(page), "Lock in");
  await wrongOf(question(page)).first().check();
  await reader.press(question(page), "Check");
  await reader.open("introduction.html");
  await reader.open(FIRST);
  const ticked = await page
    .locator(".objectives input")
    .evaluateAll((all) => all.map((one) => one.checked));
  reader.expect(ticked.join() === "false,true,false", `the objectives are ${ticked}`);
  await reader.expectShown(
    prediction(page).getByText("Show what happens"),
    true,
    "a locked prediction",
  );
  reader.expect(
    (await question(page).locator(".is-wrong").count()) === 1,
    "what was tried is forgotten",
  );
  reader.expect((await reader.stored()).version === 1, "what is kept has no version");
  const other = await reader.context.newPage(); // in two windows nothing is overwritten
  await other.goto(page.url());
  await page.locator(".objectives input").nth(0).check();
  await reader.expectTicksSeen(other, 2);
  await other.locator(".objectives input").nth(2).check();
  await reader.expectTicksSeen(page, 3);
  await reader.done("answers and ticks are kept, by file://");
}

async function collectsWhatWasWrong() {
  const reader = new Reader();
  const page = await reader.open(MISSED);
  await reader.expectText(page.locator(".missed-none"), "not answered anything");
  await reader.open(FIRST);
  await wrongOf(question(page)).first().check();
  await reader.press(question(page), "Check");
  await rightOf(question(page)).check();
  await reader.press(question(page), "Check");
  await wrongOf(prediction(page)).first().check();
  await reader.press(prediction(page), "Lock in");
  await reader.press(prediction(page), "Show what happens");
  const ask = (await question(page).locator("legend").textContent()).replace(/^\d+\. /, "");
  await reader.open(MISSED);
  const missed = page.locator(".missed:visible");
  reader.expect((await missed.count()) === 2, `${await missed.count()} are collected`);
  reader.expect(
    (await missed.locator("li:visible").count()) === 2,
    "not the two wrong choices alone",
  );
  await reader.expectText(missed.nth(1), ask);
  await reader.expectText(page.locator(".come-far tbody tr").first(), "1 of 4");
  await missed.nth(1).getByRole("link", { name: "Go to the question" }).click();
  await page.waitForURL(/what-is-it\.html#q-/);
  await reader.press(question(page), "Ask me again");
  await rightOf(question(page)).check();
  await reader.press(question(page), "Check");
  await reader.open(MISSED);
  reader.expect((await missed.count()) === 1, "what was answered anew is still collected");
  await reader.done("what I got wrong is collected, and leaves when it is answered anew");
}

async function resetForgetsAll() {
  const reader = new Reader();
  const page = await reader.open(FIRST);
  await page.locator(".objectives input").first().check();
  await wrongOf(question(page)).first().check();
  await reader.press(question(page), "Check");
  await reader.open(MISSED);
  await reader.press(page, "Forget all my answers");
  const focus = await page.evaluate(() => document.activeElement.textContent);
  reader.expect(focus === "Keep them", `the focus is on “${focus}”`);
  await page.keyboard.press("Enter");
  reader.expect((await page.locator(".missed:visible").count()) === 1, "it did not keep them");
  await reader.press(page, "Forget all my answers");
  await reader.press(page, "Yes, forget them all");
  reader.expect(
    (await page.locator(".missed:visible").count()) === 0,
    "something is still collected",
  );
  await reader.open(FIRST);
  reader.expect(
    !(await page.locator(".objectives input").first().isChecked()),
    "a tick is still there",
  );
  await reader.done("a reset forgets everything, when asked twice");
}

async function damageIsSetAside() {
  const reader = new Reader();
  const page = await reader.open(FIRST);
  const goal = await page.locator(".objectives input").first().getAttribute("data-asked");
  const id = await question(page).getAttribute("data-asked");
  const entries = (all) => JSON.stringify({ version: 1, entries: all });
  for (const [text, left] of [
    ["{", 0],
    ["null", 0],
    ['{"version":2,"entries":{}}', 0],
    [entries({ [goal]: true, [id]: { tried: ["<img>"] } }), 1],
    [entries({ [goal]: true, "q-0000000000": { tried: [1e9] }, constructor: {} }), 1],
    [entries({ [goal]: true, [id]: null, [id.replace("q", "p")]: [] }), 1],
  ]) {
    await page.evaluate(([key, value]) => localStorage.setItem(key, value), [KEY, text]);
    await reader.open(FIRST);
    await page
      .locator(".progress-notice", { hasText: "set aside" })
      .waitFor()
      .catch(() => reader.wrong.push(`no word about ${text}`));
    const kept = Object.keys((await reader.stored()).entries).length;
    reader.expect(kept === left, `of ${text}, ${kept} entries are left`);
    await reader.open(MISSED);
    await reader.expectText(page.locator(".set-aside pre"), text);
  }
  await reader.press(page, "Throw it away");
  await reader.expectShown(page.locator(".set-aside"), false, "what was thrown away");
  await reader.open(FIRST);
  await reader.expectShown(page.locator(".progress-notice"), false, "a notice about nothing");
  await reader.done("damaged progress is set aside with a word");
}

// Forbidden altogether; or full, which is noticed when something is to be kept.
const FORBIDDEN = () => {
  Object.defineProperty(window, "localStorage", {
    get() {
      throw new Error("forbidden");
    },
  });
};
const FULL = () => {
  Storage.prototype.setItem = () => {
    throw new Error("full");
  };
};

async function withoutStorage(how, why) {
  const reader = new Reader();
  reader.context = await browser.newContext();
  await reader.context.addInitScript(how);
  const page = await reader.open(FIRST);
  await wrongOf(question(page)).first().check();
  await reader.press(question(page), "Check");
  await reader.expectText(question(page).locator(".verdict"), "Not this one");
  reader.expect(
    (await question(page).locator(".is-wrong").count()) === 1,
    "what was tried is not marked",
  );
  await page.locator(".progress-notice", { hasText: "keeps nothing" }).waitFor();
  await reader.done(`it works, with a word, where storage is ${why}`);
}

// --- as it looks when it has been answered

async function accessibleWhenAnswered() {
  for (const [colorScheme, viewport] of [
    ["light", { width: 1200, height: 900 }],
    ["dark", { width: 390, height: 844 }],
  ]) {
    const reader = new Reader({ colorScheme, viewport, reducedMotion: "reduce" });
    const page = await reader.open(FIRST);
    for (const place of await page.locator(".predict").all()) {
      await place.locator("input").first().check();
      await reader.press(place, "Lock in");
      await reader.press(place, "Show what happens");
    }
    for (const place of await page.locator(".question:has(.choice)").all()) {
      for (const one of [wrongOf(place).first(), rightOf(place)]) {
        await one.check();
        await reader.press(place, "Check");
      }
    }
    await violations(reader);
    await reader.open(MISSED);
    await violations(reader);
    await reader.done(`what has been answered, ${colorScheme}`);
  }
}

async function violations(reader) {
  await reader.page.evaluate(axe);
  const found = await reader.page.evaluate(async (tags) => {
    const { violations } = await window.axe.run(
      { include: ["main"], exclude: ["figure.diagram"] },
      { runOnly: { type: "tag", values: tags } },
    );
    return violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`);
  }, RULES);
  reader.wrong.push(...found);
  const wide = await reader.page.evaluate(
    () => document.documentElement.scrollWidth > innerWidth + 1,
  );
  reader.expect(!wide, "the page scrolls sideways");
  const small = await reader.page
    .locator(".act:visible")
    .evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().height < 24).length);
  reader.expect(small === 0, `${small} buttons are under 24 pixels high`);
}

try {
  await aPredictionIsLockedInFirst();
  await aPredictionThatIsWritten();
  await aPictureIsAnswered();
  await aWrongChoiceSaysWhyItIsWrong();
  await allByKeyboard();
  await aWrittenAnswerIsCompared();
  await answersAreKept();
  await collectsWhatWasWrong();
  await resetForgetsAll();
  await damageIsSetAside();
  await withoutStorage(FORBIDDEN, "forbidden");
  await withoutStorage(FULL, "full");
  await accessibleWhenAnswered();
} finally {
  await browser.close();
}
