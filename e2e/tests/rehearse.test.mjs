// Any application, from the browser to the verdict: two people are recorded in Chromium through `canvass record` while
// they fill in a Django application's forms (login, session, CSRF tokens, redirects); what they did becomes a scenario
// that fifty play at once.

import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch } from "../browser.mjs";
import { binary, freePort, until } from "../stand.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const python = path.join(here, "../.venv/bin/python");
const script = path.join(here, "../django/app.py");
const django = (...args) => execFileSync(python, [script, ...args], { encoding: "utf8" });

// Two people who are not among those that the rehearsal plays.
const PLAYED = 50;
const PEOPLE = [
  { row: 101, lesson: "music", why: "The drums & the choir", mark: "good", wish: "More of it, please" },
  { row: 102, lesson: "art", why: "Colours = everything", mark: "bad", wish: "A second room\nwith light" },
];

let dir, app, url, browser, recordings;
const children = [];

before(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "canvass-rehearse-"));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  app = start(python, [script, "serve", String(port), dir], "inherit");
  browser = await launch();
  await until("the application answers", () => fetch(url).then((r) => r.ok, () => false), 60_000);
  recordings = [];
  for (const person of PEOPLE) recordings.push(await record(person));
});

after(async () => {
  await browser?.close();
  await Promise.all(children.map((child) => stop(child, "SIGKILL")));
  rmSync(dir, { recursive: true, force: true });
});

function start(program, args, stderr) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", stderr], cwd: dir });
  children.push(child);
  return child;
}

// Ends a process, and gives its exit code.
async function stop(child, signal) {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await ended;
  }
  return child.exitCode;
}

const credentials = (row) => {
  const [username, password] = django("people", String(row)).trim().split("\n").at(-1).split(",");
  return { username, password };
};

const forms = () => JSON.parse(django("dump", dir));

// Records a person's way through the application, in a browser of their own.
async function record(person) {
  const file = path.join(dir, `person-${person.row}.har`);
  const recorder = start(binary, ["record", "--target", url, "--listen", "127.0.0.1:0", "-o", file], "pipe");
  let said = "";
  recorder.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  const proxy = await until("the recorder listens", () => said.match(/Open (http:\S+?)\/ /)?.[1]);
  // The browser's own recording, of what it saw: the scenario must not depend on whose it is.
  const own = path.join(dir, `browser-${person.row}.har`);
  const context = await browser.newContext({ baseURL: proxy, recordHar: { path: own, content: "embed" } });
  const page = await context.newPage();
  const visited = [];
  page.on("framenavigated", (frame) => visited.push(frame.url()));
  const next = (where) => Promise.all([page.waitForURL(`${proxy}${where}`), page.click("button")]);
  const { username, password } = credentials(person.row);
  await page.goto("/");
  await page.fill("[name=username]", username);
  await page.fill("[name=password]", password);
  await next("/lesson/");
  await page.check(`[name=lesson][value=${person.lesson}]`);
  await page.fill("[name=why]", person.why);
  await next("/mark/");
  await page.selectOption("[name=mark]", person.mark);
  await page.fill("[name=wish]", person.wish);
  await next("/thanks/");
  await page.getByText(`Thank you, ${username}.`).waitFor();
  await context.close();
  const code = await stop(recorder, "SIGINT");
  return { person, file, own, username, password, proxy, visited, code, said };
}

const DOCUMENTS = [
  ["GET", "/", 200],
  ["POST", "/", 302],
  ["GET", "/lesson/", 200],
  ["POST", "/lesson/", 302],
  ["GET", "/mark/", 200],
  ["POST", "/mark/", 302],
  ["GET", "/thanks/", 200],
];

test("a person is recorded in a browser that never leaves the proxy", () => {
  for (const { person, file, username, password, proxy, visited, code, said } of recordings) {
    assert.equal(code, 0, said);
    assert.deepEqual(visited.filter((place) => !place.startsWith(`${proxy}/`)), []);
    assert.match(said, /POST {1,2}\/mark\/ {2}302 {2}\d+ ms\n/);
    assert.match(said, /canvass rehearse init \S+person-\d+\.har/);
    assert.ok(!said.includes(password), "no secret on the terminal");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const text = readFileSync(file, "utf8");
    assert.ok(!text.includes(new URL(proxy).host), "the recording knows nothing of the proxy");
    const { log } = JSON.parse(text);
    assert.equal(log.version, "1.2");
    const entries = log.entries.filter((e) => !/app\.css|favicon/.test(e.request.url));
    const seen = entries.map((e) => [e.request.method, e.request.url.replace(url, ""), e.response.status]);
    assert.deepEqual(seen, DOCUMENTS);
    const posted = entries.filter((e) => e.request.method === "POST").map((e) => new URLSearchParams(e.request.postData.text));
    for (const fields of posted) assert.ok(fields.get("csrfmiddlewaretoken").length > 30, "every form has its token");
    assert.equal(posted[0].get("username"), username);
    assert.equal(posted[1].get("why"), person.why);
    assert.equal(posted[2].get("wish"), person.wish.replace("\n", "\r\n"));
    const login = entries[0].response.content.text;
    assert.ok(login.includes(`action="${url}/"`), "pages are kept as the application made them");
    const stylesheet = log.entries.find((e) => e.request.url === `${url}/static/app.css`);
    assert.match(stylesheet.response.content.text, /max-width/);
  }
});

test("what they sent arrived", () => {
  const stored = forms().filter((form) => recordings.some((r) => r.username === form.username));
  const expected = recordings.map(({ username, person: { lesson, why, mark, wish } }) => {
    return { username, lesson, why, mark, wish: wish.replace("\n", "\r\n") };
  });
  assert.deepEqual(stored, expected);
});

test("the browser's own recording makes the same steps", () => {
  const steps = (file) => {
    // A folder of its own: next to a scenario is its data file.
    const scenario = path.join(mkdtempSync(path.join(dir, "alone-")), "scenario.toml");
    execFileSync(binary, ["rehearse", "init", file, "-o", scenario], { cwd: dir, stdio: "ignore" });
    const text = readFileSync(scenario, "utf8");
    return text.split("\n").filter((line) => /^(\[\[step|name|path|form|  \[|  \{ name)/.test(line));
  };
  const [{ file, own }] = recordings;
  assert.deepEqual(steps(own), steps(file));
});

test("two recordings make a scenario that fifty people play as it is, each stored exactly once", () => {
  const scenario = path.join(dir, "scenario.toml");
  const made = execFileSync(binary, ["rehearse", "init", ...recordings.map((r) => r.file), "-o", scenario], {
    cwd: dir,
    encoding: "utf8",
  });
  assert.doesNotMatch(made, /NOT EXPLAINED/);
  const text = readFileSync(scenario, "utf8");
  for (const { password } of recordings) assert.ok(!text.includes(password), "no secret in the scenario");

  const people = path.join(dir, "people.csv");
  const columns = readFileSync(people, "utf8").split("\n")[0].split(",");
  assert.deepEqual(columns.slice(0, 2), ["username", "password"]);
  const known = django("people", String(PLAYED)).trim().split("\n").slice(1);
  const rows = known.map((row) => [row, ...columns.slice(2).map((c) => `${c} of ${row.split(",")[0]}`)].join(","));
  writeFileSync(people, [columns.join(","), ...rows, ""].join("\n"));

  const json = path.join(dir, "report.json");
  const run = spawnSync(
    binary,
    ["rehearse", "run", scenario, "--data", people, "--users", String(PLAYED), "--json", json, "--quiet"],
    { cwd: dir, encoding: "utf8" },
  );
  const said = run.stdout + run.stderr;
  const report = JSON.parse(readFileSync(json, "utf8"));
  const { due, finished, failed } = report.arrivals;
  assert.deepEqual({ due, finished, failed }, { due: PLAYED, finished: PLAYED, failed: 0 }, said);
  assert.equal(report.overall.failures, 0, said);
  // Whether it kept its times is the machine's affair; the exit code must tell.
  assert.equal(run.status, report.verdict.passed ? 0 : 1, said);

  const stored = forms().filter((form) => !recordings.some((r) => r.username === form.username));
  assert.deepEqual(stored.map((form) => form.username).sort(), known.map((row) => row.split(",")[0]));
  for (const form of stored) assert.equal(form.why, `why of ${form.username}`, "everybody's own answer");
});
