// The survey's pages with script: a page turn is one save, the next page comes out of the document, and nothing that
// was answered is lost on the way. Without this script the same pages are plain forms.
//
// A page turn, step by step: `turn` reads the form, `keepSave` writes the changed answers to the outbox and sends them,
// `go` shows what comes next.

import * as draft from "./draft.js";
import * as drain from "./drain.js";
import * as forms from "./form.js";
import * as lock from "./lock.js";
import * as outbox from "./outbox.js";
import * as sessions from "./session.js";
import * as view from "./view.js";
import { fillReview } from "./review.js";
import { canSeal } from "./seal.js";
import { readResponse, sendSave, sendSubmission } from "./send.js";
import { learnClock, nextStamp, resetClock } from "./stamp.js";
import { say, sayState, speak } from "./status.js";

const SHELLS = "canvass-shells";
const DOCUMENTS = "canvass-documents";
const DRAFT_PAUSE_MS = 250;
// A page whose script has not got going by then is a plain form.
const START_MS = 8_000;
// How long another tab's drain leaves an item to the page that is just sending it.
const OWN_TRY_MS = 15_000;
// After a save that did not get through, page turns do not wait for the network for this long.
const CUT_OFF_MS = 20_000;
// A stamp may be a little ahead of the server's clock, in µs; the server takes up to two minutes.
const MOST_AHEAD = 60_000_000;

const body = document.body.dataset;
const main = document.getElementById("main");

// What this tab knows of its response.
const state = {
  session: null,
  words: {},
  book: null, // the questionnaire's document
  answers: {}, // every answer that this view knows
  pages: new Set(), // pages that were saved at least once
  complete: false, // whether `answers` has what the server had when the page was loaded
  draft: null, // what this tab had not sent before a reload
  keeps: false, // whether the device keeps what is not acknowledged
  ended: false, // left, submitted or locked: nothing may be written any more
};

let busy = false;
let finishing = 0;
let cutOffUntil = 0;
let draftTimer = 0;
// What the status said last of this page, and whether it was just refused with messages.
let saidOfPage = "";
let unfinished = false;

const started = start();
// Without its beginnings the script is of no use: then the page is what it is without script.
started.catch(() => main.removeEventListener("submit", onSubmit));

main.addEventListener("submit", onSubmit);
function onSubmit(event) {
  event.preventDefault();
  const { submitter, target } = event;
  const work = () => {
    if (target.id === "answers") return turn(submitter?.value ?? "next");
    return target.id === "submit" ? finish() : leave();
  };
  // Whatever fails here must not cost an answer: then the form is sent as a plain form.
  alone(work).catch(() => {
    main.removeEventListener("submit", onSubmit);
    submitter?.removeAttribute("aria-disabled");
    submitter?.click();
  });
}
main.addEventListener("click", (event) => {
  // The second half of a double click may meet the next page.
  if (event.detail === 2 && event.target.closest(".ways button")) event.preventDefault();
  const link = event.target.closest("a[href^='/take/']");
  if (link && state.book && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    alone(() => go(link.pathname));
  }
  const clear = event.target.closest("button.clear");
  if (clear) {
    forms.clearAnswers(clear);
    edited();
  }
});
main.addEventListener("input", edited);
document.querySelector(".languages")?.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  event.preventDefault();
  const action = `language-${button.lang}`;
  alone(() => (view.form() ? turn(action) : changeLanguage(button.lang)));
});
addEventListener("online", () => {
  cutOffUntil = 0;
});
addEventListener("popstate", () => alone(returnTo));
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  view.hide();
  location.reload();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") writeDraft();
});

// One thing at a time: a double click is one click.
async function alone(work) {
  if (busy || state.ended) return;
  busy = true;
  view.busy(true);
  try {
    await Promise.race([started, pause(START_MS).then(() => Promise.reject(new Error("not started")))]);
    await work();
  } finally {
    busy = false;
    view.busy(false);
  }
}

// ---------------------------------------------------------------------------------------------- starting

async function start() {
  state.words = (await import(body.strings)).default;
  speak(state.words);
  const { session, resumed } = openSession();
  if (!session) return location.replace("/");
  if (await sessions.shouldHaveEnded(session)) return refuse(session);
  state.session = session;
  state.keeps = canSeal() && (await outbox.works());
  if (body.now) await learnClock(Number(body.now), madeAt());

  const page = view.shownPage();
  if (page) state.answers = JSON.parse(view.form().elements.was.value || "{}");
  state.complete = body.view === "take" && session.seen === 0;
  if (state.keeps) await restamp();
  await restore(resumed, page);
  view.prepare();
  lock.watch(Number(body.idle) || 20, onIdle);

  loadBook().then(keepShell);
  loadAnswers();
  await (body.view === "shell" ? showFromShell() : sayHowThingsAre());
  drain.start(sayHowThingsAre);
  navigator.serviceWorker?.register("/sw.js").catch(() => {});
}

// The server's page brings its session; the shell, which holds none, finds it in the tab.
function openSession() {
  if (body.view === "shell") return { session: sessions.held(), resumed: true };
  return sessions.begin(body);
}

// When the server made this page, by this device's clock.
function madeAt() {
  const [navigation] = performance.getEntriesByType("navigation");
  return Date.now() - (performance.now() - (navigation?.responseStart ?? 0));
}

// This session was left on this device while the server could not be told: it must not go on.
async function refuse(session) {
  view.hide();
  sessions.forget();
  state.ended = true;
  await sessions.endOnServer(session);
  location.replace("/");
}

// Puts back what waits in the outbox and what was typed before a reload, but never over what was typed since.
async function restore(resumed, page) {
  if (!state.keeps) return;
  state.draft = resumed ? await draft.read(state.session) : null;
  if (!resumed) await draft.discard();
  if (state.draft && body.view === "shell") {
    state.answers = state.draft.answers;
    state.pages = new Set(state.draft.pages);
    state.complete = state.draft.complete;
  }
  const waiting = await outbox.own(state.session);
  const touched = page ? forms.unsaved(view.form(), state.answers) : {};
  for (const { save } of waiting) takeIn(save);
  if (!page) return;
  view.fillHidden(state.session, state.answers);
  forms.fillAnswers(view.form(), state.answers);
  if (state.draft?.page === page) forms.fillTyped(view.form(), state.draft.fields);
  forms.fillTyped(view.form(), touched);
  // No draft has this yet.
  if (Object.keys(touched).length > 0) edited();
}

// What waits with a stamp from a time that has not come (the device's clock was ahead) gets one of now, in its order.
async function restamp() {
  const now = await nextStamp(0);
  for (const { id, save } of await outbox.own(state.session)) {
    if (save.stamp <= now + MOST_AHEAD) continue;
    await outbox.replace(state.session, id, { ...save, stamp: await nextStamp(state.session.seen) });
  }
}

// A save that is not acknowledged counts in this view all the same.
function takeIn(save) {
  Object.assign(state.answers, save.answers);
  state.pages.add(save.page);
}

async function showFromShell() {
  await loadBook();
  if (!state.book) return location.replace("/");
  const path = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", path.startsWith("/take/") || path === "/review" ? path : `/take/${state.draft?.page}`);
  show(location.pathname);
  const { page, fields } = state.draft ?? {};
  if (page && page === view.shownPage()) forms.fillTyped(view.form(), fields);
  await sayHowThingsAre();
}

// The document is immutable: once fetched it is never asked for again.
let loadingBook = null;
function loadBook() {
  loadingBook ??= (async () => {
    const { version, language } = state.session;
    const url = `/api/v1/questionnaire/${version}/${language}`;
    const cache = await globalThis.caches?.open(DOCUMENTS).catch(() => null);
    const held = await cache?.match(url);
    const reply = held ?? (await fetch(url, { signal: AbortSignal.timeout(20_000) }));
    if (!reply.ok) throw new Error("no document");
    if (!held) await cache?.put(url, reply.clone()).catch(() => {});
    state.book = await reply.json();
  })().catch(() => {
    loadingBook = null;
  });
  return loadingBook;
}

// The answers of the other pages: one read after loading. What this view has shown itself stays as shown.
let loadingAnswers = null;
function loadAnswers() {
  if (state.complete) return Promise.resolve();
  loadingAnswers ??= (async () => {
    const response = await readResponse(state.session);
    loadingAnswers = null;
    if (!response || state.ended) return;
    // What is on the screen stays what it was rendered with: only so is it known what the respondent changed there.
    const onScreen = view.form() ? Object.keys(forms.typed(view.form())) : [];
    const others = Object.entries(response.answers).filter(([id]) => !onScreen.includes(id));
    state.answers = { ...Object.fromEntries(others), ...state.answers };
    for (const page of response.pages) state.pages.add(page);
    learn(response.stamp);
    state.complete = true;
    view.offerReview(allSaved());
    if (!view.shownPage() && document.getElementById("submit")) await refreshReview();
    await sayHowThingsAre();
  })();
  return loadingAnswers;
}

// The server's review knows nothing of what waits on this device.
async function refreshReview() {
  await loadBook();
  const list = main.querySelector(".pages");
  if (state.book && list) fillReview(main, state.book.pages, state.answers, state.words);
}

function learn(stamp) {
  if (!(stamp > state.session.seen)) return;
  state.session.seen = stamp;
  sessions.keep(state.session);
}

// Keeps the empty shell of these pages for a reload without connection; it holds no answers and no token.
async function keepShell() {
  if (!state.keeps || !state.book || !globalThis.caches) return;
  const { version, language } = state.session;
  const url = `/shell/${version}/${language}`;
  try {
    const cache = await caches.open(SHELLS);
    const held = await (await cache.match(url))?.text();
    if (!held?.includes(new URL(import.meta.url).pathname)) await cache.add(url);
  } catch {
    // Reloading needs a connection then.
  }
}

// ---------------------------------------------------------------------------------------------- turning pages

const allSaved = () => state.book !== null && state.book.pages.every((page) => state.pages.has(page.id));

async function sayHowThingsAre() {
  const { session, keeps } = state;
  if (state.ended || finishing) return;
  saidOfPage = ofPage();
  await sayState({ session, keeps, saved: state.pages.size > 0 || session.seen > 0, page: ofPage });
}

// What the page on the screen still needs: to be looked at again, to be sent, or nothing.
function ofPage() {
  if (!view.form() || unfinished) return unfinished ? "unfinished" : "";
  const { changed, problems } = forms.changes(view.form(), state.answers, state.words);
  return problems.length > 0 || Object.keys(changed).length > 0 ? "unsent" : "";
}

// Next, Back, Save and leave, to the review, another language: what changed is saved first.
async function turn(action, tries = 1) {
  const form = view.form();
  const page = view.shownPage();
  const { changed, problems } = forms.changes(form, state.answers, state.words);
  const forward = action === "next";
  if (forward || Object.keys(changed).length > 0) {
    const kept = await keepSave(page, changed);
    if (!kept) return;
    const refused = kept.refused.map((r) => ({ question: r.question, words: forms.refusalWords(form, r, state.words) }));
    for (const { question } of refused) delete changed[question];
    problems.push(...refused);
    takeIn({ page, answers: changed });
    view.fillHidden(state.session, state.answers);
    // What was changed while the save was under way is saved too, before the page goes.
    const since = forms.changes(form, state.answers, state.words).changed;
    if (problems.length === 0 && Object.keys(since).length > 0 && tries < 5) return turn(action, tries + 1);
  }
  if (forward && problems.length === 0) problems.push(...forms.missing(form, state.answers, state.words));
  forms.showProblems(form, problems, state.words);
  unfinished = problems.length > 0;
  await sayHowThingsAre();
  if (problems.length > 0) return writeDraft();
  await leaveFor(action, page);
}

async function leaveFor(action, page) {
  if (action === "leave") return leave();
  if (action === "review") return go("/review");
  if (action.startsWith("language-")) return changeLanguage(action.slice("language-".length));
  await loadBook();
  if (!state.book) return say("problem", state.words.no_connection);
  const index = state.book.pages.findIndex((p) => p.id === page);
  const target = state.book.pages[action === "back" ? index - 1 : index + 1];
  await go(target ? `/take/${target.id}` : "/review");
}

// Writes one page's changed answers to the outbox and sends them. Null when they are neither sent nor kept; else which
// of them the server refused.
async function keepSave(page, answers) {
  const { session } = state;
  const save = { stamp: await nextStamp(session.seen), page, answers, language: session.language };
  const id = state.keeps ? await outbox.put(session, save, Date.now() + OWN_TRY_MS).catch(() => null) : null;
  say("saving", state.words.saving);
  if (id !== null && (!navigator.onLine || Date.now() < cutOffUntil)) {
    await outbox.release(id);
    drain.later();
    return { refused: [] };
  }
  const reply = await sendOnce(session, save, id);
  if (reply.serverTime) await learnClock(reply.serverTime);
  return settle(id, reply);
}

// Sends a save; once more with a right stamp when this device's clock was ahead.
async function sendOnce(session, save, id) {
  const reply = await sendSave(session, save);
  if (reply.outcome !== "future") return reply;
  await resetClock(reply.serverTime);
  if (id !== null) await restamp();
  const again = { ...save, stamp: await nextStamp(session.seen) };
  if (id !== null) await outbox.replace(session, id, again, Date.now() + OWN_TRY_MS).catch(() => {});
  const second = await sendSave(session, again);
  return second.outcome === "future" ? { ...second, outcome: "later" } : second;
}

async function settle(id, { outcome, refused, stamp, retryAfter, late }) {
  if (outcome === "saved" || outcome === "refused") {
    learn(stamp);
    cutOffUntil = 0;
    if (id !== null) await outbox.remove(id);
    // The server's page says that the survey has closed.
    if (late) location.assign("/take");
    return { refused };
  }
  if (id === null) {
    say("problem", state.words.not_saved);
    return null;
  }
  if (outcome === "never") await outbox.setAside(id);
  else {
    await outbox.release(id);
    drain.later(retryAfter);
    cutOffUntil = Date.now() + CUT_OFF_MS;
  }
  return { refused: [] };
}

// Shows a path of the survey and puts it into the browser's history.
async function go(path) {
  if (!state.complete) await Promise.race([loadAnswers(), pause(3000)]);
  if (!state.book) await loadBook();
  if (!state.book) return say("problem", state.words.no_connection);
  finishing = 0;
  history.pushState(null, "", path);
  show(path);
  catchUp();
}

// After a page is shown; it can be turned before this is done.
async function catchUp() {
  await writeDraft();
  await sayHowThingsAre();
}

function show(path) {
  unfinished = false;
  const page = state.book.pages.find((p) => path === `/take/${p.id}`);
  const shown = { answers: state.answers, session: state.session, words: state.words, allSaved: allSaved() };
  if (page) view.showPage(page, shown);
  else view.showReview(state.book, { ...shown, asked: false });
}

// The browser's Back and Forward: what was typed on the page that is left is saved like on any turn.
async function returnTo() {
  const path = location.pathname;
  const page = view.shownPage();
  if (page) {
    const { changed } = forms.changes(view.form(), state.answers, state.words);
    if (Object.keys(changed).length > 0) {
      const kept = await keepSave(page, changed);
      if (!kept) return history.pushState(null, "", `/take/${page}`);
      for (const { question } of kept.refused) delete changed[question];
      takeIn({ page, answers: changed });
    }
  }
  finishing = 0;
  if (!state.book) await loadBook();
  if (!state.book) return location.reload();
  show(path);
  catchUp();
}

async function changeLanguage(language) {
  try {
    const reply = await fetch("/language", {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ language, back: location.pathname }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!reply.ok && reply.type !== "opaqueredirect") throw new Error("refused");
    clearTimeout(draftTimer);
    location.reload();
  } catch {
    say("problem", state.words.no_connection);
  }
}

// ---------------------------------------------------------------------------------------------- the draft

function edited() {
  clearTimeout(draftTimer);
  draftTimer = setTimeout(writeDraft, DRAFT_PAUSE_MS);
  if (!view.form()) return;
  forms.showClear(view.form());
  // While something is under way the line is about that, and says how things are afterwards.
  if (busy || !state.session) return;
  unfinished = false;
  if (ofPage() !== saidOfPage) sayHowThingsAre();
}

async function writeDraft() {
  clearTimeout(draftTimer);
  if (!state.session || !state.keeps || state.ended) return;
  const form = view.form();
  const content = {
    page: view.shownPage(),
    fields: form ? forms.unsaved(form, state.answers) : {},
    answers: state.answers,
    pages: [...state.pages],
    complete: state.complete,
  };
  await draft.write(state.session, content).catch(() => {});
  if (state.ended) await draft.discard();
}

// ---------------------------------------------------------------------------------------------- finishing, leaving

// Finishes the survey: first everything that waits is acknowledged, then the submission. Until the server has
// committed it nothing here says that the survey is finished.
async function finish() {
  const run = Date.now();
  finishing = run;
  say("saving", state.words.finishing);
  attempt(run, 0);
}

async function attempt(run, tries) {
  const wait = () => {
    say("waiting", state.words.finishing_waits);
    setTimeout(() => attempt(run, tries + 1), Math.min(1000 * 2 ** tries, 20_000) * (0.75 + Math.random() / 2));
  };
  if (finishing !== run || state.ended) return;
  if (state.keeps && (await outbox.own(state.session)).length > 0) {
    await drain.kick();
    if ((await outbox.own(state.session)).length > 0) return wait();
  }
  const reply = await sendSubmission(state.session, await nextStamp(state.session.seen));
  if (finishing !== run) return;
  if (reply.serverTime) await learnClock(reply.serverTime);
  if (reply.outcome === "future") {
    await resetClock(reply.serverTime);
    return wait();
  }
  if (reply.outcome === "behind") {
    learn(reply.stamp);
    return wait();
  }
  if (reply.outcome === "later") return wait();
  finishing = 0;
  if (reply.outcome === "done") return finished();
  if (reply.outcome === "missing") return askForMissing();
  say("problem", state.words.finish_refused);
}

async function askForMissing() {
  // What this view does not know, the server may: its review is the truth here.
  const known = state.book && view.showReview(state.book, { ...state, asked: true });
  if (!known) return location.assign("/review");
  await sayHowThingsAre();
}

async function finished() {
  await loadBook();
  const { session, words, book } = state;
  await forgetEverything();
  if (!book) return location.replace("/done");
  view.showDone(book, words);
  history.replaceState(null, "", "/done");
  say("saved", words.saved);
  await sessions.endOnServer(session);
}

// From here on this tab knows nothing of the response. What waits in the outbox stays there, sealed.
async function forgetEverything() {
  state.ended = true;
  clearTimeout(draftTimer);
  sessions.forget();
  await draft.discard();
  state.session = null;
  state.answers = {};
}

async function leave() {
  const waiting = state.keeps ? await outbox.own(state.session) : [];
  await end(waiting.length > 0 ? "/?waiting" : "/?left");
}

async function end(target) {
  const { session } = state;
  view.blank(state.words.loading);
  await forgetEverything();
  await sessions.endOnServer(session);
  location.replace(target);
}

// Idle for too long: off the screen at once, then what was typed is saved like on any turn.
async function onIdle() {
  if (state.ended) return;
  const page = view.shownPage();
  const changed = page ? forms.changes(view.form(), state.answers, state.words).changed : {};
  finishing = 0;
  view.blank(state.words.locked);
  if (Object.keys(changed).length > 0) await keepSave(page, changed);
  await end("/?locked");
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
