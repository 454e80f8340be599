// Messages that the server has not confirmed yet. They survive a reload and a crash of the browser,
// go out one at a time per conversation, and keep their id, so that a repeat is never stored twice.
import { newId } from "../../stream/ids.js";
import { me } from "./page.js";

const PREFIX = `nextflow-outbox:${me.organization}:${me.id}:`;
const ACK_TIMEOUT_MS = 10_000;
const SOON_MS = 2_000;
const RETRYABLE = new Set(["store_unavailable", "busy", "rate_limited", "unreachable", "unexpected"]);

export class Outbox extends EventTarget {
  #items = new Map();
  #timers = new Map();
  #send;

  /** send(item) hands one item to a connection and says whether there was one. */
  constructor(send) {
    super();
    this.#send = send;
    for (const key of storedKeys()) this.#restore(key);
    // A message that could not be kept lives as long as this page: leaving it is asked about.
    window.addEventListener("beforeunload", (event) => {
      if (this.hasUnkept) event.preventDefault();
    });
    // Another tab of the same person got the confirmation first.
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(PREFIX) && newValue === null) this.#drop(key.slice(PREFIX.length));
    });
  }

  /**
   * @param {string} stream
   * @param {Stream.Content} content
   */
  add(stream, content) {
    /** @type {Inbox.Item} */
    const item = {
      id: newId(),
      stream,
      content,
      created: Date.now(),
      state: "waiting",
      error: "",
      isKept: true,
    };
    this.#items.set(item.id, item);
    this.#store(item);
    this.#changed(item);
    this.pump();
    return item;
  }

  /** @param {string} stream */
  of(stream) {
    return this.#sorted().filter((item) => item.stream === stream);
  }

  /** Whether a reload would lose something that was not sent yet. */
  get hasUnkept() {
    return [...this.#items.values()].some((item) => !item.isKept);
  }

  /** @param {string} id */
  get(id) {
    return this.#items.get(id) ?? null;
  }

  /** Send what may go: the oldest of each conversation, unless it was refused for good. */
  pump() {
    const busy = new Set();
    for (const item of this.#sorted()) {
      if (item.state === "failed" || busy.has(item.stream)) continue;
      busy.add(item.stream);
      if (item.state === "waiting" && this.#send(item)) {
        this.#set(item, "sending");
        this.#again(item, ACK_TIMEOUT_MS);
      }
    }
  }

  /** A connection ended: whatever was under way is sent again over the next one. */
  connectionLost() {
    for (const item of this.#items.values()) {
      if (item.state === "sending") this.#wait(item);
    }
  }

  /** @param {string} id */
  confirmed(id) {
    if (!this.#items.has(id)) return false;
    this.#drop(id);
    this.pump();
    return true;
  }

  /** The server refused one: try again if it may heal, else show why and let the person decide.
   *
   * @param {string} id
   * @param {string} code
   * @param {string} message
   * @param {number | null} [retryAfter] */
  refused(id, code, message, retryAfter = null) {
    const item = this.#items.get(id);
    if (!item) return;
    if (retryAfter !== null || RETRYABLE.has(code)) {
      this.#wait(item);
      item.state = "held";
      this.#again(item, retryAfter === null ? SOON_MS : retryAfter * 1000);
      return;
    }
    this.#clear(item);
    item.error = message;
    this.#set(item, "failed");
    this.#store(item);
    this.pump();
  }

  /** @param {string} id */
  retry(id) {
    const item = this.#items.get(id);
    if (!item) return;
    item.error = "";
    this.#wait(item);
    this.#store(item);
    this.pump();
  }

  /** @param {string} id */
  discard(id) {
    this.#drop(id);
    this.pump();
  }

  #sorted() {
    return [...this.#items.values()].sort((a, b) => a.created - b.created);
  }

  /**
   * @param {Inbox.Item} item
   * @param {number} ms
   */
  #again(item, ms) {
    this.#clear(item);
    const timer = setTimeout(() => {
      this.#wait(item);
      this.pump();
    }, ms);
    this.#timers.set(item.id, timer);
  }

  /** @param {Inbox.Item} item */
  #wait(item) {
    this.#clear(item);
    this.#set(item, "waiting");
  }

  /** @param {Inbox.Item} item */
  #clear(item) {
    clearTimeout(this.#timers.get(item.id));
    this.#timers.delete(item.id);
  }

  /**
   * @param {Inbox.Item} item
   * @param {Inbox.Item["state"]} newState
   */
  #set(item, newState) {
    item.state = newState;
    this.#changed(item);
  }

  /** @param {string} id */
  #drop(id) {
    const item = this.#items.get(id);
    if (!item) return;
    this.#clear(item);
    this.#items.delete(id);
    forget(PREFIX + id);
    this.#changed(item);
  }

  /** @param {Inbox.Item} item */
  #changed(item) {
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }

  /** @param {Inbox.Item} item */
  #store(item) {
    try {
      localStorage.setItem(PREFIX + item.id, JSON.stringify({ ...item, isKept: true }));
      item.isKept = true;
    } catch {
      // Storage is full or off: the message is sent from memory, and its line says so.
      item.isKept = false;
    }
  }

  /** @param {string} key */
  #restore(key) {
    try {
      const item = JSON.parse(localStorage.getItem(key));
      const state = item.state === "failed" ? "failed" : "waiting";
      this.#items.set(item.id, { ...item, state, isKept: true });
    } catch {
      forget(key);
    }
  }
}

function storedKeys() {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  } catch {
    return []; // storage is off
  }
}

/** @param {string} key */
function forget(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    // Storage is off since: there is nothing left to remove.
  }
}
