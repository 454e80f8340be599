// What was typed into the form of a sent message and not saved: one edit for each tab that typed.
// Kept in the browser, per person and organization; in memory where its storage is full or off.
//
// All tabs of a person see them. Each time the stored ones are read first, and only this tab's own is
// put in its place: no tab overwrites another one's text.
import { newId } from "../../stream/ids.js";
import { me } from "./page.js";

const PREFIX = `nextflow-edit:${me.organization}:${me.id}:`;
const TAB = "nextflow-tab";

/** By whom this tab's edits were typed. A reload keeps the id. A duplicate of the tab does not get it:
 * what is copied for a duplicate is what is stored while this page is shown. */
const tab = takeTab();

function takeTab() {
  let id = null;
  try {
    id = sessionStorage.getItem(TAB);
    sessionStorage.removeItem(TAB);
  } catch {
    // Storage is off: a reload is another tab.
  }
  return id ?? newId();
}

window.addEventListener("pagehide", () => {
  try {
    sessionStorage.setItem(TAB, tab);
  } catch {
    // The same.
  }
});
// Gone back to, the page lives on.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) takeTab();
});

export class Edits {
  /** Those that the browser did not take. @type {Map<string, Inbox.Edit[]>} */
  #unkept = new Map();

  /** onchange(id) is called after another tab wrote or dropped an edit of a message. */
  constructor(onchange) {
    window.addEventListener("storage", ({ key }) => {
      if (key?.startsWith(PREFIX)) onchange(key.slice(PREFIX.length));
    });
  }

  /** Return the edits of a message, {by, text, before}; the one that was written last comes last.
   *
   * @param {string} id
   * @returns {Inbox.Edit[]} */
  of(id) {
    return this.#unkept.get(id) ?? stored(id);
  }

  /** This tab's own edit of a message.
   *
   * @param {string} id */
  own(id) {
    return this.of(id).find(({ by }) => by === tab);
  }

  /** Write this tab's own edit of a message: {text, before}.
   *
   * @param {string} id
   * @param {{ text: string; before: string }} edit */
  keep(id, { text, before }) {
    this.#write(id, [...this.of(id).filter(({ by }) => by !== tab), { by: tab, text, before }]);
  }

  /** Drop an edit, this tab's own unless another is named. One that was written anew stays.
   *
   * @param {string} id
   * @param {Inbox.Edit} [edit] */
  drop(id, edit = this.own(id)) {
    const edits = this.of(id);
    const left = edits.filter(({ by, text }) => by !== edit?.by || text !== edit.text);
    if (left.length < edits.length) this.#write(id, left);
  }

  /** Leave this tab's own edit as one of nobody's, and begin another one.
   *
   * @param {string} id */
  setAside(id) {
    const edits = this.of(id);
    if (!edits.some(({ by }) => by === tab)) return;
    this.#write(
      id,
      edits.map((edit) => (edit.by === tab ? { ...edit, by: newId() } : edit)),
    );
  }

  /**
   * @param {string} id
   * @param {Inbox.Edit[]} edits
   */
  #write(id, edits) {
    try {
      if (edits.length) localStorage.setItem(PREFIX + id, JSON.stringify(edits));
      else localStorage.removeItem(PREFIX + id);
      this.#unkept.delete(id);
    } catch {
      // Storage is full or off: the edits live as long as this page.
      this.#unkept.set(id, edits);
    }
  }
}

/** @param {string} id */
function stored(id) {
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem(PREFIX + id));
  } catch {
    // Not readable, or storage is off.
  }
  // One that was kept before each tab had its own is nobody's.
  const edits = Array.isArray(kept) ? kept : [kept];
  return edits
    .filter((edit) => typeof edit?.text === "string")
    .map(({ by, text, before }) => ({ by: String(by ?? ""), text, before: String(before ?? "") }));
}
