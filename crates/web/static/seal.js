// Sealing: AES-GCM with a key that only this response's pages get. Whoever finds a sealed item on the device can
// neither read it nor make one; the server opens it with the key that the ticket names.

const bytesOf = (base64url) =>
  Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

function textOf(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Sealing needs a secure context: HTTPS, or this machine itself.
export const canSeal = () => globalThis.isSecureContext === true && crypto.subtle !== undefined;

const imported = new Map();

function keyOf(session) {
  if (!imported.has(session.key)) {
    const key = crypto.subtle.importKey("raw", bytesOf(session.key), "AES-GCM", false, ["encrypt", "decrypt"]);
    imported.set(session.key, key);
  }
  return imported.get(session.key);
}

const parameters = (ticket, iv) => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(ticket),
});

// {ticket, iv, data} of anything that JSON can hold.
export async function seal(session, value) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = new TextEncoder().encode(JSON.stringify(value));
  const data = await crypto.subtle.encrypt(parameters(session.ticket, iv), await keyOf(session), plain);
  return { ticket: session.ticket, iv: textOf(iv), data: textOf(new Uint8Array(data)) };
}

// What was sealed; null when it was sealed with another response's key or is damaged. A response has one key and, from
// each page that it opened, another ticket: the key alone says whose an item is.
export async function unseal(session, item) {
  try {
    const data = await crypto.subtle.decrypt(
      parameters(item.ticket, bytesOf(item.iv)),
      await keyOf(session),
      bytesOf(item.data),
    );
    return JSON.parse(new TextDecoder().decode(data));
  } catch {
    return null;
  }
}

// A name for the response that tells nothing about it: where something must be remembered without the key.
export async function nameOf(session) {
  if (!canSeal()) return "unnamed";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`canvass ${session.key}`));
  return textOf(new Uint8Array(digest).slice(0, 12));
}
