// Everything that the device keeps, in one IndexedDB database. Nothing in it is readable: see seal.js.
//
//   outbox  sealed saves that no server has acknowledged, in the order in which they were made
//   drafts  one sealed draft for each tab
//   clock   the greatest stamp given out on this device, and how far its clock is from the server's
//   leaving sessions that should end but could not be told to the server yet, by their names (seal.js)

const OPEN_MS = 3000;
let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("canvass", 1);
    request.onupgradeneeded = () => {
      const db = request.result;
      db.createObjectStore("outbox", { keyPath: "id", autoIncrement: true });
      db.createObjectStore("drafts");
      db.createObjectStore("clock");
      db.createObjectStore("leaving");
    };
    request.onsuccess = () => {
      const db = request.result;
      db.onversionchange = () => db.close();
      db.onclose = () => {
        opening = null;
      };
      resolve(db);
    };
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("blocked"));
    // A browser whose database hangs is one that keeps nothing: the page must not hang with it.
    setTimeout(() => reject(new Error("no answer")), OPEN_MS);
  });
  opening.catch(() => {
    opening = null;
  });
  return opening;
}

// Runs `work(store, answer)` in one transaction on one object store. Resolves with what was given to `answer` when
// the transaction is complete, and only then: what was written is on the disk.
export async function transact(name, mode, work) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(name, mode, { durability: mode === "readwrite" ? "strict" : "default" });
    let value;
    transaction.oncomplete = () => resolve(value);
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
    transaction.onerror = () => reject(transaction.error);
    work(transaction.objectStore(name), (result) => {
      value = result;
    });
  });
}

export const get = (name, key) =>
  transact(name, "readonly", (store, answer) => {
    const request = store.get(key);
    request.onsuccess = () => answer(request.result);
  });

export const all = (name) =>
  transact(name, "readonly", (store, answer) => {
    const request = store.getAll();
    request.onsuccess = () => answer(request.result);
  });

export const keys = (name) =>
  transact(name, "readonly", (store, answer) => {
    const request = store.getAllKeys();
    request.onsuccess = () => answer(request.result);
  });

export const put = (name, value, key) =>
  transact(name, "readwrite", (store, answer) => {
    const request = store.put(value, key);
    request.onsuccess = () => answer(request.result);
  });

export const remove = (name, key) => transact(name, "readwrite", (store) => store.delete(key));

// Changes one value where it stands; `change` returns the new one, or undefined to leave it.
export const update = (name, key, change) =>
  transact(name, "readwrite", (store, answer) => {
    const request = store.get(key);
    request.onsuccess = () => {
      const value = change(request.result);
      if (value === undefined) return;
      store.put(value, store.keyPath ? undefined : key);
      answer(value);
    };
  });
