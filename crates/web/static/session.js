// The tab's session: what lets this tab write for one response and open what it sealed. It lives in the tab's
// sessionStorage until leaving, submission or lock, and ends with the tab.

import { nameOf } from "./seal.js";
import { keys, put, remove } from "./store.js";

const NAME = "canvass-session";

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

function write(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Without sessionStorage a reload starts anew from the server's page.
  }
}

// The session that this tab holds, or null.
export const held = () => read(NAME);

// Takes over the session of a page that the server made. `resumed`: this tab held its key before.
export function begin(data) {
  const before = held();
  const session = {
    token: data.token,
    key: data.sealKey,
    ticket: data.sealTicket,
    version: data.version,
    language: data.language,
    seen: Number(data.stamp) || 0,
  };
  write(NAME, session);
  return { session, resumed: before?.key === session.key };
}

// Keeps what the session has learnt.
export const keep = (session) => write(NAME, session);

// Forgets the key: from now on this tab can open nothing of this response.
export function forget() {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // Nothing was there.
  }
}

// This tab's own name, for its draft.
export function tab() {
  let name = read("canvass-tab");
  if (typeof name !== "string") {
    name = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
    write("canvass-tab", name);
  }
  return name;
}

// Tells the server that the session is over. Offline the wish is kept, and carried out by whichever page or service
// worker is first to reach the server: until then nothing is shown to whoever holds the device.
export async function endOnServer(session) {
  try {
    await put("leaving", Date.now(), await nameOf(session));
  } catch {
    // Nothing can be kept: one try is all there is.
    return tellServer();
  }
  return finishLeaving();
}

// Carries out what endOnServer could not. True when nothing is left to do.
export async function finishLeaving() {
  let waiting = [];
  try {
    waiting = await keys("leaving");
  } catch {
    // Nothing was kept.
  }
  if (waiting.length === 0) return true;
  if (!(await tellServer())) return false;
  for (const name of waiting) await remove("leaving", name).catch(() => {});
  return true;
}

async function tellServer() {
  try {
    const reply = await fetch("/leave", {
      method: "POST",
      redirect: "manual",
      keepalive: true,
      signal: AbortSignal.timeout(5000),
    });
    return reply.ok || reply.type === "opaqueredirect";
  } catch {
    return false;
  }
}

// Whether this session should have ended already.
export async function shouldHaveEnded(session) {
  try {
    return (await keys("leaving")).includes(await nameOf(session));
  } catch {
    return false;
  }
}

// A new session on this device: wishes to end older ones are settled by its cookie.
export async function settleLeaving() {
  try {
    for (const name of await keys("leaving")) await remove("leaving", name);
  } catch {
    // Nothing was kept.
  }
}
