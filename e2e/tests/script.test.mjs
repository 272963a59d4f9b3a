// The respondent's way with JavaScript.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answered,
  checked,
  code,
  drafted,
  enter,
  intercept,
  kept,
  next,
  outbox,
  press,
  response,
  rows,
  settled,
  shown,
  status,
  until,
  url,
  withDevices,
} from "../helper.mjs";

// Cuts and mends the way of some calls. `lost`: the server does its work, but its reply never arrives.
const cut = (page, path, how = "before") =>
  intercept(page, path, async (route) => {
    if (how === "lost") await route.fetch();
    await route.abort("connectionreset");
  });

const online = (page) => page.evaluate(() => dispatchEvent(new Event("online")));

test("the whole survey: one request a page turn, and everything on disk", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await settled(page);
    const calls = [];
    page.on("request", (request) => {
      const { pathname } = new URL(request.url());
      // Chromium looks up the page's picture again, in its cache, whenever the address changes.
      if (!pathname.includes("/icon.")) calls.push(`${request.method()} ${pathname}`);
    });
    await page.check("[name=mood][value=good]");
    await page.check("[name=travel][value=bus]");
    await page.check("[name=travel][value=foot]");
    await next(page, "lessons");
    await page.check("[name=quiet][value=often]");
    await page.check("[name=fun][value=never]");
    await next(page, "numbers");
    await page.fill("[name=hours]", "7,5");
    await page.fill("[name=word]", "  ¡Olé! ");
    await next(page, "words");
    await page.fill("[name=anything]", "One line\nand <b>another</b>");
    await press(page, "next");
    await page.waitForSelector(".pages");
    assert.deepEqual(calls, Array(4).fill("POST /api/v1/saves"));
    assert.equal(await page.textContent("li[data-page=lessons] .state"), "2 of 3 answered");
    await status(page, "saved");
    await page.click("#submit button");
    await page.waitForSelector(".done");
    assert.equal(new URL(page.url()).pathname, "/done");
    const server = await answered(mine, {
      mood: "good",
      travel: ["foot", "bus"],
      quiet: "often",
      fun: "never",
      hours: 7.5,
      word: "¡Olé!",
      anything: "One line\nand <b>another</b>",
    });
    assert.ok(server.submitted_at > 0);
    assert.equal((await rows(mine)).length, 4);
    const left = await kept(page);
    assert.equal(left.session["canvass-session"], undefined);
    assert.deepEqual(left.databases["canvass.drafts"], []);
    await page.reload();
    await page.waitForSelector("#enter");
  }));

test("the survey goes on on another device where it stopped", () =>
  withDevices(async (device) => {
    const mine = code();
    const first = await enter(await device({ locale: "es-ES" }), mine);
    await first.check("[name=mood][value=bad]");
    await next(first, "lessons");
    await first.check("[name=help][value=always]");
    await press(first, "leave");
    await first.waitForURL("**/?left");
    const second = await enter(await device({ locale: "en-US" }), mine);
    await shown(second, "numbers");
    assert.equal(await second.textContent("h1"), "Números");
    await press(second, "back");
    await shown(second, "lessons");
    assert.deepEqual(await checked(second, "help"), ["always"]);
    await press(second, "back");
    await shown(second, "morning");
    assert.deepEqual(await checked(second, "mood"), ["bad"]);
  }));

test("a reply that is lost in the middle of a page turn", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    const mend = await cut(page, "**/api/v1/saves", "lost");
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await status(page, "waiting");
    assert.match(await page.textContent("#status"), /1 answer waiting\. Keep this page open/);
    assert.equal((await outbox(page)).length, 1);
    await mend();
    await online(page);
    await status(page, "saved");
    assert.equal((await outbox(page)).length, 0);
    await answered(mine, { mood: "good" });
    assert.equal((await rows(mine)).length, 1, "the same save twice is one row");
  }));

test("no network for some pages, and back", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const page = await enter(context, mine);
    await settled(page);
    await context.setOffline(true);
    await page.check("[name=mood][value=fair]");
    await next(page, "lessons");
    await page.check("[name=fun][value=always]");
    await next(page, "numbers");
    await status(page, "waiting");
    assert.deepEqual((await response(mine)).answers, {});
    await context.setOffline(false);
    await status(page, "saved");
    await answered(mine, { mood: "fair", fun: "always" });
  }));

test("reload while offline: typed, waiting and saved answers are all there", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const page = await enter(context, mine);
    await settled(page);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await context.setOffline(true);
    await page.check("[name=quiet][value=some]");
    await next(page, "numbers");
    await page.fill("[name=hours]", "six");
    await page.fill("[name=word]", "typed");
    await page.fill("[name=word]", "typed, not sent");
    await until("the draft is kept", async () => {
      const fields = (await drafted(page))?.fields;
      return fields?.word?.[0] === "typed, not sent" && fields.hours[0] === "six";
    });
    await page.reload();
    await shown(page, "numbers");
    assert.equal(new URL(page.url()).pathname, "/take/numbers");
    assert.equal(await page.inputValue("[name=hours]"), "six");
    assert.equal(await page.inputValue("[name=word]"), "typed, not sent");
    await status(page, "waiting");
    await press(page, "back");
    await page.waitForSelector("#summary:not([hidden])");
    await page.fill("[name=hours]", "6");
    await press(page, "back");
    await shown(page, "lessons");
    assert.deepEqual(await checked(page, "quiet"), ["some"]);
    await press(page, "back");
    await shown(page, "morning");
    assert.deepEqual(await checked(page, "mood"), ["good"]);
    await context.setOffline(false);
    await status(page, "saved");
    await answered(mine, { mood: "good", quiet: "some", hours: 6, word: "typed, not sent" });
    await page.reload();
    await shown(page, "morning");
    assert.deepEqual(await checked(page, "mood"), ["good"]);
  }));

test("what was typed survives a reload", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await page.check("[name=mood][value=bad]");
    await until("the draft is kept", async () => (await drafted(page))?.fields.mood?.[0] === "bad");
    await page.reload();
    await until("the answer is back", async () => (await checked(page, "mood"))[0] === "bad");
    assert.deepEqual((await response(mine)).answers, {});
    await next(page, "lessons");
    await answered(mine, { mood: "bad" });
  }));

test("what was typed before the script had got going survives a reload too", () =>
  withDevices(async (device) => {
    const context = await device({ serviceWorkers: "block" });
    let go;
    const held = new Promise((done) => {
      go = done;
    });
    await context.route("**/static/strings-*.js", async (route) => {
      await held;
      await route.continue();
    });
    const page = await enter(context, code());
    await page.check("[name=mood][value=bad]");
    // Longer than the page waits after typing before it writes the draft.
    await page.evaluate(() => new Promise((done) => setTimeout(done, 500)));
    go();
    await until("the draft is kept", async () => (await drafted(page))?.fields.mood?.[0] === "bad");
    await page.reload();
    await until("the answer is back", async () => (await checked(page, "mood"))[0] === "bad");
  }));

test("the tab closed with a save waiting, and opened again", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const page = await enter(context, mine);
    await settled(page);
    await context.setOffline(true);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await status(page, "waiting");
    await page.close();
    await context.setOffline(false);
    const again = await context.newPage();
    await again.goto("/take");
    await shown(again, "morning");
    await until("the waiting answer is shown", async () => (await checked(again, "mood"))[0] === "good");
    await answered(mine, { mood: "good" });
    await until("the outbox is empty", async () => (await outbox(again)).length === 0);
  }));

test("the same code on two devices, entered at the same moment", () =>
  withDevices(async (device) => {
    const mine = code();
    const [a, b] = await Promise.all([device(), device()].map(async (d) => enter(await d, mine)));
    await a.check("[name=mood][value=good]");
    await b.check("[name=travel][value=car]");
    await Promise.all([next(a, "lessons"), next(b, "lessons")]);
    await answered(mine, { mood: "good", travel: ["car"] });
    await a.check("[name=quiet][value=often]");
    await next(a, "numbers");
    await next(b, "numbers");
    await answered(mine, { mood: "good", travel: ["car"], quiet: "often" });
  }));

test("Back after a change, with the page's button and with the browser's", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await page.check("[name=fun][value=some]");
    await press(page, "back");
    await shown(page, "morning");
    assert.deepEqual(await checked(page, "mood"), ["good"]);
    await page.check("[name=mood][value=bad]");
    await next(page, "lessons");
    assert.deepEqual(await checked(page, "fun"), ["some"]);
    await page.check("[name=fun][value=never]");
    await page.goBack();
    await shown(page, "morning");
    await answered(mine, { mood: "bad", fun: "never" });
    await page.goForward();
    await shown(page, "lessons");
    assert.deepEqual(await checked(page, "fun"), ["never"]);
  }));

test("an answer can be taken back", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await page.check("[name=mood][value=good]");
    await page.check("[name=travel][value=bus]");
    await next(page, "lessons");
    await answered(mine, { mood: "good", travel: ["bus"] });
    await press(page, "back");
    await shown(page, "morning");
    await page.click("button[data-clear=mood]");
    await page.uncheck("[name=travel][value=bus]");
    await next(page, "lessons");
    await answered(mine, {});
  }));

test("a double click on Next is one page turn", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await page.check("[name=mood][value=good]");
    await page.dblclick("#answers button[value=next]");
    await shown(page, "lessons");
    await status(page, "saved");
    assert.deepEqual((await response(mine)).pages, ["morning"]);
    assert.equal((await rows(mine)).length, 1);
  }));

test("a double click on Next is one page turn when its second half meets the next page, too", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await next(page, "lessons");
    const { x, y, width, height } = await page.locator("#answers button[value=next]").boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await press(page, "back");
    await shown(page, "morning");
    assert.deepEqual((await response(mine)).pages, ["morning"]);
  }));

// Has drafts wait for the returned function before they are sealed.
async function holdDrafts(page) {
  await page.evaluate(() => {
    const { encrypt } = SubtleCrypto.prototype;
    const held = new Promise((done) => {
      globalThis.letGo = done;
    });
    SubtleCrypto.prototype.encrypt = async function (...given) {
      if (new TextDecoder().decode(given[2]).includes('"fields":')) await held;
      return encrypt.apply(this, given);
    };
  });
  return () => page.evaluate(() => globalThis.letGo());
}

test("a page that is shown can be turned at once, however slow the device is with its draft", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await settled(page);
    const letGo = await holdDrafts(page);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await page.check("[name=fun][value=some]");
    await next(page, "numbers");
    await page.goBack();
    await shown(page, "lessons");
    await page.goBack();
    await shown(page, "morning");
    await letGo();
    await answered(mine, { mood: "good", fun: "some" });
    await until("the draft is of this page", async () => (await drafted(page))?.page === "morning");
  }));

test("what is changed while the save is under way is saved too", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    const mend = await intercept(page, "**/api/v1/saves", async (route, sent) => {
      if (sent === 1) await page.check("[name=mood][value=bad]");
      await route.continue();
    });
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await status(page, "saved");
    await answered(mine, { mood: "bad" });
    assert.equal((await rows(mine)).length, 2);
    await mend();
  }));

test("two tabs: neither wipes what the other saved", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const one = await enter(context, mine);
    const two = await context.newPage();
    await two.goto("/take/morning");
    await shown(two, "morning");
    await one.check("[name=mood][value=good]");
    await next(one, "lessons");
    await two.check("[name=travel][value=foot]");
    await next(two, "lessons");
    await answered(mine, { mood: "good", travel: ["foot"] });
    await two.check("[name=help][value=some]");
    await next(two, "numbers");
    await one.check("[name=fun][value=some]");
    await next(one, "numbers");
    await answered(mine, { mood: "good", travel: ["foot"], help: "some", fun: "some" });
    const stamps = (await rows(mine)).map((row) => row.stamp);
    assert.equal(new Set(stamps).size, 4, "no two tabs get the same stamp");
  }));

test("two pupils on one device: the second sees nothing of the first, whose answers are delivered", () =>
  withDevices(async (device) => {
    const [first, second] = [code(), code()];
    const context = await device();
    let page = await enter(context, first);
    await settled(page);
    await page.check("[name=mood][value=bad]");
    await next(page, "lessons");
    await context.setOffline(true);
    await page.check("[name=help][value=never]");
    await next(page, "numbers");
    await page.fill("[name=hours]", "5");
    await page.fill("[name=word]", "secretword");
    const { key, token } = await page.evaluate(() => JSON.parse(sessionStorage["canvass-session"]));
    await press(page, "leave");
    await page.waitForSelector("#retry");

    const readable = async (text) => JSON.stringify(await kept(page)).includes(text);
    for (const word of ["secretword", key, token, '"help"', "never"]) {
      const { databases, session } = await kept(page);
      assert.ok(!JSON.stringify({ databases, session }).includes(word), `${word} can be read on the device`);
    }

    // Back online, but what waits does not get through yet: and the session that was left offline is over.
    await page.close();
    await context.route("**/api/v1/sealed", (route) => route.abort("connectionreset"));
    await context.setOffline(false);
    page = await context.newPage();
    await page.goto("/take/lessons");
    await page.waitForSelector("#enter");
    await status(page, "waiting");
    assert.match(await page.textContent("#status"), /2 saved pages on this device are waiting/);

    await page.fill("#code", second);
    await page.click("#enter button");
    await shown(page, "morning");
    assert.deepEqual(await checked(page, "mood"), []);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    assert.deepEqual(await checked(page, "help"), []);
    await status(page, "saved");
    await next(page, "numbers");
    assert.equal(await page.inputValue("[name=word]"), "");
    await page.reload();
    await shown(page, "numbers");
    assert.equal(await page.inputValue("[name=word]"), "");
    assert.equal(await readable("secretword"), false);
    assert.equal((await outbox(page)).length, 2);
    await answered(first, { mood: "bad" });

    await context.unroute("**/api/v1/sealed");
    await online(page);
    await answered(first, { mood: "bad", help: "never", hours: 5, word: "secretword" });
    await answered(second, { mood: "good" });
    await until("the outbox is empty", async () => (await outbox(page)).length === 0);
  }));

test("leaving while answers wait says that they wait, and they are sent from the code page", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    const mend = await cut(page, "**/api/v1/{saves,sealed}");
    await page.check("[name=mood][value=good]");
    await press(page, "leave");
    await page.waitForURL("**/?waiting");
    assert.match(await page.textContent("main"), /kept on this device/);
    await status(page, "waiting");
    await mend();
    await online(page);
    await answered(mine, { mood: "good" });
    await until("nothing waits", async () => (await page.getAttribute("#status", "data-state")) === "plain");
  }));

test("a script that breaks leaves plain forms behind", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device({ serviceWorkers: "block" });
    await context.route("**/static/strings-*.js", (route) => route.abort());
    const page = await enter(context, mine);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await answered(mine, { mood: "good" });
    assert.equal((await rows(mine)).length, 1);
  }));

test("a busy server: the page turns, the answers wait and arrive", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    const busy = { status: 503, headers: { "retry-after": "1" }, contentType: "application/problem+json", body: "{}" };
    const mend = await intercept(page, "**/api/v1/{saves,sealed}", (route) => route.fulfill(busy));
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await status(page, "waiting");
    await mend();
    await status(page, "saved");
    await answered(mine, { mood: "good" });
  }));

test("a save that is never accepted is set aside, said in words, and blocks nothing", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    const over = { status: 409, contentType: "application/problem+json", body: '{"type":"urn:canvass:problem:wave-over"}' };
    const refuse = (route) => route.fulfill(over);
    const mend = await intercept(page, "**/api/v1/saves", refuse, { times: 1 });
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await status(page, "problem");
    assert.match(await page.textContent("#status"), /could not be accepted/);
    await mend();
    await page.check("[name=fun][value=some]");
    await next(page, "numbers");
    await answered(mine, { fun: "some" });
  }));

test("damaged items in the outbox are set aside, and the others are delivered", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const page = await enter(context, mine);
    await settled(page);
    await context.setOffline(true);
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await page.check("[name=fun][value=some]");
    await next(page, "numbers");
    await page.evaluate(
      () =>
        new Promise((done) => {
          const request = indexedDB.open("canvass");
          request.onsuccess = () => {
            const store = request.result.transaction("outbox", "readwrite").objectStore("outbox");
            store.getAll().onsuccess = (event) => {
              const [first] = event.target.result;
              store.put({ ...first, data: `AAAA${first.data.slice(4)}` });
              store.transaction.oncomplete = done;
            };
          };
        }),
    );
    await context.setOffline(false);
    await answered(mine, { fun: "some" });
    await until("one is set aside", async () => (await outbox(page)).map((item) => item.aside).join() === "true");
  }));

test("nothing says finished before everything is on disk", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const page = await enter(context, mine);
    await settled(page);
    await next(page, "lessons");
    await next(page, "numbers");
    await page.fill("[name=hours]", "8");
    await next(page, "words");
    await context.setOffline(true);
    await page.fill("[name=anything]", "last words");
    await press(page, "next");
    await page.waitForSelector(".pages");
    await page.click("#submit button");
    await until("it says so", async () => /Not finished yet/.test(await page.textContent("#status")));
    assert.equal(await page.locator(".done").count(), 0);
    assert.equal((await response(mine)).submitted_at, null);
    await context.setOffline(false);
    await page.waitForSelector(".done");
    const server = await answered(mine, { hours: 8, anything: "last words" });
    assert.ok(server.submitted_at > 0);
    assert.equal(server.left_out, 0);
  }));

test("required questions: asked on Next and at the end, never on the way back", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await next(page, "lessons");
    await next(page, "numbers");
    await page.fill("[name=word]", "kept");
    await press(page, "next");
    await page.waitForSelector("#summary:not([hidden])");
    assert.match(await page.textContent("#e-hours"), /needs an answer/);
    assert.equal(await page.evaluate(() => document.activeElement.id), "summary");
    assert.match(await page.title(), /^Error: /);
    await answered(mine, { word: "kept" });
    await page.click("#summary a");
    assert.equal(await page.evaluate(() => document.activeElement.name), "hours");
    await press(page, "back");
    await shown(page, "lessons");
    await page.goto("/review");
    await page.waitForSelector("li[data-page=numbers] .missing");
    await page.click("#submit button");
    await page.waitForSelector("#summary:not([hidden])");
    assert.equal((await response(mine)).submitted_at, null);
    await page.click("#summary a");
    await shown(page, "numbers");
    assert.equal(await page.inputValue("[name=word]"), "kept");
  }));

test("an answer that only the server refuses: its message, and the others are saved", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await next(page, "lessons");
    await next(page, "numbers");
    await page.evaluate(() => delete document.querySelector("[data-question=hours]").dataset.max);
    await page.fill("[name=hours]", "25");
    await page.fill("[name=word]", "fine");
    await press(page, "next");
    await page.waitForSelector("#summary:not([hidden])");
    assert.match(await page.textContent("#e-hours"), /0/);
    await answered(mine, { word: "fine" });
    assert.equal((await outbox(page)).length, 0);
    await page.fill("[name=hours]", "24");
    await next(page, "words");
    await answered(mine, { word: "fine", hours: 24 });
  }));

test("a device whose clock is a day ahead, and that jumps ten minutes ahead in between", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const day = 24 * 3600 * 1000;
    await context.clock.install({ time: Date.now() + day });
    await context.clock.resume();
    const page = await enter(context, mine);
    const refused = [];
    page.on("response", (reply) => reply.status() === 422 && refused.push(reply.url()));
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await status(page, "saved");
    assert.deepEqual(refused, []);
    await context.clock.setSystemTime(Date.now() + day + 10 * 60 * 1000);
    await page.check("[name=fun][value=some]");
    await next(page, "numbers");
    await status(page, "saved");
    assert.equal(refused.length, 1);
    await press(page, "back");
    await shown(page, "lessons");
    await page.check("[name=fun][value=never]");
    await next(page, "numbers");
    await answered(mine, { mood: "good", fun: "never" });
  }));

test("without a place to keep anything the page says so and works online", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device({ serviceWorkers: "block" });
    await context.addInitScript(() => {
      Object.defineProperty(Crypto.prototype, "subtle", { get: () => undefined });
    });
    const page = await enter(context, mine);
    await until("it says so", async () => /keep nothing on the device/.test(await page.textContent("#status")));
    await page.check("[name=mood][value=good]");
    await next(page, "lessons");
    await context.setOffline(true);
    await page.check("[name=fun][value=some]");
    await press(page, "next");
    await status(page, "problem");
    assert.match(await page.textContent("#status"), /not saved/);
    assert.deepEqual(await checked(page, "fun"), ["some"]);
    await context.setOffline(false);
    await next(page, "numbers");
    await answered(mine, { mood: "good", fun: "some" });
  }));

test("20 idle minutes lock the page: off the screen, saved, and out of the tab", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    await context.clock.install();
    await context.clock.resume();
    const page = await enter(context, mine);
    await settled(page);
    await page.check("[name=mood][value=bad]");
    await context.clock.fastForward("19:00");
    await page.mouse.move(5, 5);
    await page.mouse.move(50, 50);
    await context.clock.fastForward("19:00");
    await shown(page, "morning");
    await context.clock.fastForward("02:00");
    await page.waitForURL("**/?locked");
    assert.match(await page.textContent("main"), /nobody used it for a while/);
    const left = await kept(page);
    assert.equal(left.session["canvass-session"], undefined);
    assert.deepEqual(left.databases["canvass.drafts"], []);
    await answered(mine, { mood: "bad" });
    await page.goto("/take/morning");
    await page.waitForSelector("#enter");
  }));

test("after leaving, the browser's Back shows nothing", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await page.check("[name=mood][value=bad]");
    await next(page, "lessons");
    await next(page, "numbers");
    await press(page, "leave");
    await page.waitForURL("**/?left");
    await page.goBack();
    await page.waitForSelector("#enter");
    assert.equal(await page.locator("[data-question]").count(), 0);
  }));

test("a page that comes back from the browser's history is asked for anew", () =>
  withDevices(async (device) => {
    const page = await enter(await device(), code());
    const loads = [];
    page.on("framenavigated", (frame) => loads.push(frame.url()));
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
    await until("it loads again", () => loads.length > 0);
    await shown(page, "morning");
  }));

test("another language saves what was typed and stays on the page", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device({ locale: "en-US" }), mine);
    await next(page, "lessons");
    await page.check("[name=fun][value=always]");
    await page.click(".languages summary");
    await page.click(".languages button[lang=es]");
    await page.waitForSelector("html[lang=es] #answers[data-page=lessons]");
    assert.equal(await page.textContent("h1"), "Las clases");
    await until("the answer is shown", async () => (await checked(page, "fun"))[0] === "always");
    await next(page, "numbers");
    assert.equal(await page.textContent("h1"), "Números");
    await answered(mine, { fun: "always" });
  }));

test("a QR link carries the code behind the #, and it leaves the address bar", () =>
  withDevices(async (device) => {
    const mine = code();
    const context = await device();
    const page = await context.newPage();
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(`/#${mine}`);
    await until("the field is filled", async () => (await page.inputValue("#code")) === mine);
    assert.equal(page.url(), `${url}/`);
    assert.ok(asked.every((address) => !address.includes(mine)));
    await page.click("#enter button");
    await shown(page, "morning");
  }));

test("the server restarted between two pages", () =>
  withDevices(async (device) => {
    const { serve, freePort } = await import("../stand.mjs");
    const { place } = await import("../helper.mjs");
    const port = await freePort();
    const mine = code();
    let server = await serve(place, {}, port);
    try {
      const page = await enter(await device({ baseURL: server.url }), mine);
      await settled(page);
      await page.check("[name=mood][value=good]");
      await next(page, "lessons");
      await server.kill();
      await page.check("[name=fun][value=some]");
      await next(page, "numbers");
      await status(page, "waiting");
      server = await serve(place, {}, port);
      await status(page, "saved");
      await answered(mine, { mood: "good", fun: "some" });
    } finally {
      await server.stop();
    }
  }));

test("Enter in a field is Next, in the same language", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device({ locale: "es-ES" }), mine);
    await next(page, "lessons");
    await next(page, "numbers");
    await page.fill("[name=hours]", "8");
    await page.press("[name=hours]", "Enter");
    await shown(page, "words");
    assert.equal(await page.getAttribute("html", "lang"), "es");
    await press(page, "back");
    await shown(page, "numbers");
    await page.fill("[name=word]", "sol");
    await page.press("[name=word]", "Enter");
    await shown(page, "words");
    await answered(mine, { hours: 8, word: "sol" });
  }));

test("the status never says that all is saved while something on the page is not sent", () =>
  withDevices(async (device) => {
    const mine = code();
    const page = await enter(await device(), mine);
    await page.check("[name=mood][value=good]");
    await status(page, "unsent");
    assert.match(await page.textContent("#status"), /What you changed here is saved when you go on/);
    await next(page, "lessons");
    await status(page, "saved");
    await page.check("[name=fun][value=some]");
    await status(page, "unsent");
    await page.click("[data-clear-grid]");
    await status(page, "saved");
    await next(page, "numbers");
    await press(page, "next");
    await status(page, "problem");
    assert.match(await page.textContent("#status"), /This page is not finished/);
    await page.evaluate(() => {
      globalThis.announced = [];
      const line = document.querySelector("#status p");
      new MutationObserver(() => globalThis.announced.push(line.textContent)).observe(line, { childList: true });
    });
    await page.locator("[name=word]").pressSequentially("sun");
    await page.fill("[name=hours]", "8");
    await status(page, "unsent");
    assert.equal((await page.evaluate(() => globalThis.announced)).length, 1, "it is said once");
    await next(page, "words");
    await status(page, "saved");
    await answered(mine, { mood: "good", hours: 8, word: "sun" });
  }));

// What waits on the device, with twenty stuck items put in front of it.
const stuckFirst = (page) =>
  page.evaluate(
    () =>
      new Promise((done) => {
        const request = indexedDB.open("canvass");
        request.onsuccess = () => {
          const store = request.result.transaction("outbox", "readwrite").objectStore("outbox");
          store.transaction.oncomplete = done;
          store.getAll().onsuccess = ({ target }) => {
            const items = target.result;
            store.clear();
            const [{ id: _, ...item }] = items;
            for (let n = 0; n < 20; n++) store.add({ ...item, after: 0, data: `STUCK${n}` });
            store.add({ ...item, after: 0 });
          };
        };
      }),
  );

for (const [how, refusal] of [
  ["one by one", null],
  ["all together", { status: 503, headers: { "retry-after": "1" }, contentType: "application/problem+json", body: "{}" }],
]) {
  test(`twenty stuck items that are refused ${how} do not keep a later pupil's answers waiting`, () =>
    withDevices(async (device) => {
      const mine = code();
      const page = await enter(await device({ serviceWorkers: "block" }), mine);
      await cut(page, "**/api/v1/{saves,sealed}");
      await page.check("[name=mood][value=good]");
      await next(page, "lessons");
      await status(page, "waiting");
      await stuckFirst(page);
      await page.route("**/api/v1/sealed", async (route) => {
        const { items } = route.request().postDataJSON();
        const fine = items.filter((item) => !item.data.startsWith("STUCK"));
        if (fine.length === 0 && refusal) return route.fulfill(refusal);
        const headers = { "content-type": "application/json" };
        const sent = { method: "POST", headers, body: JSON.stringify({ items: fine }) };
        const taken = fine.length > 0 ? (await (await fetch(`${url}/api/v1/sealed`, sent)).json()).accepted : [];
        const accepted = items.map((item) => (fine.includes(item) ? taken.shift() : null));
        return route.fulfill({ json: { accepted } });
      });
      await page.goto("/");
      await answered(mine, { mood: "good" });
      const ours = (item) => !item.data.startsWith("STUCK");
      await until("only ours has left", async () => !(await outbox(page)).some(ours));
      assert.equal((await outbox(page)).length, 20);
    }));
}

test("a QR link that is not encoded as it should be is left to be corrected, and the page goes on", () =>
  withDevices(async (device) => {
    const context = await device();
    const page = await context.newPage();
    await page.goto("/#A%");
    await until("the field is filled", async () => (await page.inputValue("#code")) === "A%");
    assert.equal(page.url(), `${url}/`);
    await page.evaluate(() => navigator.serviceWorker.ready);
  }));
