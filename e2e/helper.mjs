// What the browser tests have in common: contexts that watch for complaints, codes of their own, and the truth as the
// server and the database tell it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { launch } from "./browser.mjs";
import { postgresBinary, until } from "./stand.mjs";

export { until };

export const place = JSON.parse(process.env.E2E_PLACE ?? "{}");
export const { url } = place;

// A code that no other test uses, of the short survey or the long one.
export function code(survey = "short") {
  for (const [n, value] of place.codes[survey].entries()) {
    try {
      mkdirSync(path.join(place.dir, `taken-${survey}-${n}`));
      return value;
    } catch {
      // Another test has it.
    }
  }
  throw new Error(`no ${survey} code is left: make more in stand.mjs`);
}

// What a step of a test may take. It is long, for it costs time only when something is broken: a busy machine
// is no fault.
const PATIENCE_MS = 30_000;

// Contexts whose pages no service worker takes over.
const withoutWorker = new WeakSet();

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

// Runs a test with devices: `device(options)` gives a browser context of its own, which fails the test when one of its
// pages throws, breaks the content security policy or logs an error of its own.
export async function withDevices(test) {
  const contexts = [];
  const complaints = [];
  const device = async (options = {}) => {
    const context = await browser.newContext({ baseURL: url, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    if (options.serviceWorkers === "block") withoutWorker.add(context);
    context.on("console", (message) => {
      // What the network refuses the browser logs by itself; every test looks at what came of it.
      const network = /Failed to load resource|net::ERR_|WebSocket/.test(message.text());
      if (message.type() === "error" && !network) complaints.push(message.text());
    });
    context.on("weberror", (error) => complaints.push(error.error().stack));
    contexts.push(context);
    return context;
  };
  try {
    await test(device);
    assert.deepEqual(complaints, [], "a page complained");
  } finally {
    for (const context of contexts) {
      // A call that is still being answered is of no interest any more, and must not fail what runs next.
      const routed = [context, ...context.pages()];
      await Promise.all(routed.map((one) => one.unrouteAll({ behavior: "ignoreErrors" }).catch(() => {})));
      await context.close().catch(() => {});
    }
  }
}

// A page with this code entered.
export async function enter(context, value) {
  const page = await context.newPage();
  await page.goto("/");
  await page.fill("#code", value);
  await page.click("#enter button");
  await page.waitForURL(/\/(take|review|done)/);
  return page;
}

export const shown = (page, id) => page.waitForSelector(`#answers[data-page=${id}]`);
export const press = (page, action) => page.click(`#answers button[value=${action}]`);

// Presses Next and waits for the page that follows.
export async function next(page, id) {
  await press(page, "next");
  await shown(page, id);
}

export const status = (page, state) => page.waitForSelector(`#status[data-state=${state}]`);
export const checked = (page, name) => page.locator(`[name=${name}]:checked`).evaluateAll((all) => all.map((i) => i.value));

// Waits until the page's script is at work, no service worker takes the page over any more, and the device
// could go offline.
export async function settled(page) {
  // A worker is active before it has claimed its pages, and activated after. A page that was just loading
  // then stays without it.
  const activated = async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return registration?.active?.state === "activated";
  };
  await until("the service worker is activated", () => page.evaluate(activated));
  // The way through the worker is made by the first call that takes it; what it keeps costs no request.
  await page.evaluate(async () => {
    await fetch(document.querySelector("link[rel=stylesheet]").href, { cache: "no-store" });
  });
  await until("the shell is kept", () =>
    page.evaluate(async () => (await (await caches.open("canvass-shells")).keys()).length > 0),
  );
}

// Has `handler` answer a page's calls. The returned function ends that, and fails when there was no call.
//
// The page must be settled before: when the service worker takes it over just while an interception begins,
// Chromium sends its calls past the interception for as long as it is shown.
export async function intercept(page, path, handler, options = {}) {
  if (!withoutWorker.has(page.context())) await settled(page);
  let calls = 0;
  const counting = (route) => {
    calls += 1;
    return handler(route, calls);
  };
  await page.route(path, counting, options);
  return async () => {
    assert.ok(calls > 0, `no call to ${path} was intercepted`);
    await page.unroute(path, counting);
  };
}

// Waits until a text reads so: what a press brings comes with a page of its own.
export const says = (page, selector, pattern) =>
  page.locator(selector).filter({ hasText: pattern }).waitFor({ state: "visible" });

// The response of a code as the API tells it.
export async function response(value) {
  const entered = await fetch(`${url}/api/v1/enter`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code: value }),
  }).then((r) => r.json());
  const reply = await fetch(`${url}/api/v1/response`, { headers: { authorization: `Bearer ${entered.token}` } });
  return { ...(await reply.json()), token: entered.token };
}

// Waits until the server has exactly these answers.
export async function answered(value, expected) {
  let last;
  await until(`the server has ${JSON.stringify(expected)}`, async () => {
    last = await response(value);
    return JSON.stringify(sorted(last.answers)) === JSON.stringify(sorted(expected));
  }).catch((error) => {
    throw new Error(`${error.message}, but ${JSON.stringify(last.answers)}`);
  });
  return last;
}

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));

// The rows of a response's saves as they stand in PostgreSQL: [{stamp, page, answers}].
export async function rows(value) {
  const { token } = await response(value);
  const bytes = Buffer.from(token, "base64url");
  const [wave, id] = [bytes.readInt32BE(2), bytes.readBigInt64BE(6)];
  const sql = `SELECT json_build_object('stamp', stamp, 'page', page, 'answers', answers)
    FROM wave_${wave}.save WHERE response_id = ${id} ORDER BY stamp`;
  const args = ["-h", place.dir, "-U", "canvass", "-d", "postgres", "-Atqc", sql];
  const text = execFileSync(postgresBinary("psql"), args, { encoding: "utf8" });
  return text.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

// Everything that the device keeps, as one text: databases, both storages, caches.
export const kept = (page) =>
  page.evaluate(async () => {
    const found = { session: { ...sessionStorage }, local: { ...localStorage }, databases: {}, caches: {} };
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise((resolve, reject) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      for (const store of db.objectStoreNames) {
        found.databases[`${name}.${store}`] = await new Promise((resolve) => {
          const request = db.transaction(store).objectStore(store).getAll();
          request.onsuccess = () => resolve(request.result);
        });
      }
      db.close();
    }
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        found.caches[request.url] = await (await cache.match(request)).text();
      }
    }
    return found;
  });

// The draft of a page's tab, opened; nothing where there is none.
export const drafted = (page) =>
  page.evaluate(async () => {
    const files = performance.getEntriesByType("resource").map((entry) => entry.name);
    const load = (name) => import(files.find((file) => file.includes(`/${name}.`)));
    const [{ read }, { held }] = await Promise.all([load("draft"), load("session")]);
    return held() && read(held());
  });

export const outbox = async (page) => (await kept(page)).databases["canvass.outbox"] ?? [];
