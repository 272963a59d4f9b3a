// Opens a stand, runs the tests against it, closes it. `node run.mjs [file …]`.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "./stand.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const named = process.argv.slice(2).filter((a) => !a.startsWith("-"));
const flags = process.argv.slice(2).filter((a) => a.startsWith("-"));
const all = readdirSync(path.join(here, "tests"))
  .filter((file) => file.endsWith(".test.mjs"))
  .map((file) => path.join(here, "tests", file));

// For a whole file, on a busy machine too. Every wait of a test has a limit of its own (helper.mjs); this one
// only ends what hangs in spite of them.
const FILE_MS = 30 * 60_000;

const files = named.length > 0 ? named : all;
const stand = await open();
const child = spawn(
  process.execPath,
  ["--test", "--test-concurrency=2", `--test-timeout=${FILE_MS}`, ...flags, ...files],
  { stdio: "inherit", env: { ...process.env, E2E_PLACE: JSON.stringify(stand.place) } },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
const [code, signal] = await new Promise((done) => child.on("exit", (...how) => done(how)));
if (signal) console.error(`the tests were ended by ${signal}`);
await stand.close();
process.exit(code ?? 1);
