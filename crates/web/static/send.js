// What the page says to the server, and what became of it. Every call has a time-out, and none throws.

// A little over the server's own deadline for a commit.
const TIMEOUT_MS = 10_000;

// Not the item's fault: the same may go through later.
const LATER = new Set([401, 408, 425, 429]);
const later = (status) => status >= 500 || LATER.has(status);

async function call(path, options) {
  try {
    const reply = await fetch(path, {
      cache: "no-store",
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...options,
    });
    const text = await reply.text();
    let body = null;
    try {
      body = JSON.parse(text);
    } catch {
      // A proxy's page rather than our server's answer.
    }
    return { status: reply.status, body, retryAfter: seconds(reply.headers.get("retry-after")) };
  } catch {
    return { status: 0, body: null, retryAfter: 0 };
  }
}

// Retry-After in seconds, at most an hour; as a date it is not used by our server.
const seconds = (header) => Math.min(Number(header) || 0, 3600);

const post = (path, session, body) =>
  call(path, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(session ? { authorization: `Bearer ${session.token}` } : {}),
    },
    body: JSON.stringify(body),
  });

// Sends one save. `outcome`:
//   saved    committed; `late` when the survey had closed by then, so that it does not count
//   later    keep it and try again
//   future   the stamp is ahead of the server's clock: `serverTime` tells it
//   refused  committed without the answers in `refused`
//   never    the server will never take it
export async function sendSave(session, save) {
  const { status, body, retryAfter } = await post("/api/v1/saves", session, save);
  const serverTime = body?.server_time;
  const reply = { status, retryAfter, serverTime, stamp: body?.stamp, refused: [] };
  if (status === 200 && body) return { ...reply, outcome: "saved", late: body.late === true };
  if (status === 422 && Array.isArray(body?.refused)) return { ...reply, outcome: "refused", refused: body.refused };
  if (status === 422 && String(body?.type ?? "").endsWith("stamp-in-future")) return { ...reply, outcome: "future" };
  if (status === 0 || later(status) || (status < 400 && !body)) return { ...reply, outcome: "later" };
  return { ...reply, outcome: "never" };
}

// Delivers sealed items. `accepted`: for each true when it is committed, false when it never can be, null when not now;
// no list at all when none was looked at. `heard`: the server has answered.
export async function sendSealed(items) {
  const sent = items.map(({ ticket, iv, data }) => ({ ticket, iv, data }));
  const { status, body, retryAfter } = await post("/api/v1/sealed", null, { items: sent });
  const fits = status === 200 && Array.isArray(body?.accepted) && body.accepted.length === items.length;
  const never = !fits && status >= 400 && !later(status);
  return { accepted: fits ? body.accepted : null, never, heard: status !== 0, retryAfter, serverTime: body?.server_time };
}

// The response as the server has it; null when it cannot be had now.
export async function readResponse(session) {
  const { status, body } = await call("/api/v1/response", {
    headers: { authorization: `Bearer ${session.token}` },
  });
  return status === 200 ? body : null;
}

// Says that the respondent is done. `outcome`: done; missing, when required questions have no answer; behind, when the
// response holds something newer, with its `stamp`; future; later; never.
export async function sendSubmission(session, stamp) {
  const { status, body } = await post("/api/v1/submission", session, { stamp });
  const reply = { serverTime: body?.server_time, stamp: body?.stamp };
  if (status === 200 && body) return { ...reply, outcome: "done" };
  if (status === 0 || (later(status) && status !== 401) || status < 400) return { ...reply, outcome: "later" };
  const kind = String(body?.type ?? "").split(":").pop();
  const outcomes = { required: "missing", "stamp-behind": "behind", "stamp-in-future": "future" };
  return { ...reply, outcome: outcomes[kind] ?? "never" };
}
