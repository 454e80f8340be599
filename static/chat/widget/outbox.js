/** Messages that the server has not acknowledged, kept in this browser across reloads and crashes.
 *
 * An item is `{id, text, stream, order, failure?}`: `id` is its client_message_id for ever, `order`
 * says which was written first, `failure` ({code, message}) that the server refused it for good.
 * `owner` is who the site had proved the writer to be: for anybody else it is not there. */
import { Database } from "../../stream/database.js";
import { newId } from "../../stream/ids.js";

const STORE = "messages";
// A store that failed is left alone for this long: each try may take seconds, and messages wait.
const REST_MS = 30_000;

export async function openOutbox(siteKey, storage, factory = usableIndexedDb()) {
  const list = new ListStore(storage);
  if (!factory) return new Outbox([list]);
  const database = new IndexedDbStore(factory, `nextflow-outbox-${siteKey}`);
  try {
    await database.all();
    return new Outbox([database, list]);
  } catch {
    // Private windows and full disks refuse IndexedDB: the next best place follows.
    return new Outbox([list]);
  }
}

export class Outbox {
  /** @type {Map<Widget.Store, number>} */
  #restUntil = new Map();
  /** Id of an item on its way into a store: how many times. @type {Map<string, number>} */
  #storing = new Map();

  /** `stores`, the best first: what one does not take goes into the next.
   *
   * @param {Widget.Store[]} stores */
  constructor(stores) {
    this.stores = stores;
    this.kind = stores[0].kind;
    /** @type {Map<string, Widget.Item>} */
    this.items = new Map();
    /** Ids of items that a reload would lose. @type {Set<string>} */
    this.unkept = new Set();
    /** Whose items these are now; "" is nobody in particular. */
    this.owner = "";
  }

  /** What nobody in particular wrote goes along with whoever they turn out to be.
   *
   * @param {string} owner */
  async take(owner) {
    this.owner = owner;
    await this.load();
    for (const item of this.items.values()) {
      if (!item.owner) await this.put({ ...item, owner });
    }
  }

  /** Read what is stored; items of other tabs appear by this. */
  async load() {
    const found = new Map();
    for (const store of this.stores) {
      const stored = await this.#use(store, () => store.all());
      if (!stored) return this.list(); // what is in memory is more than an unreadable store says
      for (const item of stored) if (!found.has(item.id)) found.set(item.id, item);
    }
    for (const item of this.items.values()) {
      if (this.unkept.has(item.id) || this.#storing.has(item.id)) found.set(item.id, item);
    }
    const inOrder = [...found.values()].sort((a, b) => a.order - b.order);
    this.items = new Map(inOrder.map((item) => [item.id, item]));
    return this.list();
  }

  /** The items of whoever this is now; those of others rest until they come back. */
  list() {
    return [...this.items.values()].filter((item) => this.isOwn(item));
  }

  /** @param {Widget.Item} item */
  isOwn(item) {
    return (item.owner ?? "") === this.owner;
  }

  /** The oldest item that may be sent now. */
  next() {
    return this.list().find((item) => !item.failure) ?? null;
  }

  /** @param {string} id */
  has(id) {
    return this.items.has(id);
  }

  /** Whether a reload would lose something that was not sent yet. */
  get hasUnkept() {
    return this.list().some((item) => this.unkept.has(item.id));
  }

  /** Keep a new message; it is in the list at once, and stored when this resolves.
   *
   * @param {string} text
   * @param {string} stream */
  async add(text, stream) {
    const latest = this.list().at(-1)?.order ?? 0;
    const order = Math.max(Date.now(), latest + 1);
    const item = { id: newId(), text, stream, order, owner: this.owner };
    await this.put(item);
    return item;
  }

  /**
   * @param {string} id
   * @param {Partial<Widget.Item>} fields
   */
  async change(id, fields) {
    const item = this.items.get(id);
    if (!item) return null;
    const changed = { ...item, ...fields };
    await this.put(changed);
    return changed;
  }

  /** @param {string} id */
  async remove(id) {
    if (!this.items.delete(id)) return false;
    this.unkept.delete(id);
    // One that a store does not let go of is sent once more later: the server knows its id.
    for (const store of this.stores) await this.#use(store, () => store.remove(id));
    return true;
  }

  async clear() {
    this.items.clear();
    this.unkept.clear();
    for (const store of this.stores) await this.#use(store, () => store.clear());
  }

  /** Store an item, or keep it in memory and remember that it is nowhere else. Never raises.
   *
   * @param {Widget.Item} item */
  async put(item) {
    const { id } = item;
    this.items.set(id, item);
    this.#storing.set(id, (this.#storing.get(id) ?? 0) + 1);
    const store = await this.#putIntoFirst(item);
    const left = this.#storing.get(id) - 1;
    if (left) this.#storing.set(id, left);
    else this.#storing.delete(id);
    if (!this.items.has(id)) {
      // Sent and gone while it was being stored.
      if (store) await this.#use(store, () => store.remove(id));
    } else if (store?.isDurable) this.unkept.delete(id);
    else this.unkept.add(id);
  }

  /** Return the first store that takes the item, or null.
   *
   * @param {Widget.Item} item */
  async #putIntoFirst(item) {
    for (const store of this.stores) {
      const isStored = await this.#use(store, async () => {
        await store.put(item);
        return true;
      });
      if (isStored) return store;
    }
    return null;
  }

  /** Return what a store answers, or null where it fails.
   *
   * @param {Widget.Store} store */
  async #use(store, work) {
    if ((this.#restUntil.get(store) ?? 0) > Date.now()) return null;
    try {
      return await work();
    } catch (error) {
      if (error?.name !== "QuotaExceededError") this.#restUntil.set(store, Date.now() + REST_MS);
      return null;
    }
  }
}

class IndexedDbStore {
  /** @param {string} name */
  constructor(factory, name) {
    this.database = new Database({ factory, name, version: 1, store: STORE });
    this.kind = "indexeddb";
    this.isDurable = true;
  }

  all() {
    return this.database.run("readonly", (store) => store.getAll());
  }

  /** @param {Widget.Item} item */
  put(item) {
    return this.database.run("readwrite", (store) => store.put(item));
  }

  /** @param {string} id */
  remove(id) {
    return this.database.run("readwrite", (store) => store.delete(id));
  }

  clear() {
    return this.database.run("readwrite", (store) => store.clear());
  }
}

class ListStore {
  constructor(storage) {
    this.storage = storage;
    this.kind = storage.isPersistent ? "localstorage" : "memory";
  }

  get isDurable() {
    return this.storage.isPersistent;
  }

  async all() {
    return JSON.parse(this.storage.get("outbox") ?? "[]");
  }

  /** @param {Widget.Item} item */
  async put(item) {
    const others = (await this.all()).filter((one) => one.id !== item.id);
    this.write([...others, item]);
  }

  /** @param {string} id */
  async remove(id) {
    const all = await this.all();
    const others = all.filter((one) => one.id !== id);
    if (others.length < all.length) this.write(others);
  }

  async clear() {
    this.storage.remove("outbox");
  }

  write(items) {
    if (!items.length) this.storage.remove("outbox");
    else if (!this.storage.set("outbox", JSON.stringify(items))) {
      throw new DOMException("The storage is full or refused.", "QuotaExceededError");
    }
  }
}

function usableIndexedDb() {
  try {
    return window.indexedDB ?? null;
  } catch {
    return null;
  }
}
