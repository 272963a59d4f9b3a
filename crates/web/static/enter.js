// The code page: takes the code out of a QR link, ends what should have ended, and delivers what waits on this device,
// whoever it is from.

import * as drain from "./drain.js";
import { learnClock } from "./stamp.js";
import { finishLeaving, forget, settleLeaving } from "./session.js";
import { sayState, speak } from "./status.js";
import { discard } from "./draft.js";

const form = document.getElementById("enter");
const code = document.getElementById("code");
let entering = false;

// A QR link carries the code behind the #, which no server and no log ever sees. It leaves the address bar at once.
if (code && location.hash.length > 1) {
  code.value = decoded(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}

const ended = leaveOldSession();

// A code that stands in the field when the browser comes back to this page is not for the next one to see.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (entering) return;
  entering = true;
  await ended;
  await settleLeaving();
  form.submit();
});

// Without its words the page still delivers what waits.
const words = await import(document.body.dataset.strings).then((m) => m.default, () => null);
if (words) speak(words);
if (document.body.dataset.now) await learnClock(Number(document.body.dataset.now));
const finished = document.body.dataset.view === "done";
const look = async () => words && sayState({ session: null, saved: finished, keeps: true });
await look();
drain.start(look);
navigator.serviceWorker?.register("/sw.js").catch(() => {});

// What is not encoded as it should be is left for the respondent to correct.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function leaveOldSession() {
  await finishLeaving();
  // A tab on this page holds no response any more.
  forget();
  await discard();
}
