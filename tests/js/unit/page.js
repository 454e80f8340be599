// What a browser and a page of the inbox give to modules, as far as logic asks for it.
import { setImmediate } from "node:timers/promises";

export const NOW = "2026-03-05T12:00:00+07:00"; // a Thursday

export const state = {
  now: NOW,
  timezone: "Asia/Ho_Chi_Minh",
  language: "en",
  me: {
    id: "019c0000-0000-7000-8000-000000000001",
    name: "Vũ Khánh Toàn",
    organization: "019c0000-0000-7000-8000-0000000000aa",
    may_answer: true,
    change: { level: "team", people: [] },
  },
  order: "wait",
};

class Storage {
  isFull = false;
  #values = new Map();

  getItem(key) {
    return this.#values.get(key) ?? null;
  }

  setItem(key, value) {
    if (this.isFull) throw new DOMException("No room.", "QuotaExceededError");
    this.#values.set(key, value);
    this[key] = value;
  }

  removeItem(key) {
    this.#values.delete(key);
    delete this[key];
  }
}

const ELEMENTS = { "inbox-state": { textContent: JSON.stringify(state) }, inbox: { dataset: {} } };
const given = {
  window: globalThis,
  document: {
    getElementById: (id) => ELEMENTS[id] ?? null,
    querySelector: () => null,
    querySelectorAll: () => [],
    addEventListener() {},
  },
  location: new URL("https://crm.example/app/inbox/"),
  localStorage: new Storage(),
  navigator: { languages: ["en-GB"] },
  addEventListener() {},
  gettext: (text) => text,
  ngettext: (one, many, count) => (count === 1 ? one : many),
  interpolate: (text, values) => values.reduce((made, value) => made.replace("%s", value), text),
};
for (const [name, value] of Object.entries(given)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}

/** Let everything that is only waiting for promises go on. */
export async function settle() {
  await setImmediate();
}
