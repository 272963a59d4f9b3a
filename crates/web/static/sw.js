// The service worker: the survey's pages open again without a connection. It keeps scripts, styles, the page that
// stands in for one that cannot be fetched, and the empty shell of the survey's pages (put there by take.js). Never an
// answer, never a page that holds one.

const BUILD = "__BUILD__";
const FILES = ["__STATIC__"];
const STATIC = `canvass-static-${BUILD}`;
const SHELLS = "canvass-shells";
const OFFLINE = "/offline";

addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(STATIC)
      .then((cache) => cache.addAll([...FILES, OFFLINE]))
      .then(() => skipWaiting()),
  );
});

addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith("canvass-static-") && name !== STATIC))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(navigate(request, url));
  else if (request.method === "GET" && url.pathname.startsWith("/static/")) event.respondWith(keptOrFetched(request));
});

async function keptOrFetched(request) {
  return (await caches.match(request)) ?? fetch(request);
}

async function navigate(request, url) {
  try {
    if (!(await finishLeaving(url))) return standIn();
    return await fetch(request);
  } catch {
    const shell = url.pathname.startsWith("/shell/") && (await (await caches.open(SHELLS)).match(url.pathname));
    return shell || standIn();
  }
}

const standIn = async () => (await caches.match(OFFLINE)) ?? Response.error();

// A session that was left without a connection must end before its pages can be fetched again (see session.js).
async function finishLeaving(url) {
  if (!/^\/(take|review|done)\b/.test(url.pathname)) return true;
  const waiting = await leaving("readonly", (store) => store.getAllKeys()).catch(() => []);
  if (waiting.length === 0) return true;
  const reply = await fetch("/leave", { method: "POST", redirect: "manual" });
  if (!reply.ok && reply.type !== "opaqueredirect") return false;
  await leaving("readwrite", (store) => store.clear());
  return true;
}

function leaving(mode, work) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("canvass");
    request.onupgradeneeded = () => request.transaction.abort();
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      const db = request.result;
      const asked = work(db.transaction("leaving", mode).objectStore("leaving"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
      asked.transaction.oncomplete = () => db.close();
    };
  });
}
