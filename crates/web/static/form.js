// The questions of a page: reading, checking, filling in, and messages beside them. The markup says all that has to be
// known of a question (data-kind, data-required, data-min …), so that this works on the server's page and on one
// rendered from the document. The server checks everything again.

import { fill as fillIn } from "./status.js";

const questions = (form) => [...form.querySelectorAll("[data-question]")];
const fields = (question) => [...question.querySelectorAll("input, textarea")].filter((f) => f.type !== "hidden");
const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

// What stands in each question: {question: [value, …]} as typed, in the order of the page.
export function typed(form) {
  const values = {};
  for (const question of questions(form)) {
    values[question.dataset.question] = fields(question)
      .filter((field) => !["radio", "checkbox"].includes(field.type) || field.checked)
      .map((field) => field.value);
  }
  return values;
}

// The answers that changed since `was`, and the messages for what cannot be an answer.
export function changes(form, was, words) {
  const changed = {};
  const problems = [];
  const values = typed(form);
  for (const question of questions(form)) {
    const id = question.dataset.question;
    const { value, problem } = parse(question, values[id], words);
    if (problem) problems.push({ question: id, words: problem });
    else if (!same(value, comparable(was[id]))) changed[id] = value;
  }
  return { changed, problems };
}

// An answer as `parse` would read it out of its field: so what nobody touched never counts as changed.
const comparable = (answer) => (typeof answer === "string" ? answer.replaceAll(/\r\n?/g, "\n").trim() : answer);

function parse(question, values, words) {
  const { kind, length } = question.dataset;
  if (kind === "multiple") return { value: values.length > 0 ? values : null };
  const text = (values[0] ?? "").replaceAll(/\r\n?/g, "\n").trim();
  if (text === "") return { value: null };
  if (kind === "single") return { value: text };
  if (kind === "number") return parseNumber(question.dataset, text, words);
  if ([...text].length > Number(length)) return { problem: fillIn(words.error_long, { n: length }) };
  const wellFormed = text.isWellFormed?.() ?? true;
  if (text.includes("\0") || !wellFormed) return { problem: words.error_character };
  return { value: text };
}

function parseNumber({ min, max, decimals }, text, words) {
  const plain = text.replace(",", ".");
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain)) return { problem: words.error_number };
  const value = Number(plain);
  const below = min !== undefined && value < Number(min);
  const above = max !== undefined && value > Number(max);
  if (below || above || Math.abs(value) > 1e12) {
    return { problem: rangeWords(min, max, words) };
  }
  const fraction = (plain.split(".")[1] ?? "").replace(/0+$/, "").length;
  if (fraction > Number(decimals)) {
    const n = Number(decimals);
    return { problem: n === 0 ? words.error_whole : fillIn(words.error_decimals, { n }) };
  }
  return { value };
}

function rangeWords(min, max, words) {
  if (min === undefined && max === undefined) return words.error_number;
  if (max === undefined) return fillIn(words.error_least, { min });
  if (min === undefined) return fillIn(words.error_most, { max });
  return fillIn(words.error_range, { min, max });
}

// The words for an answer that the server refused.
export function refusalWords(form, { question, reason }, words) {
  const asked = form.querySelector(`[data-question="${CSS.escape(question)}"]`);
  const { min, max, decimals, length } = asked?.dataset ?? {};
  switch (reason) {
    case "not-a-number":
      return words.error_number;
    case "out-of-range":
      return rangeWords(min, max, words);
    case "too-many-decimals":
      return decimals === "0" ? words.error_whole : fillIn(words.error_decimals, { n: decimals });
    case "too-long":
      return fillIn(words.error_long, { n: length });
    case "bad-character":
      return words.error_character;
    default:
      return words.error_choice;
  }
}

// The required questions without an answer.
export const missing = (form, answers, words) =>
  questions(form)
    .filter((q) => "required" in q.dataset && (answers[q.dataset.question] ?? null) === null)
    .map((q) => ({ question: q.dataset.question, words: words.error_required }));

// Fills in {question: [value, …]} as typed; questions that are not named keep what they have.
export function fillTyped(form, values) {
  for (const question of questions(form)) {
    const wanted = values[question.dataset.question];
    if (!wanted) continue;
    for (const field of fields(question)) {
      if (["radio", "checkbox"].includes(field.type)) field.checked = wanted.includes(field.value);
      else field.value = wanted[0] ?? "";
    }
  }
  showClear(form);
}

// Fills in answers; questions without one become empty.
export function fillAnswers(form, answers) {
  const values = {};
  for (const question of questions(form)) {
    const answer = answers[question.dataset.question] ?? [];
    values[question.dataset.question] = [answer].flat().map(String);
  }
  fillTyped(form, values);
}

// Only what differs from the answers that the view has seen, as typed: what a draft keeps.
export function unsaved(form, was) {
  const values = typed(form);
  for (const id of Object.keys(values)) {
    const seen = was[id] === undefined || was[id] === null ? [] : [was[id]].flat().map(String);
    const now = values[id].length === 1 && values[id][0] === "" ? [] : values[id];
    if (same(now.map(comparable), seen.map(comparable))) delete values[id];
  }
  return values;
}

// Puts messages beside their questions and into the summary on top, and takes the reader there.
export function showProblems(form, problems, words) {
  const summary = document.getElementById("summary");
  const list = summary.querySelector("ul");
  list.replaceChildren();
  for (const question of questions(form)) {
    const id = question.dataset.question;
    const problem = problems.find((p) => p.question === id);
    const place = document.getElementById(`e-${id}`);
    place.textContent = problem?.words ?? "";
    place.hidden = !problem;
    for (const field of fields(question)) {
      if (["radio", "checkbox"].includes(field.type)) continue;
      if (problem) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
    if (problem) list.append(summaryLine(question, problem));
  }
  summary.hidden = problems.length === 0;
  document.title = document.title.replace(words.error_prefix, "");
  if (problems.length > 0) {
    document.title = words.error_prefix + document.title;
    summary.focus();
  }
}

function summaryLine(question, problem) {
  const line = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#q-${problem.question}`;
  link.textContent = question.querySelector("legend, .asked").firstChild.textContent;
  const said = document.createElement("span");
  said.textContent = problem.words;
  line.append(link, " ", said);
  return line;
}

// The way to take a chosen answer back: shown where there is one.
export function showClear(form) {
  for (const button of form.querySelectorAll("button.clear")) {
    const around = button.closest("fieldset");
    const optional = [...around.querySelectorAll("input:checked")].some(
      (input) => !("required" in input.closest("[data-question]").dataset),
    );
    button.hidden = !optional;
  }
}

// Takes back what the button stands for.
export function clearAnswers(button) {
  const around = button.closest("fieldset");
  for (const input of around.querySelectorAll("input:checked")) {
    if (!("required" in input.closest("[data-question]").dataset)) input.checked = false;
  }
  around.querySelector("input:not([type=hidden])").focus();
  button.hidden = true;
}
