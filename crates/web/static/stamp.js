// Stamps: a save's position in time, in microseconds.
//
// The greatest of: this device's clock corrected by the server's, the last stamp of this device + 1, and the greatest
// stamp that the view has seen + 1. So a correction always follows what it corrects, however wrong the clock. Two tabs
// never get the same stamp: it is given out in one transaction.

import { update } from "./store.js";

const fresh = { last: 0, offset: 0 };
let inMemory = { ...fresh };

const wall = () => Math.floor(Date.now() * 1000);

async function change(how) {
  try {
    return await update("clock", "clock", (clock) => how(clock ?? fresh));
  } catch {
    // Nothing can be kept on this device: this page's own clock must do.
    inMemory = how(inMemory);
    return inMemory;
  }
}

// The next stamp for a view that has seen `seen`.
export async function nextStamp(seen) {
  const clock = await change((c) => ({ ...c, last: Math.max(wall() + c.offset, c.last + 1, seen + 1) }));
  return clock.last;
}

// Learns the server's clock from a reply that arrived at `arrived` (ms since 1970).
export async function learnClock(serverTime, arrived = Date.now()) {
  if (!Number.isSafeInteger(serverTime) || serverTime <= 0) return;
  const offset = serverTime - Math.floor(arrived * 1000);
  await change((c) => ({ ...c, offset }));
}

// After a stamp was refused as too far ahead: forget what the wrong clock gave out, and learn the right one.
export async function resetClock(serverTime) {
  const offset = Number.isSafeInteger(serverTime) ? serverTime - wall() : 0;
  await change(() => ({ last: 0, offset }));
}
