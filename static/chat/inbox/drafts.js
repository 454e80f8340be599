// What was begun and not sent: a reply and a note per conversation, and which of them one writes.
// Kept in the browser, per person and organization; in memory where its storage is full or off.
//
// All tabs of a person share them. Each time the stored ones are read first, and only what was
// changed here is put in their place: another tab's text is never overwritten by what this one
// remembers.
import { me } from "./page.js";

const PREFIX = `nextflow-draft:${me.organization}:${me.id}:`;
const MODES = ["reply", "note"];

export class Drafts {
  /** Of conversations whose draft the browser did not take. */
  #unkept = new Map();

  /** onchange(id) is called after another tab changed the draft of a conversation. */
  constructor(onchange) {
    window.addEventListener("storage", ({ key }) => {
      if (key?.startsWith(PREFIX)) onchange(key.slice(PREFIX.length));
    });
  }

  /** Return {mode, reply, note} of a conversation.
   *
   * @param {string} id */
  of(id) {
    return this.#unkept.get(id) ?? this.#stored(id);
  }

  /** Change what is kept of a conversation; a mode other than "reply" is kept without a text too.
   *
   * @param {string} id */
  change(id, changes) {
    const draft = { ...this.of(id), ...changes };
    try {
      if (draft.reply || draft.note || draft.mode !== "reply") {
        localStorage.setItem(PREFIX + id, JSON.stringify(draft));
      } else {
        localStorage.removeItem(PREFIX + id);
      }
      this.#unkept.delete(id);
    } catch {
      // Storage is full or off: the draft lives as long as this page.
      this.#unkept.set(id, draft);
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
