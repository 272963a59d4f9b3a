// Checks with a line each, and probes of session state: see ../python/suite.py, whose lines these print.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';

const LOST = new Set(['42P01', '26000', '34000']);
const onlyState = process.env.CLIENTS_CHECKS === 'state';
let passed = 0;
let failed = 0;

const oneLine = (why) => String(why?.message ?? why).replace(/\s+/g, ' ').trim();

function say(outcome, feature, why) {
  if (outcome === 'fail') failed++;
  else if (outcome !== 'skip') passed++;
  console.log(`${outcome} ${feature}${why === undefined ? '' : `: ${oneLine(why)}`}`);
}

export async function check(feature, run) {
  if (onlyState) return;
  try {
    await run();
    say('pass', feature);
  } catch (why) {
    say('fail', feature, why);
  }
}

export function skip(feature, why) {
  if (!onlyState) say('skip', feature, why);
}

// What has to fail with this SQLSTATE.
export async function fails(code, promise) {
  await assert.rejects(promise, (why) => why.code === code);
}

// `session()` makes an object with setUp(sql), value(sql) and close().
export async function states(session) {
  for (const line of readFileSync(process.env.CLIENTS_STATE, 'utf8').split('\n').filter(Boolean)) {
    const [feature, setUp, look, want] = line.split('\t');
    await state(feature, session, (s) => s.setUp(setUp), async (s) => (await s.value(look)) === want);
  }
}

export async function state(feature, session, setUp, stillThere) {
  let one;
  try {
    let pid;
    try {
      one = await session();
      pid = await setUp(one);
    } catch (why) {
      return say('refused', feature, why);
    }
    const thief = await steal(pid);
    try {
      const there = await stillThere(one);
      if (thief.found === 'pinned') say(there ? 'pinned' : 'fail', feature, there ? undefined : 'pinned, and yet lost');
      else say(there ? 'kept' : 'lost', feature);
    } catch (why) {
      if (LOST.has(why.code)) say('lost', feature);
      else say('refused', feature, why);
    } finally {
      thief.socket.destroy();
    }
  } catch (why) {
    say('fail', feature, why);
  } finally {
    await one?.close();
  }
}

// Asks run.py to keep the server connection with this process id busy, so that another one has to serve us.
async function steal(pid) {
  const socket = net.connect(Number(process.env.CLIENTS_THIEF), '127.0.0.1');
  socket.write(`${process.env.PGDATABASE} ${pid}\n`);
  const found = await new Promise((resolve, reject) => {
    socket.once('data', (data) => resolve(String(data).trim()));
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('the thief is gone')));
  });
  if (found !== 'stolen' && found !== 'pinned') throw new Error(`the thief says: ${found}`);
  return { found, socket };
}

export function end() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
