/** Messages that the server has not acknowledged, kept in this browser across reloads and crashes.
 *
 * An item is `{id, text, stream, order, failure?}`: `id` is its client_message_id for ever, `order`
 * says which was written first, `failure` ({code, message}) that the server refused it for good. */

const STORE = "messages";

export async function openOutbox(siteKey, storage, factory = usableIndexedDb()) {
  if (factory) {
    try {
      return new Outbox(await IndexedDbStore.open(factory, `nextflow-outbox-${siteKey}`));
    } catch {
      // Private windows and full disks refuse IndexedDB: the next best place follows.
    }
  }
  return new Outbox(new ListStore(storage));
}

export function newMessageId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Pages without TLS have no randomUUID.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Outbox {
  constructor(store) {
    this.store = store;
    this.kind = store.kind;
    this.items = new Map();
  }

  /** Read what is stored; items of other tabs appear by this. */
  async load() {
    const stored = await this.store.all();
    this.items = new Map(stored.sort((a, b) => a.order - b.order).map((item) => [item.id, item]));
    return this.list();
  }

  list() {
    return [...this.items.values()];
  }

  /** The oldest item that may be sent now. */
  next() {
    return this.list().find((item) => !item.failure) ?? null;
  }

  has(id) {
    return this.items.has(id);
  }

  /** Keep a new message; resolves when it is stored. */
  async add(text, stream) {
    const latest = this.list().at(-1)?.order ?? 0;
    const item = { id: newMessageId(), text, stream, order: Math.max(Date.now(), latest + 1) };
    await this.put(item);
    return item;
  }

  async change(id, fields) {
    const item = this.items.get(id);
    if (!item) return null;
    const changed = { ...item, ...fields };
    await this.put(changed);
    return changed;
  }

  async remove(id) {
    if (!this.items.delete(id)) return false;
    await this.store.remove(id);
    return true;
  }

  async clear() {
    this.items.clear();
    await this.store.clear();
  }

  async put(item) {
    this.items.set(item.id, item);
    await this.store.put(item);
  }
}

class IndexedDbStore {
  static open(factory, name) {
    return new Promise((resolve, reject) => {
      const request = factory.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      request.onsuccess = () => resolve(new IndexedDbStore(request.result));
      request.onerror = () => reject(request.error);
      request.onblocked = () => reject(new Error("blocked"));
    });
  }

  constructor(database) {
    this.database = database;
    this.kind = "indexeddb";
  }

  all() {
    return this.run("readonly", (store) => store.getAll());
  }

  put(item) {
    return this.run("readwrite", (store) => store.put(item));
  }

  remove(id) {
    return this.run("readwrite", (store) => store.delete(id));
  }

  clear() {
    return this.run("readwrite", (store) => store.clear());
  }

  run(mode, work) {
    return new Promise((resolve, reject) => {
      // "strict": stored means on the disk, not in a buffer that a crash would take away.
      const transaction = this.database.transaction(STORE, mode, { durability: "strict" });
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

class ListStore {
  constructor(storage) {
    this.storage = storage;
    this.kind = storage.isPersistent ? "localstorage" : "memory";
  }

  async all() {
    return JSON.parse(this.storage.get("outbox") ?? "[]");
  }

  async put(item) {
    const others = (await this.all()).filter((one) => one.id !== item.id);
    this.write([...others, item]);
  }

  async remove(id) {
    this.write((await this.all()).filter((one) => one.id !== id));
  }

  async clear() {
    this.storage.remove("outbox");
  }

  write(items) {
    this.storage.set("outbox", JSON.stringify(items));
  }
}

function usableIndexedDb() {
  try {
    return window.indexedDB ?? null;
  } catch {
    return null;
  }
}
