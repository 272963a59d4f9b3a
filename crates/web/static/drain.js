// The drain: delivers what waits in the outbox, whoever it is from. One tab at a time does it (Web Locks): on load,
// when the connection or the tab comes back, and on a timer with growing, jittered pauses.

import * as outbox from "./outbox.js";
import { sendSealed } from "./send.js";
import { learnClock } from "./stamp.js";

const BATCH = 20;
const LEAST_PAUSE_MS = 2_000;
const GREATEST_PAUSE_MS = 60_000;
// Another tab has the lock: look again, for the status line's sake.
const ELSEWHERE_MS = 3_000;

let failures = 0;
let timer = 0;
let running = null;
let listener = async () => {};

// Starts draining; `changed` is called after every try.
export function start(changed) {
  listener = changed;
  addEventListener("online", () => kick());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") kick();
  });
  return kick();
}

// Tries now. Resolves after the try.
export function kick() {
  schedule(null);
  running ??= exclusively(round)
    .catch(() => LEAST_PAUSE_MS)
    .then(async (pause) => {
      running = null;
      schedule(pause);
      await listener().catch(() => {});
    });
  return running;
}

// Something new waits after a try that failed: the drain comes to it in a while.
export function later(retryAfter = 0) {
  if (failures === 0 || timer === 0) {
    failures += 1;
    schedule(pauseAfter(retryAfter));
  }
}

function schedule(pause) {
  clearTimeout(timer);
  timer = pause === null ? 0 : setTimeout(kick, pause);
}

function exclusively(work) {
  if (!navigator.locks) return work();
  return navigator.locks.request("canvass-drain", { ifAvailable: true }, (lock) => (lock ? work() : ELSEWHERE_MS));
}

function pauseAfter(retryAfter, times = failures) {
  const grown = Math.min(LEAST_PAUSE_MS * 2 ** Math.max(0, times - 1), GREATEST_PAUSE_MS);
  return Math.max(retryAfter * 1000, grown) * (0.75 + Math.random() / 2);
}

// What was tried least comes first: items that are stuck never keep the others from their turn.
const inTurn = (items) => [...items].sort((a, b) => (a.tries ?? 0) - (b.tries ?? 0));

// Delivers batch after batch. Returns the pause until the next try in ms, or null when nothing waits.
async function round() {
  for (;;) {
    const now = Date.now();
    const waiting = (await outbox.items()).filter((item) => !item.aside);
    if (waiting.length === 0) {
      failures = 0;
      return null;
    }
    const due = inTurn(waiting.filter((item) => item.after <= now)).slice(0, BATCH);
    if (due.length === 0) return Math.max(200, Math.min(...waiting.map((item) => item.after)) - now);
    const { accepted, never, heard, retryAfter, serverTime } = await sendSealed(due);
    if (accepted) {
      if (serverTime) await learnClock(serverTime);
      if ((await settle(due, accepted, retryAfter)) > 0) failures = 0;
      else {
        failures += 1;
        return pauseAfter(retryAfter);
      }
    } else if (never && due.length === 1) {
      await outbox.setAside(due[0].id);
    } else if (never) {
      await oneByOne(due);
    } else {
      // The server has refused these for now; without an answer nothing is known of them.
      if (heard) for (const item of due) await outbox.tried(item.id);
      failures += 1;
      return pauseAfter(retryAfter);
    }
    await listener();
  }
}

// Returns how many items are settled; each of the others is to be sent again after a growing pause of its own.
async function settle(items, accepted, retryAfter) {
  let settled = 0;
  for (const [index, item] of items.entries()) {
    if (accepted[index] === true) await outbox.remove(item.id);
    else if (accepted[index] === false) await outbox.setAside(item.id);
    else await outbox.tried(item.id, Date.now() + pauseAfter(retryAfter, (item.tries ?? 0) + 1));
    settled += accepted[index] === null ? 0 : 1;
  }
  return settled;
}

// A batch that is refused as a whole: one bad item must not stop the others.
async function oneByOne(items) {
  for (const item of items) {
    const { accepted, never, retryAfter } = await sendSealed([item]);
    if (!accepted && never) await outbox.setAside(item.id);
    else await settle([item], accepted ?? [null], retryAfter);
  }
}
