// What is on the screen: pages put in place out of the questionnaire's document, and the state of their buttons.

import { fillAnswers, showClear } from "./form.js";
import { askForMissing, fillReview } from "./review.js";

const main = document.getElementById("main");

export const form = () => document.getElementById("answers");
export const shownPage = () => form()?.dataset.page ?? null;

// Puts a page of the document in place, with answers.
export function showPage(page, { answers, session, allSaved }) {
  main.innerHTML = page.html;
  document.title = page.document_title;
  fillHidden(session, answers);
  offerReview(allSaved);
  fillAnswers(form(), answers);
  arrive();
}

// The form stays one that works without script: token, stamp and what it was rendered with.
export function fillHidden(session, answers) {
  const inputs = form()?.elements ?? document.getElementById("submit").elements;
  inputs.token.value = session.token;
  inputs.stamp.value = session.seen;
  if (!inputs.was) return;
  const ids = [...form().querySelectorAll("[data-question]")].map((q) => q.dataset.question);
  const here = ids.filter((id) => (answers[id] ?? null) !== null).map((id) => [id, answers[id]]);
  inputs.was.value = JSON.stringify(Object.fromEntries(here));
}

// Puts the review in place. `asked`: with what is required on top.
export function showReview(book, { answers, session, words, asked }) {
  main.innerHTML = book.review;
  document.title = words.review_title;
  fillHidden(session, answers);
  fillReview(main, book.pages, answers, words);
  arrive();
  return asked ? askForMissing(main, book.pages, answers, words) : false;
}

// Puts the last page in place.
export function showDone(book, words) {
  main.innerHTML = book.done;
  document.title = words.done_title;
  arrive();
}

// Takes everything off the screen at once.
export function blank(words = "") {
  document.title = document.querySelector(".survey")?.textContent ?? "";
  const line = document.createElement("p");
  line.textContent = words;
  main.replaceChildren(line);
}

// Hides the page until it has come anew from the server.
export const hide = () => main.replaceChildren();

export function offerReview(allSaved) {
  const button = form()?.querySelector(".to-review");
  if (button) button.hidden = !allSaved;
}

// While something is under way the buttons say so; a second press does nothing.
export function busy(is) {
  main.toggleAttribute("data-busy", is);
  for (const button of main.querySelectorAll(".ways button")) {
    if (is) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
}

function arrive() {
  scrollTo(0, 0);
  main.querySelector("h1").focus({ preventScroll: true });
}

export const prepare = () => form() && showClear(form());
