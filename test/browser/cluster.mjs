// Breaks the clusters of the book as a reader does: by mouse, by keyboard, on a phone, with reduced
// motion; and opens them where there is no WebAssembly, and on paper.
//
//     node cluster.mjs BOOK CHROMIUM        (WALK_MODULES: where playwright-core and axe-core are)

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, require, say, withoutMermaid } from "./browser.mjs";

const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const [book, executablePath] = process.argv.slice(2);
const DESK = { width: 1200, height: 900 };
const PHONE = { width: 390, height: 844 };
const SLOW_MS = 60_000;
const PAGES = { dies: "queue/making-it-survive.html", cut: "queue/what-is-it.html" };

const browser = await launch(executablePath);

async function open(name, wrong, options = {}, script = "") {
  const context = await browser.newContext({ viewport: DESK, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(SLOW_MS);
  await withoutMermaid(page);
  page.on("pageerror", (error) => wrong.push(`page error: ${error.message}`));
  page.on("request", (request) => {
    if (!/^(file|data|blob):/.test(request.url())) wrong.push(`asks for ${request.url()}`);
  });
  if (script) await page.addInitScript(script);
  await page.goto(pathToFileURL(join(book, name)).href);
  await page.locator("details:has([data-play='cluster'])").evaluateAll((folds) => {
    for (const fold of folds) fold.open = true; // one of them is taken home
  });
  await page.locator('[data-play="cluster"]').first().scrollIntoViewIfNeeded();
  return page;
}

// Its controls, by their names.
const button = (page, name) => page.locator(".cluster").getByRole("button", { name, exact: true });
const said = (page) => page.locator(".cluster .play-said").textContent();
const position = async (page) => Number(await page.locator(".cluster input[type=range]").inputValue());
const nodes = (page) =>
  page.locator(".cluster-node").evaluateAll((cards) =>
    cards.map(({ dataset, textContent }) => ({ ...dataset, text: textContent })));

async function until(page, what, done) {
  await page.waitForFunction(done, null, { timeout: SLOW_MS / 2 }).catch(() => {
    throw new Error(`${what}: never`);
  });
}

const leads = () => {
  const led = document.querySelector('.cluster-node[data-role="leader"][data-is="up"] b');
  return led?.textContent ?? "";
};

async function skipQuestion(page) {
  await page.locator(".cluster").getByLabel("Speed").selectOption("10");
  await button(page, "Step").click();
  await button(page, "Just show me").click();
  await until(page, "the answer", () => document.querySelector(".cluster .play-question:not([hidden])"));
}

async function check(name, body) {
  const wrong = [];
  let page;
  try {
    page = await body(wrong);
  } catch (error) {
    wrong.push(String(error.message ?? error));
  }
  say(name, wrong);
  await page?.context().close();
}

await check("a cluster asks first, and the run answers", async (wrong) => {
  const page = await open(PAGES.dies, wrong);
  const first = await page.waitForFunction(leads).then((led) => led.jsonValue());
  await page.locator(".cluster").getByLabel("Speed").selectOption("4");
  await button(page, "Play").click();
  await page.locator(".cluster .play-choice").filter({ hasText: "For a while nobody leads" }).click();
  await page.locator(".cluster .play-verdict").waitFor();
  const verdict = await page.locator(".cluster .play-verdict").textContent();
  if (!verdict.includes("You saw it coming")) wrong.push(`the verdict is ${verdict}`);
  const [{ is, text } = {}] = (await nodes(page)).filter((node) => node.is === "down");
  if (is !== "down" || !text.includes("down")) wrong.push("the killed node is not shown as down");
  const second = await page.evaluate(leads);
  if (!second || second === first) wrong.push(`${first} led, now ${second || "nobody"} does`);
  return page;
});

await check("steps lead back to what was, and another way is kept beside the first", async (wrong) => {
  const page = await open(PAGES.dies, wrong);
  await skipQuestion(page);
  const end = await position(page);
  const there = await nodes(page);
  for (let i = 0; i < 3; i++) await button(page, "Step back").click();
  if ((await position(page)) !== end - 3) wrong.push("three steps back are not three");
  for (let i = 0; i < 3; i++) await button(page, "Step").click();
  const back = await nodes(page);
  if (JSON.stringify(back) !== JSON.stringify(there)) wrong.push("there and back is elsewhere");
  await button(page, "Step back").click();
  await button(page, "Step back").click();
  await page.getByLabel("Which node").selectOption("2");
  await button(page, "Pause").last().click();
  await page.waitForFunction(() => !!document.querySelector('.cluster-node[data-is="paused"]'));
  const ways = page.getByLabel("Which way");
  if (!(await ways.isVisible())) wrong.push("the first way is lost");
  await ways.selectOption("0");
  if ((await nodes(page)).some((node) => node.is === "paused")) wrong.push("both ways are one");
  return page;
});

await check("a leader that is cut off is not said to be heard", async (wrong) => {
  const page = await open(PAGES.cut, wrong);
  await skipQuestion(page);
  let seen = 0;
  for (let i = 0; i < 40; i++) {
    const leader = (await nodes(page)).find((node) => node.role === "leader");
    if (leader?.is === "cut") {
      seen += 1;
      const words = await said(page);
      if (words.includes("its heartbeats say so")) wrong.push(words);
    }
    await button(page, "Step back").click();
    if ((await position(page)) === 0) break;
  }
  if (seen === 0) wrong.push("no step shows the leader cut off");
  return page;
});

await check("all that one may do, by keyboard", async (wrong) => {
  const page = await open(PAGES.dies, wrong);
  await page.locator(".cluster").waitFor();
  const press = async (name) => {
    await button(page, name).last().focus();
    await page.keyboard.press("Enter");
  };
  const before = page.url();
  await page.getByLabel("Which node").focus();
  await page.getByLabel("Which node").selectOption("1");
  for (const [name, told] of [
    ["Cut off", "You cut node 1 off"],
    ["Heal all links", "You mend all links"],
    ["Pause", "You pause node 1"],
    ["Go on", "Node 1 goes on"],
    ["Kill", "You kill node 1"],
    ["Start again", "You start node 1 again"],
    ["Cut the link to", "You cut the link between nodes 1 and 2"],
    ["Put", "A client asks node 1: put seat 12"],
  ]) {
    await press(name);
    await page.locator(".cluster input[type=range]").focus();
    for (let i = 0; i < 9 && !(await said(page)).startsWith(told); i++) {
      await page.keyboard.press("ArrowLeft"); // it played on
    }
    if (!(await said(page)).startsWith(told)) wrong.push(`${name}: ${await said(page)}`);
  }
  await page.getByLabel("What to put").focus();
  await page.keyboard.type(" and 13");
  if (!(await page.getByLabel("What to put").inputValue()).includes("and 13")) {
    wrong.push("one cannot write what to put");
  }
  if (page.url() !== before) wrong.push("a key turned the page");
  return page;
});

await check("what cannot be done is said", async (wrong) => {
  const page = await open(PAGES.dies, wrong);
  await page.locator(".cluster").waitFor();
  await page.getByLabel("Which node").selectOption("2");
  await page.getByLabel("The other end of the link").selectOption("2");
  await button(page, "Cut the link to").click();
  const words = await page.locator(".cluster-said").textContent();
  if (!words.includes("no link to itself")) wrong.push(`it says ${words}`);
  return page;
});

await check("a node that is cut off answers nothing, and its job is done after all", async (wrong) => {
  const page = await open(PAGES.cut, wrong);
  await skipQuestion(page);
  if (!(await said(page)).includes("cannot know")) wrong.push(`it says ${await said(page)}`);
  if ((await page.locator(".cluster-link.is-cut").count()) !== 2) wrong.push("not two links are cut");
  await skipQuestion(page);
  const held = await page.locator(".cluster-node dd").filter({ hasText: "1 job" }).count();
  if (held !== 3) wrong.push(`${held} nodes hold the job`);
  return page;
});

await check("it plays smoothly, and messages move", async (wrong) => {
  const page = await open(PAGES.dies, wrong, { reducedMotion: "no-preference" });
  await page.locator(".cluster").waitFor();
  await button(page, "Put").click();
  const { frames, moved } = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const seen = new Set();
        const begun = performance.now();
        let frames = 0;
        const look = (now) => {
          frames += 1;
          for (const one of document.querySelectorAll(".cluster-letter")) {
            seen.add(one.getAttribute("transform"));
          }
          if (now - begun < 3000) requestAnimationFrame(look);
          else resolve({ frames, moved: seen.size });
        };
        requestAnimationFrame(look);
      }),
  );
  if (moved < 20) wrong.push(`messages stood in ${moved} places`);
  if (frames < 45) wrong.push(`${frames} frames in three seconds`); // a busy machine draws few
  return page;
});

for (const [colorScheme, viewport, size] of [
  ["light", DESK, "desk"],
  ["dark", DESK, "desk"],
  ["dark", PHONE, "phone"],
]) {
  await check(`a cluster in the ${colorScheme}, ${size}, is accessible`, async (wrong) => {
    const page = await open(PAGES.dies, wrong, { colorScheme, viewport });
    await skipQuestion(page);
    await button(page, "Put").click();
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { violations } = await window.axe.run(".cluster");
      return violations.map((one) => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`);
    });
    wrong.push(...found);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth + 1);
    if (wide) wrong.push("the page scrolls sideways");
    const cut = await page.locator(".cluster-node").evaluateAll((cards) =>
      cards.filter((card) => {
        const [own, stage] = [card, card.parentElement].map((one) => one.getBoundingClientRect());
        return own.left < stage.left - 1 || own.right > stage.right + 1 || own.top < stage.top - 1
          || own.bottom > stage.bottom + 1;
      }).length);
    if (cut > 0) wrong.push(`${cut} nodes reach beyond the picture`);
    return page;
  });
}

await check("the cluster on the cover lives, until it is stopped", async (wrong) => {
  const control = (page, name) =>
    page.locator(".cluster .play-row").getByRole("button", { name, exact: true });
  const still = await open("introduction.html", wrong);
  await control(still, "Play").waitFor();
  const page = await open("introduction.html", wrong, { reducedMotion: "no-preference" });
  await control(page, "Pause").waitFor();
  await until(page, "a step", () => document.querySelector(".cluster input[type=range]").value > 0);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await control(page, "Play").waitFor(); // it rests
  await page.evaluate(() => scrollTo(0, 0));
  await control(page, "Pause").click();
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page.evaluate(() => scrollTo(0, 0));
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  if (!(await control(page, "Play").isVisible())) wrong.push("it was stopped, and plays");
  if ((await position(still)) !== 0) wrong.push("it moves where nobody wants motion");
  await still.context().close();
  return page;
});

await check("without WebAssembly there is the still picture, and a sentence", async (wrong) => {
  const page = await open(PAGES.dies, wrong, {}, "delete window.WebAssembly;");
  await page.locator(".cluster-still").waitFor();
  if (!(await page.locator(".cluster-drawn").isVisible())) wrong.push("no still picture");
  if ((await page.locator(".cluster").count()) > 0) wrong.push("it plays all the same");
  return page;
});

await check("on paper there is the still picture", async (wrong) => {
  const page = await open(PAGES.dies, wrong);
  await page.locator(".cluster").waitFor();
  await page.emulateMedia({ media: "print" });
  if (!(await page.locator(".cluster-drawn").isVisible())) wrong.push("no still picture");
  if (await page.locator(".cluster").isVisible()) wrong.push("buttons on paper");
  return page;
});

await browser.close();
