// SPDX-License-Identifier: MIT
// Uses a profile's page in headless Chromium as a reader would and says what is wrong with it.
//
// usage: node tools/charts/check_profile.mjs PAGE.html [--pictures FOLDER] [--seconds N] [--charts N]
//        [--view NAME]
//
// In light and dark mode and on a phone: the console stays empty, nothing but the file is requested,
// the page is interactive within N seconds (2) and no wider than the window; the flame graph has
// boxes, which can be zoomed, searched and inverted, and the table follows. Prints each problem;
// exits with 1 if there is one. The last line says how long the page took.
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { chromium } from "playwright-core";

const words = process.argv.slice(2);
function take(name, otherwise) {
  const at = words.indexOf(name);
  return at >= 0 ? words.splice(at, 2)[1] : otherwise;
}
const pictures = take("--pictures", null), most = +take("--seconds", "2");
const charts = +take("--charts", "0"), only = take("--view", null);
const url = pathToFileURL(resolve(words[0])).href;
const problems = [];
let slowest = 0;

const VIEWS = [
  { name: "light", viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  { name: "dark", viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "light", hasTouch: true },
];

const boxes = page => page.evaluate(() => +document.querySelector("#flame canvas").dataset.boxes);
const rows = page => page.locator("#functions tr").count();
const picture = page => page.evaluate(() => document.querySelector("#flame canvas").toDataURL());

async function use(page, say) {
  if (await boxes(page) < 3) say("the flame graph has no boxes");
  if (await rows(page) < 3) say("the table has no rows");
  const canvas = page.locator("#flame canvas"), place = await canvas.boundingBox();
  await page.mouse.move(place.x + 30, place.y + 30);
  await canvas.scrollIntoViewIfNeeded();
  const at = await canvas.boundingBox();
  await page.mouse.move(at.x + 30, at.y + 30);
  const tip = page.locator("#flame .tip");
  if (!await tip.isVisible() || !/bytes|change/.test(await tip.innerText())) {
    say("a box has no tooltip");
  }
  const before = await picture(page);
  await page.mouse.click(at.x + 30, at.y + 45);
  if (!await page.locator("#reset").isVisible() || await picture(page) === before) {
    say("a click does not zoom");
  }
  await page.locator("#reset").click();
  if (await picture(page) !== before) say("'show all again' does not");
  const name = await page.locator("#functions th").first().evaluate(cell => cell.firstChild.data);
  const all = await rows(page);
  await page.fill("#search", name.replace(/[^\w ]/g, "."));
  if (await picture(page) === before) say("a search marks nothing");
  if (await rows(page) >= all && all > 3) say("a search picks no rows");
  if (!/%/.test(await page.locator("#found").innerText())) say("a search says no share");
  await page.fill("#search", "(");  // no regular expression
  await page.fill("#search", "");
  if (await picture(page) !== before) say("an empty search leaves marks");
  await page.check("#inverted");
  if (await picture(page) === before) say("inverted, the graph is the same");
  await page.uncheck("#inverted");
  if (await picture(page) !== before) say("inverted twice, the graph is another");
  await canvas.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  if (!await page.locator("#reset").isVisible()) say("the keyboard does not zoom");
  await page.keyboard.press("Escape");
  for (const option of await page.locator("#kind option").all()) {
    await page.selectOption("#kind", await option.getAttribute("value"));
    if (await boxes(page) < 2) say(`no boxes of the kind ${await option.innerText()}`);
  }
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"],
});
for (const view of VIEWS.filter(one => !only || one.name === only)) {
  const page = await browser.newPage(view);
  const inspector = await page.context().newCDPSession(page);
  await inspector.send("Performance.enable", { timeDomain: "threadTicks" });
  const say = text => problems.push(`${view.name}: ${text}`);
  page.on("console", message => say(`console: ${message.text()}`));
  page.on("pageerror", error => say(`error: ${error.message}`));
  page.on("request", request => {
    if (request.url() !== url && !request.url().startsWith("blob:")) say(`request: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: "load" });
  const ready = await page.waitForFunction(() => document.documentElement.dataset.ready, null,
    { timeout: 30000 }).then(() => true, () => false);
  if (ready) {
    // Time of the processor, not of the clock: other work of the machine does not count.
    const { metrics } = await inspector.send("Performance.getMetrics");
    const took = metrics.find(one => one.name === "TaskDuration").value;
    slowest = Math.max(slowest, took);
    if (took > most) say(`interactive only after ${took} s`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wide > 0) say(`the page is ${wide} pixels wider than the window`);
    const drawn = await page.evaluate(() => [...document.querySelectorAll("[data-chart]")]
      .filter(one => one.querySelectorAll("svg path").length > 4).length);
    if (drawn !== charts) say(`${drawn} charts instead of ${charts}`);
    if (pictures) {
      await page.screenshot({ path: `${pictures}/${view.name}-top.png` });
      await page.screenshot({ path: `${pictures}/${view.name}.png`, fullPage: true });
    }
    if (view.name !== "phone") await use(page, say);
  } else {
    say("never ready");
  }
  await page.close();
}
await browser.close();
problems.forEach(problem => console.log(problem));
console.log(`interactive after ${slowest} s at most`);
process.exit(problems.length > 0 ? 1 : 0);
