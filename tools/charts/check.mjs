// SPDX-License-Identifier: MIT
// Opens a report in headless Chromium as a reader would and says what is wrong with it.
//
// usage: node tools/charts/check.mjs REPORT.html [KIND=TEXT]... [--view NAME] [--pictures FOLDER]
//
// In light and dark mode and on a phone: the console stays empty, nothing but the file itself is
// requested, every chart is drawn, and the page is not wider than the window. The tooltip of the
// first chart of KIND must have TEXT. Prints each problem; exits with 1 if there is one.
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { chromium } from "playwright-core";

const words = process.argv.slice(2);

/** The word after `name`, taken out of the command line. */
function take(name) {
  const at = words.indexOf(name);
  return at >= 0 ? words.splice(at, 2)[1] : null;
}

const pictures = take("--pictures"), only = take("--view");
const [file, ...tips] = words;
const url = pathToFileURL(resolve(file)).href;
const problems = [];

const VIEWS = [
  { name: "light", viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  { name: "dark", viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "light", hasTouch: true },
];

/** What is wrong by the page's own measurements. */
function inspect() {
  const found = [];
  const all = document.querySelectorAll("[data-chart]");
  if (all.length === 0) found.push("there is no chart");
  for (const element of all) {
    const drawn = element.querySelectorAll("svg path, svg circle, svg polyline, svg text").length;
    if (drawn < 5) found.push(`chart '${element.dataset.key}' is not drawn`);
    if (!element.getAttribute("aria-label")) found.push(`chart '${element.dataset.key}' has no label`);
  }
  const wide = document.documentElement.scrollWidth;
  if (wide > window.innerWidth) found.push(`the page is ${wide} wide, the window ${window.innerWidth}`);
  return found;
}

async function tooltip(page, kind, text) {
  const chart = page.locator(`[data-chart="${kind}"]`).first();
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  // A tooltip appears where a mark is: tries a grid of places.
  for (let y = 0.9; y > 0.1; y -= 0.05) {
    for (let x = 0.05; x < 1; x += 0.05) {
      await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
      const shown = await chart.locator(".tip").allInnerTexts();
      if (shown.some(tip => tip.includes(text))) return null;
    }
  }
  return `no tooltip of '${kind}' has '${text}'`;
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"],
});
for (const view of VIEWS.filter(one => !only || one.name === only)) {
  const page = await browser.newPage(view);
  const say = text => problems.push(`${view.name}: ${text}`);
  page.on("console", message => say(`console: ${message.text()}`));
  page.on("pageerror", error => say(`error: ${error.message}`));
  page.on("request", request => {
    if (request.url() !== url) say(`request: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: "load" });
  (await page.evaluate(inspect)).forEach(say);
  if (view.name === "light") {
    for (const tip of tips) {
      const [kind, text] = tip.split("=");
      const problem = await tooltip(page, kind, text);
      if (problem) say(problem);
    }
    // Switched from light to dark: all charts follow.
    const picture = () => document.querySelector("[data-chart] svg")?.innerHTML;
    const before = await page.evaluate(picture);
    await page.emulateMedia({ colorScheme: "dark" });
    const changed = page.waitForFunction(
      old => document.querySelector("[data-chart] svg")?.innerHTML !== old, before, { timeout: 3000 });
    if (!await changed.then(() => true, () => false)) {
      say("the charts stay light when the reader switches to dark");
    }
  }
  if (pictures) {
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: `${pictures}/${view.name}.png`, fullPage: true });
  }
  await page.close();
}
await browser.close();
problems.forEach(problem => console.log(problem));
process.exit(problems.length > 0 ? 1 : 0);
