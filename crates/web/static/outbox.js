// The outbox: saves that no server has acknowledged. Written before sending, removed after the acknowledgement, and
// sealed all the time. Anyone's page may deliver an item; only its own response's pages can open it.
//
// An item: {id, ticket, iv, data, created, after, aside, tries}. `after` (ms since 1970): not to be delivered by the drain
// before, because its own page is just sending it, or the server would not take it. `tries`: how often it would not.
// `aside`: the server will never take it.

import * as store from "./store.js";
import { seal, unseal } from "./seal.js";

// Set-aside items are of no use to anyone: they go after 30 days.
const KEEP_ASIDE_MS = 30 * 24 * 3600 * 1000;

// Puts a save in; resolves with its id once it is on the disk.
export async function put(session, plain, after = 0) {
  const sealed = await seal(session, plain);
  return store.put("outbox", { ...sealed, created: Date.now(), after, aside: false });
}

// Puts another save in an item's place, at once.
export async function replace(session, id, plain, after = 0) {
  const sealed = await seal(session, plain);
  return store.put("outbox", { id, ...sealed, created: Date.now(), after, aside: false });
}

export const remove = (id) => store.remove("outbox", id);

// Gives items to the drain, from `after` on.
export const release = (id, after = 0) =>
  store.update("outbox", id, (item) => (item ? { ...item, after } : undefined));

// Counts a try in vain; not to be delivered again before `after`.
export const tried = (id, after = 0) =>
  store.update("outbox", id, (item) => (item ? { ...item, after, tries: (item.tries ?? 0) + 1 } : undefined));

export const setAside = (id) => store.update("outbox", id, (item) => (item ? { ...item, aside: true } : undefined));

// Every item in order; nothing where nothing can be kept.
export async function items() {
  try {
    const now = Date.now();
    const list = await store.all("outbox");
    const old = list.filter((item) => item.aside && item.created < now - KEEP_ASIDE_MS);
    for (const item of old) await remove(item.id);
    return list.filter((item) => !old.includes(item));
  } catch {
    return [];
  }
}

// This session's items that wait, opened: [{id, save}] in the order of their stamps.
export async function own(session) {
  const opened = [];
  for (const item of await items()) {
    if (item.aside) continue;
    const save = await unseal(session, item);
    if (save) opened.push({ id: item.id, save });
  }
  return opened.sort((a, b) => a.save.stamp - b.save.stamp);
}

// What the status says: how many of this session's answers wait, how many pages of others, how many were set aside.
export async function count(session) {
  const counts = { answers: 0, others: 0, aside: 0 };
  for (const item of await items()) {
    const save = session ? await unseal(session, item) : null;
    if (item.aside) counts.aside += save || !session ? 1 : 0;
    else if (save) counts.answers += Math.max(1, Object.keys(save.answers).length);
    else counts.others += 1;
  }
  return counts;
}

// Whether this device keeps anything at all: tried, not guessed.
export async function works() {
  try {
    await store.put("drafts", null, "try");
    await store.remove("drafts", "try");
    return true;
  } catch {
    return false;
  }
}
