// Every page: nothing for axe to find in light and dark, wide and narrow, in every language; headers; weight.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { answered, code, enter, next, press, settled, shown, status, url, withDevices } from "../helper.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function accessible(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(" | ")}`);
  });
  assert.deepEqual(found, [], `axe on ${what}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(wider, false, `${what} scrolls sideways`);
}

const devices = {
  light: { viewport: { width: 1280, height: 900 } },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  "phone, dark": { viewport: { width: 320, height: 640 }, isMobile: true, colorScheme: "dark" },
  "phone, Spanish": { viewport: { width: 390, height: 800 }, isMobile: true, locale: "es-MX" },
  "400 % zoom": { viewport: { width: 320, height: 256 } },
  Arabic: { viewport: { width: 800, height: 900 }, locale: "ar" },
};

for (const [name, options] of Object.entries(devices)) {
  test(`axe: ${name}`, () =>
    withDevices(async (device) => {
      const context = await device({ ...options, reducedMotion: "reduce" });
      const page = await context.newPage();
      await page.goto("/");
      await accessible(page, "code page");
      await page.fill("#code", "WRONG");
      await page.click("#enter button");
      await page.waitForSelector("#code-error:not([hidden])");
      await accessible(page, "code page with an error");
      await page.fill("#code", code());
      await page.click("#enter button");
      await shown(page, "morning");
      await page.check("[name=mood] >> nth=0");
      await page.click(".languages summary");
      const menu = await page.locator(".languages > :last-child").boundingBox();
      assert.ok(menu.x >= 0 && menu.x + menu.width <= options.viewport.width, "the languages are on the screen");
      await accessible(page, "first page");
      await page.click(".languages summary");
      await settled(page);
      await next(page, "lessons");
      await page.check("[name=quiet] >> nth=0");
      await accessible(page, "grid");
      await next(page, "numbers");
      await press(page, "next");
      await page.waitForSelector("#summary:not([hidden])");
      await accessible(page, "messages");
      await page.fill("[name=hours]", "8");
      await next(page, "words");
      await accessible(page, "text");
      await context.setOffline(true);
      await press(page, "next");
      await status(page, "waiting");
      await accessible(page, "review, waiting");
      await page.click("a[href='/take/lessons']");
      await shown(page, "lessons");
      await page.reload();
      await shown(page, "lessons");
      await accessible(page, "shell");
      await context.setOffline(false);
      await status(page, "saved");
      await press(page, "review");
      await page.waitForSelector(".pages");
      await page.reload();
      await accessible(page, "review of the server");
      await page.click("#submit button");
      await page.waitForSelector(".done");
      await accessible(page, "done");
      for (const path of ["/offline", "/take/nothing", "/?locked"]) {
        await page.goto(path);
        await accessible(page, path);
      }
    }));
}

test("every page has its headers, and nothing inline", async () => {
  for (const path of ["/", "/offline", "/take", "/review", "/done", "/?left"]) {
    const reply = await fetch(url + path, { redirect: "manual" });
    const policy = reply.headers.get("content-security-policy");
    assert.match(policy, /default-src 'none'/, path);
    assert.doesNotMatch(policy, /unsafe/, path);
    assert.equal(reply.headers.get("cache-control"), "no-store", path);
    assert.equal(reply.headers.get("referrer-policy"), "same-origin", path);
    assert.equal(reply.headers.get("x-content-type-options"), "nosniff", path);
    assert.doesNotMatch(await reply.text(), /<script>|<style|style=| on[a-z]+=/, path);
  }
});

test("the cookie ends with the browser and is out of reach of scripts", () =>
  withDevices(async (device) => {
    const context = await device();
    await enter(context, code());
    const [cookie] = (await context.cookies()).filter((c) => c.name.endsWith("canvass"));
    assert.equal(cookie.expires, -1);
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, "Lax");
  }));

test("a first visit weighs less than 60 kB: every page and file up to the first question of the long survey", () =>
  withDevices(async (device) => {
    const context = await device({ locale: "en-US" });
    const sizes = {};
    context.on("requestfinished", async (request) => {
      const { responseBodySize, responseHeadersSize } = await request.sizes();
      const path = new URL(request.url()).pathname;
      sizes[path] = Math.max(sizes[path] ?? 0, responseBodySize + responseHeadersSize);
    });
    const page = await enter(context, code("long"));
    await settled(page);
    await page.check("[data-question] >> nth=0 >> input >> nth=1");
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    assert.ok(Object.keys(sizes).length > 15, "the files are counted");
    assert.ok(Object.keys(sizes).some((path) => path.startsWith("/api/v1/questionnaire/")), "the document is counted");
    assert.ok(total < 60_000, `${total} bytes: ${JSON.stringify(sizes, null, 1)}`);
    console.log(`first visit: ${total} bytes in ${Object.keys(sizes).length} requests`);
  }));

test("the long survey from the first page to the last", () =>
  withDevices(async (device) => {
    const mine = code("long");
    const page = await enter(await device(), mine);
    const given = {};
    for (let n = 1; n <= 30; n++) {
      const id = await page.getAttribute("#answers", "data-page");
      for (const asked of await page.locator("[data-question]").all()) {
        const kind = await asked.getAttribute("data-kind");
        const name = await asked.getAttribute("data-question");
        if (kind === "single" || kind === "multiple") {
          const input = asked.locator("input:not([type=hidden])").first();
          await input.check();
          given[name] = kind === "single" ? await input.inputValue() : [await input.inputValue()];
        }
        if (kind === "number") await asked.locator("input").fill(String((given[name] = 1)));
        if (kind === "text") await asked.locator("input, textarea").fill((given[name] = "words"));
      }
      await press(page, "next");
      await page.waitForSelector(n < 30 ? `#answers:not([data-page=${id}])` : ".pages");
    }
    await status(page, "saved");
    await answered(mine, given);
    await page.click("#submit button");
    await page.waitForSelector(".done");
  }));
