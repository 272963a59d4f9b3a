// The respondent's way without JavaScript: plain forms.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  answered,
  checked,
  code,
  enter,
  next,
  place,
  press,
  response,
  rows,
  says,
  shown,
  url,
  withDevices,
} from "../helper.mjs";
import { serve } from "../stand.mjs";

const plain = { javaScriptEnabled: false };

// A server on the same database that has no room for answers: every write gets 503.
let full;
before(async () => {
  full = await serve(place, { CANVASS_WEB_DISK_PATH: place.dir, CANVASS_WEB_MIN_FREE_BYTES: String(2 ** 60) });
});
after(() => full.stop());

// Sends this page's forms to the server without room.
const overloaded = (page) =>
  page.route("**/take/*", async (route) => {
    const request = route.request();
    if (request.method() !== "POST") return route.continue();
    const headers = { ...(await request.allHeaders()), origin: full.url };
    await route.fulfill({ response: await route.fetch({ url: request.url().replace(url, full.url), headers }) });
  });

test("the whole survey", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(plain), ` ${mine.toLowerCase().replaceAll("-", " ")} `);
    await page.check("[name=mood][value=good]");
    await page.check("[name=travel][value=bus]");
    await page.check("[name=travel][value=foot]");
    await next(page, "lessons");
    await page.check("[name=quiet][value=often]");
    await next(page, "numbers");
    await page.fill("[name=hours]", "7,5");
    await page.fill("[name=word]", "¡Olé!");
    await next(page, "words");
    await page.fill("[name=anything]", "One line\nand <b>another</b>");
    await press(page, "next");
    await page.waitForSelector(".pages");
    assert.equal(await page.textContent("li[data-page=lessons] .state"), "1 of 3 answered");
    await page.click("#submit button");
    await page.waitForURL("**/done");
    const server = await answered(mine, {
      mood: "good",
      travel: ["foot", "bus"],
      quiet: "often",
      hours: 7.5,
      word: "¡Olé!",
      anything: "One line\nand <b>another</b>",
    });
    assert.ok(server.submitted_at > 0);
    assert.equal((await rows(mine)).length, 4);
    await page.reload();
    await page.waitForSelector("#enter");
  }));

test("a wrong code is asked for again and stays in the field", () =>
  withDevices(async (device) => {
    const context = await device(plain);
    const page = await context.newPage();
    await page.goto("/");
    await page.fill("#code", "NOT A CODE");
    const [reply] = await Promise.all([page.waitForResponse("**/enter"), page.click("#enter button")]);
    assert.equal(reply.status(), 422);
    await says(page, "#code-error", /do not know this code/);
    assert.equal(await page.inputValue("#code"), "NOT A CODE");
    await page.goto("/take/morning");
    assert.equal(new URL(page.url()).pathname, "/");
  }));

test("refused and missing answers: messages beside them, the others are saved, typed text stays", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(plain), mine);
    await next(page, "lessons");
    await next(page, "numbers");
    await page.fill("[name=hours]", "a lot");
    await page.fill("[name=word]", "fine");
    const [reply] = await Promise.all([page.waitForResponse("**/take/numbers"), press(page, "next")]);
    assert.equal(reply.status(), 422);
    await says(page, "#e-hours", /number in digits/);
    assert.equal(await page.inputValue("[name=hours]"), "a lot");
    assert.equal(await page.inputValue("[name=word]"), "fine");
    assert.match(await page.title(), /^Error: /);
    await answered(mine, { word: "fine" });
    await page.fill("[name=hours]", "");
    await press(page, "next");
    await says(page, "#e-hours", /needs an answer/);
    await press(page, "back");
    await shown(page, "lessons");
    await page.goto("/review");
    await page.click("#submit button");
    await says(page, "#summary", /1 page still needs an answer/);
    assert.equal((await response(mine)).submitted_at, null);
    await page.click("#summary a");
    await shown(page, "numbers");
    await page.fill("[name=hours]", "0");
    await next(page, "words");
    await answered(mine, { word: "fine", hours: 0 });
  }));

test("a page that cannot be saved now comes back with its answers, and is saved with one more press", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(plain), mine);
    await overloaded(page);
    await page.check("[name=mood][value=bad]");
    await page.check("[name=travel][value=car]");
    const [reply] = await Promise.all([page.waitForResponse("**/take/morning"), press(page, "next")]);
    assert.equal(reply.status(), 503);
    assert.ok(Number(reply.headers()["retry-after"]) > 0);
    assert.match(await page.textContent(".notice.problem[autofocus]"), /not saved yet/);
    assert.deepEqual(await checked(page, "mood"), ["bad"]);
    assert.deepEqual(await checked(page, "travel"), ["car"]);
    assert.deepEqual((await response(mine)).answers, {});
    await page.unroute("**/take/*");
    await next(page, "lessons");
    await answered(mine, { mood: "bad", travel: ["car"] });
  }));

test("a stale page on a second device wipes nothing, and a correction follows what it corrects", () =>
  withDevices(async (device) => {
    const mine = code();
    const [a, b] = await Promise.all([device(plain), device(plain)].map(async (d) => enter(await d, mine)));
    await a.check("[name=mood][value=good]");
    await next(a, "lessons");
    await b.check("[name=travel][value=foot]");
    await next(b, "lessons");
    await answered(mine, { mood: "good", travel: ["foot"] });
    await press(b, "back");
    await shown(b, "morning");
    assert.deepEqual(await checked(b, "mood"), ["good"]);
    await b.check("[name=mood][value=bad]");
    await b.uncheck("[name=travel][value=foot]");
    await next(b, "lessons");
    await answered(mine, { mood: "bad" });
  }));

test("Back, and save and leave, keep what was changed; nothing changed writes nothing", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device(plain);
    const page = await enter(context, mine);
    await next(page, "lessons");
    await page.check("[name=fun][value=always]");
    await press(page, "back");
    await shown(page, "morning");
    await answered(mine, { fun: "always" });
    assert.equal((await rows(mine)).length, 2);
    await press(page, "leave");
    await page.waitForURL("**/?left");
    assert.match(await page.textContent("main"), /Your answers are saved/);
    assert.equal((await rows(mine)).length, 2);
    await page.goto("/take/lessons");
    assert.equal(new URL(page.url()).pathname, "/");
    const again = await enter(context, mine);
    await shown(again, "numbers");
  }));

test("the browser's Back after a change shows the page as it is now, and loses nothing", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(plain), mine);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await page.goBack();
    await shown(page, "morning");
    assert.deepEqual(await checked(page, "mood"), ["good"]);
    await page.check("[name=mood][value=bad]");
    await next(page, "lessons");
    await answered(mine, { mood: "bad" });
  }));

test("a double click saves the same page twice at most, and harms nothing", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(plain), mine);
    await page.check("[name=mood][value=good]");
    await page.dblclick("#answers button[value=next]");
    await shown(page, "lessons");
    const server = await answered(mine, { mood: "good" });
    assert.deepEqual(server.pages, ["morning"]);
  }));

test("a page posted after its session is gone is saved, and the code is asked for", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device(plain);
    const page = await enter(context, mine);
    await page.check("[name=mood][value=good]");
    await context.clearCookies();
    await press(page, "next");
    await page.waitForURL("**/?kept");
    assert.match(await page.textContent("main"), /Your answers on that page are saved/);
    await answered(mine, { mood: "good" });
  }));

test("a page posted in another one's session is saved where it belongs, and shows nothing", () =>
  withDevices(async (device) => {
    const [first, second] = [code(), code()];
    const context = await device(plain);
    const stale = await enter(context, first);
    await stale.check("[name=mood][value=bad]");
    const other = await enter(context, second);
    await other.check("[name=mood][value=good]");
    await next(other, "lessons");
    await press(stale, "next");
    await stale.waitForURL("**/?kept");
    await answered(first, { mood: "bad" });
    await answered(second, { mood: "good" });
  }));

test("another language saves what was chosen and stays on the page", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device({ ...plain, locale: "en-US" }), mine);
    await page.check("[name=mood][value=fair]");
    await page.click(".languages summary");
    await page.click(".languages button[lang=ar]");
    await page.waitForSelector("html[dir=rtl] #answers[data-page=morning]");
    assert.equal(await page.textContent("h1"), "الصباح");
    assert.deepEqual(await checked(page, "mood"), ["fair"]);
    await answered(mine, { mood: "fair" });
  }));

test("a forged token writes nothing", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device(plain);
    const page = await enter(context, mine);
    const reply = await context.request.post(`${url}/take/morning`, {
      form: { token: "A".repeat(40), was: "{}", stamp: "0", mood: "good", action: "next" },
      maxRedirects: 0,
    });
    assert.equal(reply.status(), 401);
    // The page comes back with what was filled in, and one more press saves it.
    await page.setContent(await reply.text());
    assert.deepEqual(await checked(page, "mood"), ["good"]);
    assert.deepEqual((await response(mine)).answers, {});
    await page.close();
  }));

test("a form that has seen a time to come is not saved before what it corrects, and comes back filled in", () =>
  withDevices(async (device) => {
    const mine = code();
    const { token } = await response(mine);
    const context = await device(plain);
    const reply = await context.request.post(`${url}/take/morning`, {
      form: { token, was: "{}", stamp: "8000000000000000", mood: "good", action: "next" },
      maxRedirects: 0,
    });
    assert.equal(reply.status(), 503);
    assert.match(await reply.text(), /value="good"[^>]* checked/);
    assert.deepEqual((await response(mine)).answers, {});
  }));

test("Enter in a field is Next, in the same language", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device({ ...plain, locale: "es-ES" }), mine);
    await next(page, "lessons");
    await next(page, "numbers");
    await page.fill("[name=hours]", "8");
    await page.press("[name=hours]", "Enter");
    await shown(page, "words");
    assert.equal(await page.getAttribute("html", "lang"), "es");
    await answered(mine, { hours: 8 });
  }));
