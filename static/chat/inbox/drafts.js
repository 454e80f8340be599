// What was begun and not sent: a reply and a note per conversation, and which of them one writes.
// Kept in the browser, per person and organization; in memory where its storage is full or off.
import { me } from "./page.js";

const PREFIX = `nextflow-draft:${me.organization}:${me.id}:`;
const MODES = ["reply", "note"];

export class Drafts {
  #known = new Map();

  /** Return {mode, reply, note} of a conversation.
   *
   * @param {string} id */
  of(id) {
    if (!this.#known.has(id)) this.#known.set(id, this.#stored(id));
    return this.#known.get(id);
  }

  /** Change what is kept of a conversation; a mode other than "reply" is kept without a text too.
   *
   * @param {string} id */
  change(id, changes) {
    const draft = { ...this.of(id), ...changes };
    this.#known.set(id, draft);
    try {
      if (draft.reply || draft.note || draft.mode !== "reply") {
        localStorage.setItem(PREFIX + id, JSON.stringify(draft));
      } else {
        localStorage.removeItem(PREFIX + id);
      }
    } catch {
      // Storage is full or off: the draft lives as long as this page.
    }
  }

  /** @param {string} id */
  #stored(id) {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(PREFIX + id));
    } catch {
      // Not readable, or storage is off.
    }
    const mode = MODES.includes(kept?.mode) ? kept.mode : "reply";
    const draft = { mode, reply: text(kept?.reply), note: text(kept?.note) };
    // What was kept before replies and notes had a text each.
    if (kept?.text) draft[mode] = text(kept.text);
    return draft;
  }
}

const text = (value) => (typeof value === "string" ? value : "");
