// SPDX-License-Identifier: MIT
// Pictures of the parts of a profile's page, for docs/profiling.md.
//
// usage: node tools/charts/shoot_profile.mjs PAGE.html FOLDER SECTION...
//
// Writes FOLDER/profile-SECTION.png for each section of that id, some 1000 pixels wide
// and at most 600 tall.
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { chromium } from "playwright-core";

const EDGE = 12, TALL = 560;  // pixels
const [file, folder, ...sections] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"],
});
const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme: "light" });
await page.goto(pathToFileURL(resolve(file)).href, { waitUntil: "load" });
await page.waitForFunction(() => document.documentElement.dataset.ready, null, { timeout: 60000 });
for (const section of sections) {
  const box = await page.locator(`#${section}`).boundingBox();
  if (box === null) throw new Error(`${file} has no section ${section}`);
  const clip = { x: Math.max(box.x - EDGE, 0), y: Math.max(box.y - EDGE, 0),
    width: box.width + 2 * EDGE, height: Math.min(box.height, TALL) + 2 * EDGE };
  await page.screenshot({ path: `${folder}/profile-${section}.png`, clip, fullPage: true });
}
await browser.close();
