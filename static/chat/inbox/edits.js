// What was typed into the form of a sent message and not saved: one edit for each tab that typed.
// Kept in the browser, per person and organization; in memory where its storage is full or off.
//
// All tabs of a person see them, and each tab writes under a key of its own: no tab overwrites another
// one's text, also where a browser shows a tab only later what another one wrote.
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
  /** Those that the browser did not take, by key. @type {Map<string, Inbox.Edit>} */
  #unkept = new Map();

  /** onchange(id) is called after another tab wrote or dropped an edit of a message. */
  constructor(onchange) {
    window.addEventListener("storage", ({ key }) => {
      if (key?.startsWith(PREFIX)) onchange(key.slice(PREFIX.length).split(":")[0]);
    });
  }

  /** Return the edits of a message, {by, text, before, at}; the one that was written last comes last.
   *
   * @param {string} id
   * @returns {Inbox.Edit[]} */
  of(id) {
    const edits = new Map([...stored(id), ...this.#unkept]);
    return [...edits]
      .filter(([key]) => key.startsWith(keyOf(id, "")))
      .map(([, edit]) => edit)
      .sort((one, other) => one.at - other.at);
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
    this.#write(id, { by: tab, text, before, at: Date.now() });
  }

  /** Drop an edit, this tab's own unless another is named. One that was written anew stays.
   *
   * @param {string} id
   * @param {Inbox.Edit} [edit] */
  drop(id, edit = this.own(id)) {
    const isThere = this.of(id).some(({ by, text }) => by === edit?.by && text === edit.text);
    if (isThere) this.#remove(keyOf(id, edit.by));
  }

  /** Leave this tab's own edit as one of nobody's, and begin another one.
   *
   * @param {string} id */
  setAside(id) {
    const own = this.own(id);
    if (!own) return;
    this.#write(id, { ...own, by: newId() });
    this.#remove(keyOf(id, tab));
  }

  /**
   * @param {string} id
   * @param {Inbox.Edit} edit
   */
  #write(id, edit) {
    const key = keyOf(id, edit.by);
    try {
      localStorage.setItem(key, JSON.stringify(edit));
      this.#unkept.delete(key);
    } catch {
      // Storage is full or off: the edit lives as long as this page.
      this.#unkept.set(key, edit);
    }
  }

  /** @param {string} key */
  #remove(key) {
    this.#unkept.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      // Storage is off: nothing is kept there.
    }
  }
}

/** The stored edits of a message, by key.
 *
 * @param {string} id
 * @returns {Map<string, Inbox.Edit>} */
function stored(id) {
  const edits = new Map();
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(keyOf(id, ""))) edits.set(key, read(localStorage.getItem(key)));
    }
  } catch {
    // Storage is off.
  }
  return new Map([...edits].filter(([, edit]) => typeof edit?.text === "string"));
}

/** @param {string} value */
function read(value) {
  try {
    return JSON.parse(value);
  } catch {
    return null; // Not ours.
  }
}

/**
 * @param {string} id
 * @param {string} by
 */
const keyOf = (id, by) => `${PREFIX}${id}:${by}`;
