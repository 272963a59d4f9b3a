// The HTML of `canvass logs`, made of a log and opened from a file: it sorts, finds and opens, asks for nothing, lets
// nothing run that a log brought along, and has nothing for axe to find.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch } from "../browser.mjs";
import { binary } from "../stand.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const HOSTILE = "</script><img src=x onerror=globalThis.ran=1>";
const PREFIX = "%m [%p] %c %u@%d [%a] %h ";
const STATEMENTS = 40;

let dir, browser, report, compared;

// Statements of every sort, twice as slow where wanted; one asked again and again, one in a run, one that fails.
function log(slower) {
  const lines = [];
  let at = Date.parse("2026-11-26T08:00:00Z");
  const say = (application, text) => {
    at += 700;
    const time = new Date(at).toISOString().replace("T", " ").replace("Z", " UTC");
    lines.push(`${time} [42] 692e0000.2a canvass@survey [${application}] 10.0.0.1 ${text}`);
  };
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < STATEMENTS; i++) {
      const ms = ((1 + (i % 7)) * (i + 1) * slower + round / 10).toFixed(3);
      say(i % 3 ? "web" : HOSTILE, `LOG:  duration: ${ms} ms  statement: SELECT c${i} FROM account WHERE d = ${round}`);
    }
    say("web", `LOG:  duration: 900.000 ms  statement: SELECT "${HOSTILE}" FROM odd WHERE a = 'secret-value'`);
    at -= 680;
    say("web", "LOG:  duration: 0.400 ms  statement: SELECT name FROM school WHERE id = 7");
    say("web", 'ERROR:  relation "nowhere" does not exist');
    say("web", "STATEMENT:  SELECT * FROM nowhere WHERE id = 5");
  }
  return lines.join("\n") + "\n";
}

before(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "canvass-logs-"));
  const file = (name) => path.join(dir, name);
  writeFileSync(file("before.log"), log(1));
  writeFileSync(file("after.log"), log(2));
  const rehearsal = {
    format: 1,
    name: HOSTILE,
    started: "2026-11-26T08:01:00Z",
    seconds: 600,
    phases: [{ name: HOSTILE, at: 0, until: 300 }],
    faults: [{ name: "kill the pooler", at: 60, recovered: 30 }],
  };
  writeFileSync(file("rehearsal.json"), JSON.stringify(rehearsal));
  const logs = (...args) => execFileSync(binary, ["logs", ...args], { encoding: "utf8" });
  const outputs = ["--html", file("report.html"), "--json", file("before.json"), "--phases", file("rehearsal.json")];
  logs("--prefix", PREFIX, ...outputs, file("before.log"));
  logs("--prefix", PREFIX, "--json", file("after.json"), file("after.log"));
  logs("compare", file("before.json"), file("after.json"), "--html", file("compared.html"));
  report = file("report.html");
  compared = file("compared.html");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(dir, { recursive: true, force: true });
});

// Opens a page in a context that fails the test on any complaint, and on any request but that for the file.
async function opened(file, options, look) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const complaints = [];
  context.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(error.error().stack));
  context.on("request", (request) => {
    if (new URL(request.url()).protocol !== "file:") complaints.push(`asked for ${request.url()}`);
  });
  const page = await context.newPage();
  await page.goto(pathToFileURL(file.split("#")[0]).href + (file.includes("#") ? file.slice(file.indexOf("#")) : ""));
  await look(page);
  assert.equal(await page.evaluate(() => globalThis.ran), undefined, "a log's text ran");
  assert.equal(await page.locator("img").count(), 0);
  await context.close();
  assert.deepEqual(complaints, [], "the page complained");
}

const numbers = (page) => page.locator("table.statements > tbody:not([hidden])").evaluateAll((all) => all.map((b) => b.id));
const head = (page, name) => page.locator("table.statements").getByRole("button", { name, exact: true });
const inOrder = (key) =>
  JSON.parse(readFileSync(path.join(dir, "before.json"), "utf8"))
    .statements.map((s, i) => [s, i])
    .sort(([a, i], [b, j]) => key(b) - key(a) || i - j)
    .map(([s]) => `s-${s.id}`);

test("reports are their owner's alone, and hold no value", () => {
  for (const file of [report, compared, path.join(dir, "before.json")]) {
    assert.equal(statSync(file).mode & 0o777, 0o600, file);
    assert.ok(!readFileSync(file, "utf8").includes("secret-value"), file);
  }
});

test("statements are put in order by a head, by the list of measures and by the address", () =>
  opened(report, {}, async (page) => {
    assert.deepEqual(await numbers(page), inOrder((s) => s.micros));
    await head(page, "mean").click();
    assert.deepEqual(await numbers(page), inOrder((s) => s.mean));
    assert.equal(await page.locator("th[aria-sort=descending]").first().textContent(), "mean");
    assert.match(page.url(), /#by=mean$/);
    await page.selectOption("#by", { label: "p99" });
    assert.deepEqual(await numbers(page), inOrder((s) => s.p99));
    await page.reload();
    assert.deepEqual(await numbers(page), inOrder((s) => s.p99), "the address keeps the order");
    await head(page, "p99").press("Enter");
    assert.equal(await page.locator("th[data-by][aria-sort=ascending]").textContent(), "p99");
  }));

test("what is looked for is found in statements and tables, and stands in the address", () =>
  opened(report, {}, async (page) => {
    await page.keyboard.press("/");
    await page.keyboard.type("nowhere");
    const shown = await numbers(page);
    assert.equal(shown.length, 1);
    assert.equal(await page.locator("nav output").textContent(), `1 of ${STATEMENTS + 3} statements`);
    assert.match(page.url(), /#q=nowhere$/);
    await page.fill("#q", "no such thing");
    assert.ok(await page.locator("#none").isVisible());
    await page.fill("#q", "");
    assert.equal((await numbers(page)).length, STATEMENTS + 3);
    await page.goto(page.url().split("#")[0] + "#q=school");
    assert.equal(await page.inputValue("#q"), "school");
    assert.equal((await numbers(page)).length, 1);
  }));

test("a ranking leads to its statement, opened, even when it was filtered away", () =>
  opened(report, {}, async (page) => {
    await page.fill("#q", "no such thing");
    const link = page.locator(".ranks a").first();
    const id = (await link.getAttribute("href")).slice(1);
    await link.click();
    await page.locator(`#${id} details[open] figure`).first().waitFor();
    assert.ok(await page.locator(`#${id} summary`).evaluate((summary) => summary === document.activeElement));
  }));

test("a moment is read in all plots at once, by keyboard too", () =>
  opened(report, {}, async (page) => {
    await page.locator("#executions").focus();
    await page.keyboard.press("Home");
    const said = await page.locator(".over-time .moment").allTextContents();
    assert.ok(said.length >= 3 && said.every((text) => text === "at 08:00:00"), said.join());
    assert.match(await page.locator("#f-times output").first().textContent(), /ms|µs|s/);
    assert.equal(await page.locator("#executions .fault").count(), 1, "the rehearsal's fault is marked");
  }));

test("tables sort", () =>
  opened(report, {}, async (page) => {
    const calls = () => page.locator("#by-application tbody td:nth-child(4)").evaluateAll((all) => all.map((c) => Number(c.dataset.v)));
    const head = page.locator("#by-application th button", { hasText: "calls" });
    await head.click();
    const down = await calls();
    await head.click();
    assert.deepEqual(await calls(), [...down].reverse());
    assert.ok(down[0] > down.at(-1));
  }));

test("without script everything is there to be read", () =>
  opened(report, { javaScriptEnabled: true }, async (page) => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const plain = await context.newPage();
    await plain.goto(page.url());
    assert.equal(await plain.locator("table.statements > tbody").count(), STATEMENTS + 3);
    const first = plain.locator("table.statements > tbody").first();
    await first.locator("summary").click();
    assert.ok(await first.locator("figure").first().isVisible());
    assert.ok(!(await plain.locator("#q").isVisible()), "what needs script is not shown");
    await context.close();
  }));

const devices = {
  light: {},
  dark: { colorScheme: "dark" },
  "phone, dark": { viewport: { width: 360, height: 700 }, isMobile: true, colorScheme: "dark" },
};
for (const [name, options] of Object.entries(devices)) {
  for (const [what, file] of [["report", () => report], ["comparison", () => compared]]) {
    test(`axe: ${what}, ${name}`, () =>
      opened(file(), options, async (page) => {
        if (what === "report") await page.click("#all");
        await page.evaluate(axe);
        const found = await page.evaluate(async () => {
          const { violations } = await globalThis.axe.run(document, {
            runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
          });
          return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 5).map((n) => n.html.slice(0, 160)).join(" | ")}`);
        });
        assert.deepEqual(found, []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "scrolls sideways");
      }));
  }
}

test("the comparison says what is worse", () =>
  opened(compared, {}, async (page) => {
    assert.match(await page.locator(".verdict h2").textContent(), /^[1-9]\d* worse/);
    assert.match(await page.locator("#worse tbody tr").first().textContent(), /\+\d+ %/);
  }));
