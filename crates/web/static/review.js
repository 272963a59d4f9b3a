// The review, filled in from what this view knows. The server's review (respond/pages.rs) says the same words.

import { fill, counted } from "./status.js";

function progress(page, answers) {
  const asked = page.items.flatMap((item) =>
    item.grid ? item.grid.rows : item.question ? [item.question] : [],
  );
  const has = (question) => (answers[question.id] ?? null) !== null;
  return {
    questions: asked.length,
    answered: asked.filter(has).length,
    missing: asked.filter((question) => question.required && !has(question)).length,
  };
}

function state({ questions, answered, missing }, words) {
  if (missing > 0) return ["missing", counted("review_required", missing)];
  if (answered === questions) return ["all", words.review_all];
  if (answered === 0) return ["none", words.review_none];
  return ["some", fill(words.review_some, { n: answered, of: questions })];
}

// Fills in the review's list.
export function fillReview(main, pages, answers, words) {
  for (const page of pages) {
    const [name, text] = state(progress(page, answers), words);
    const place = main.querySelector(`[data-page="${CSS.escape(page.id)}"] .state`);
    place.className = `state ${name}`;
    place.textContent = text;
  }
}

// Lists on top the pages that still need an answer. False when there is none.
export function askForMissing(main, pages, answers, words) {
  const asking = pages.filter((page) => progress(page, answers).missing > 0);
  const summary = main.querySelector("#summary");
  summary.hidden = asking.length === 0;
  if (asking.length === 0) return false;
  summary.querySelector("h2").textContent = counted("review_not_yet", asking.length);
  const lines = asking.map((page) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/take/${page.id}`;
    link.textContent = page.title;
    line.append(link);
    return line;
  });
  summary.querySelector("ul").replaceChildren(...lines);
  summary.focus();
  return true;
}
