// The status line: whether my answers are saved, always visible, in words and with an icon.

import { count } from "./outbox.js";

const region = document.getElementById("status");
let words = {};
let said = "";
let asked = 0;

// Takes the words in the page's language.
export function speak(strings) {
  words = strings;
}

export const fill = (text, values) =>
  Object.entries(values).reduce((t, [name, value]) => t.replaceAll(`{${name}}`, value), text);

export const counted = (name, n) => fill(words[n === 1 ? `${name}_one` : name], { n });

// Says one thing now. States: plain, unsent, saved, saving, waiting, problem. The same again is not announced twice.
export function say(state, text) {
  asked += 1;
  if (!region) return;
  region.dataset.state = state;
  if (text !== said) {
    said = text;
    region.querySelector("p").textContent = text;
  }
}

// Says how things are: what waits, what was set aside, what this page still needs, or that all is saved. `saved`: this
// view has saved something. `page`: "unsent" when something on the page is not sent, "unfinished" when it has messages.
export async function sayState({ session, saved, keeps, page = () => "" }) {
  asked += 1;
  const mine = asked;
  const { answers, others, aside } = await count(session);
  // Something newer was said meanwhile, or is about to be.
  if (mine !== asked) return;
  const now = page();
  const calm = words[now] ?? (saved ? words.saved : words.plain);
  if (!keeps && session) return say(now === "unsent" ? now : "plain", `${calm}. ${words.nothing_kept}`);
  if (answers > 0) return say("waiting", counted("waiting", answers));
  if (aside > 0) return say("problem", counted("aside", aside));
  if (now) return say(now === "unsent" ? now : "problem", calm);
  if (!session && others > 0) return say("waiting", counted("others", others));
  if (saved) return say("saved", words.saved);
  return say("plain", words.plain);
}
