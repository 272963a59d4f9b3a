// The page that stands in for one that could not be fetched. A tab that holds a session goes on with the shell that the
// service worker keeps; any other tab can only wait.

import { held } from "./session.js";

const session = held();
const inSurvey = /^\/(take|review)\b/.test(location.pathname);
if (session && inSurvey) {
  const shell = `/shell/${session.version}/${session.language}`;
  const there = await globalThis.caches?.match(shell).catch(() => null);
  if (there) location.replace(`${shell}#${encodeURIComponent(location.pathname)}`);
}

const retry = document.getElementById("retry");
retry?.addEventListener("click", (event) => {
  event.preventDefault();
  location.reload();
});
addEventListener("online", () => location.reload());
