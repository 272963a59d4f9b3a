// The draft: what was typed but not sent yet, and what this view knows, so that a reload loses nothing, offline neither.
// Sealed; one for each tab; opened only by a tab that still holds the key; gone after leaving, submission and lock.

import { seal, unseal } from "./seal.js";
import { all, keys, get, put, remove } from "./store.js";
import { tab } from "./session.js";

const KEEP_MS = 24 * 3600 * 1000;
let sealing = Promise.resolve();

// Writes the draft of this tab. One is sealed after another, so that the newest stays.
export async function write(session, content) {
  const sealed = sealing.then(() => seal(session, content));
  sealing = sealed.catch(() => {});
  await put("drafts", { ...(await sealed), created: Date.now() }, tab());
}

// What this tab's draft holds, or null.
export async function read(session) {
  try {
    return await unseal(session, await get("drafts", tab()));
  } catch {
    return null;
  }
}

// Removes this tab's draft, and those of tabs that are long gone.
export async function discard() {
  try {
    // What is being sealed is written first.
    await sealing;
    await remove("drafts", tab());
    const [names, drafts] = [await keys("drafts"), await all("drafts")];
    for (const [index, name] of names.entries()) {
      if (!(drafts[index]?.created > Date.now() - KEEP_MS)) await remove("drafts", name);
    }
  } catch {
    // Nothing was kept.
  }
}
