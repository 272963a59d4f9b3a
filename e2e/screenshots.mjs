// Pictures of every page, to be looked at: `node screenshots.mjs DIR`. Light and dark, wide and narrow, Spanish.

import { mkdirSync } from "node:fs";
import path from "node:path";
import { launch } from "./browser.mjs";
import { open } from "./stand.mjs";

const dir = path.resolve(process.argv[2] ?? "shots");
mkdirSync(dir, { recursive: true });
const stand = await open();
const { url, codes } = stand.place;
const browser = await launch();

const kinds = {
  wide: { viewport: { width: 1100, height: 820 } },
  readme: { viewport: { width: 860, height: 640 } },
  dark: { viewport: { width: 1100, height: 820 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
  small: { viewport: { width: 320, height: 640 }, isMobile: true, deviceScaleFactor: 2 },
  spanish: { viewport: { width: 820, height: 820 }, locale: "es-MX" },
};

async function tour(name, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const shot = async (what, whole = true) => {
    const { width, height } = options.viewport;
    const all = await page.evaluate(() => document.documentElement.scrollHeight);
    if (whole) await page.setViewportSize({ width, height: Math.max(all, height) });
    await page.screenshot({ path: path.join(dir, `${name}-${what}.png`), animations: "disabled" });
    if (whole) await page.setViewportSize({ width, height });
  };
  const next = () => page.click("#answers button[value=next]");
  await page.goto(url);
  await shot("1-code");
  await page.fill("#code", "WRONG-CODE");
  await page.click("button.primary");
  await page.waitForSelector("#code-error:not([hidden])");
  await shot("2-wrong");
  await page.fill("#code", codes.short.pop());
  await page.click("button.primary");
  await page.waitForURL("**/take/*");
  await page.check("[name=mood] >> nth=0");
  await page.check("[name=travel] >> nth=1");
  await shot("3-page");
  await shot("3-fold", false);
  await next();
  await page.waitForSelector("[data-page=lessons]");
  await page.check("[name=quiet][value=often]");
  await page.check("[name=help][value=always]");
  await shot("4-grid");
  await next();
  await page.waitForSelector("[data-page=numbers]");
  await page.fill("[name=hours]", "25");
  await next();
  await page.waitForSelector("#summary:not([hidden])");
  await shot("5-problem");
  await page.fill("[name=hours]", "");
  await page.click("button[value=review], button[value=back]");
  await page.waitForSelector("[data-page=lessons]");
  await context.setOffline(true);
  await next();
  await page.waitForSelector("[data-page=numbers]");
  await page.fill("[name=hours]", "7.5");
  await next();
  await page.waitForSelector("[data-page=words]");
  await shot("6-waiting");
  await next();
  await page.waitForSelector(".pages");
  await shot("7-review");
  await context.setOffline(false);
  await page.waitForSelector("#status[data-state=saved]");
  await page.click("#submit button");
  await page.waitForSelector(".done");
  await shot("8-done");
  await page.goto(url);
  await page.fill("#code", codes.long.pop());
  await page.click("button.primary");
  await page.waitForURL("**/take/*");
  await shot("9-demo");
  await page.click(".languages summary");
  await shot("9-languages", false);
  await page.click(".languages summary");
  for (let n = 0; n < 3; n++) {
    const id = await page.getAttribute("#answers", "data-page");
    for (const asked of await page.locator("[data-required]").all()) await asked.locator("input").first().check();
    await next();
    await page.waitForSelector(`#answers:not([data-page=${id}])`);
  }
  for (const [row, choice] of [[0, 3], [1, 1], [2, 2]]) {
    const asked = page.locator(".row").nth(row);
    await asked.locator("input").nth(choice).check();
  }
  await page.mouse.move(0, 0);
  await shot("9-demo4");
  await context.close();
}

try {
  const only = process.argv[3];
  for (const [name, options] of Object.entries(kinds)) if (!only || only === name) await tour(name, options);
  const context = await browser.newContext({ viewport: { width: 820, height: 820 } });
  const page = await context.newPage();
  await page.goto(url);
  await page.click(".languages summary");
  await page.click("button[lang=ar]");
  await page.fill("#code", codes.short.pop());
  await page.click("button.primary");
  await page.waitForURL("**/take/*");
  await page.screenshot({ path: path.join(dir, "arabic-page.png"), fullPage: true });
  await page.click("#answers button[value=next]");
  await page.waitForSelector("[data-page=lessons]");
  await page.screenshot({ path: path.join(dir, "arabic-grid.png"), fullPage: true });
} finally {
  await browser.close();
  await stand.close();
}
