// A stand for the browser tests: a private PostgreSQL in a temporary directory, the canvass binary on a free port of
// loopback, and waves with access codes. Everything is gone when it is closed.

import { execFileSync, spawn } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "..");

export const binary = path.resolve(process.env.CANVASS_BIN ?? path.join(root, "target/debug/canvass"));

export async function until(what, condition, timeout = 30_000) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeout} ms in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

export const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

// Runs a canvass subcommand on the stand's database.
export function canvass(place, ...args) {
  const env = { ...process.env, CANVASS_DATABASE_URL: place.database, CANVASS_KEYS: place.keys };
  return execFileSync(binary, args, { env, cwd: place.dir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

// Starts `canvass serve` and waits until it is ready; `settings` go into its environment.
export async function serve(place, settings = {}, port = undefined) {
  port ??= await freePort();
  const env = {
    ...process.env,
    CANVASS_DATABASE_URL: place.database,
    CANVASS_KEYS: place.keys,
    CANVASS_WEB_METRICS_LISTEN: "",
    ...settings,
  };
  const child = spawn(binary, ["serve", "--listen", `127.0.0.1:${port}`], {
    env,
    cwd: place.dir,
    stdio: ["ignore", "inherit", process.env.E2E_LOG ? "inherit" : "ignore"],
  });
  const url = `http://127.0.0.1:${port}`;
  await until("serve answers", () =>
    fetch(`${url}/healthz`).then((r) => r.ok, () => false),
  );
  return { url, port, stop: () => end(child, "SIGTERM"), kill: () => end(child, "SIGKILL") };
}

function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.once("exit", done);
    child.kill(signal);
  });
}

// A wave of this questionnaire, with codes.
export function wave(place, survey, name, count) {
  canvass(place, "wave", "create", "--survey", survey, "--name", name, "--closes", "2099-01-01");
  const csv = canvass(place, "codes", "--wave", name, "--count", String(count), "--csv");
  return csv
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(",").at(-1));
}

// PostgreSQL will not run as root: then it runs as Debian's user for it.
function unprivileged() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync("id", [flag, process.env.E2E_USER ?? "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

export function postgresBinary(name) {
  const versions = readdirSync("/usr/lib/postgresql").sort((a, b) => Number(b) - Number(a));
  return path.join("/usr/lib/postgresql", versions[0], "bin", name);
}

async function cluster(dir) {
  const user = unprivileged();
  if (user.uid) chownSync(dir, user.uid, user.gid);
  const data = path.join(dir, "data");
  const init = ["-D", data, "-U", "canvass", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
  execFileSync(postgresBinary("initdb"), init, { ...user, stdio: "ignore", cwd: dir });
  const options = ["-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=60"];
  const child = spawn(postgresBinary("postgres"), options, { ...user, stdio: "ignore", cwd: dir });
  const ready = () => {
    try {
      execFileSync(postgresBinary("pg_isready"), ["-h", dir, "-U", "canvass"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  await until("PostgreSQL answers", ready);
  return child;
}

// The stand. `place` is what tests in other processes need to reach it.
export async function open() {
  const dir = mkdtempSync(path.join(tmpdir(), "canvass-e2e-"));
  const postgres = await cluster(dir);
  const place = {
    dir,
    database: `postgres://canvass@${encodeURIComponent(dir)}/postgres`,
    keys: path.join(dir, "keys.toml"),
  };
  const close = async (server) => {
    await server?.stop();
    await end(postgres, "SIGINT");
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    canvass(place, "keys", "new", place.keys);
    canvass(place, "migrate");
    const codes = {
      short: wave(place, path.join(here, "survey.yaml"), "short", 150),
      long: wave(place, path.join(root, "surveys/student-climate.yaml"), "long", 20),
    };
    writeFileSync(path.join(dir, "codes.json"), JSON.stringify(codes));
    const server = await serve(place);
    return { place: { ...place, url: server.url, codes }, close: () => close(server) };
  } catch (error) {
    await close();
    throw error;
  }
}
