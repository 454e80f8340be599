// A field in which a row of a record is chosen: its words are typed, and rows with them are offered.
//
// What is sent is the id in the hidden field. Text that was not chosen from the list counts as none
// and says so; an emptied field is none.
import { forEveryPart } from "../app/parts.js";
import { stampHeaders } from "../app/stamp.js";
import { requestJson } from "../stream/response.js";

const PAUSE_MS = 150;
const isText = (/** @type {unknown} */ value) => typeof value === "string";
const SHAPE = {
  results: (/** @type {unknown} */ value) =>
    Array.isArray(value) &&
    value.every((each) => isText(each.id) && isText(each.title) && isText(each.detail)),
};

/** @typedef {{ id: string; title: string; detail: string }} Choice */

let made = 0;

export class Picker {
  #url;
  #hidden;
  #field;
  #list = document.createElement("ul");
  /** @type {Choice[]} */
  #choices = [];
  /** The words that these were found by; others are not theirs to answer.
   *
   * @type {string | null} */
  #answered = null;
  /** Enter was pressed before the answer was there. */
  #isAwaited = false;
  #chosen = 0;
  #timer = 0;
  /** The text that belongs to the chosen row. */
  #title;
  /** @type {AbortController | null} */
  #asking = null;

  /** @param {HTMLElement} box */
  constructor(box) {
    const [hidden, field] = box.querySelectorAll("input");
    if (!hidden || !field) throw new Error("A picker has two fields.");
    this.#url = box.dataset.picker ?? "";
    this.#hidden = hidden;
    this.#field = field;
    this.#title = field.value;
    const list = this.#list;
    list.id = `picker-options-${++made}`;
    list.className = "picker-options";
    list.setAttribute("role", "listbox");
    list.hidden = true;
    box.append(list);
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-controls": list.id,
      "aria-expanded": "false",
    })) {
      field.setAttribute(name, value);
    }
    field.addEventListener("input", () => this.#typed());
    field.addEventListener("focus", () => this.#askSoon());
    field.addEventListener("keydown", (event) => this.#pressed(event));
    field.addEventListener("blur", () => this.#left());
    field.addEventListener("picker:take", (event) => {
      const { id, title } = /** @type {CustomEvent<{ id: string; title: string }>} */ (event).detail;
      this.#set(id, id ? title : "");
    });
    // Before the field loses the focus.
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target instanceof Element ? event.target.closest("li") : null;
      if (option?.dataset.place) this.#take(Number(option.dataset.place));
    });
  }

  #typed() {
    this.#isAwaited = false;
    if (this.#field.value.trim() !== this.#title) this.#set("", this.#field.value.trim() ? null : "");
    this.#askSoon();
  }

  /** Set the id of the chosen row; a title of null leaves what is typed.
   *
   * @param {string} id
   * @param {string | null} title */
  #set(id, title) {
    this.#hidden.value = id;
    if (title !== null) {
      this.#title = title;
      this.#field.value = title;
    }
    const isOpen = !id && Boolean(this.#field.value.trim());
    this.#field.setCustomValidity(isOpen ? gettext("Choose one of those that are offered.") : "");
    this.#hidden.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Show what the row of an id is called.
   *
   * @param {string} id */
  async name(id) {
    try {
      const [row] = await this.#found({ id });
      if (row && this.#hidden.value === id) this.#set(id, row.title);
    } catch {
      // It stays chosen without its name.
    }
  }

  /** @param {Record<string, string>} asked
   * @param {AbortSignal} [signal]
   * @returns {Promise<Choice[]>} */
  async #found(asked, signal) {
    const answer = await requestJson(`${this.#url}?${new URLSearchParams(asked)}`, {
      shape: SHAPE,
      credentials: "same-origin",
      headers: stampHeaders(),
      signal,
    });
    return answer.results;
  }

  #askSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), PAUSE_MS);
  }

  get #words() {
    return this.#hidden.value ? "" : this.#field.value;
  }

  async #ask() {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const words = this.#words;
    try {
      const results = await this.#found({ q: words }, asking.signal);
      if (this.#asking !== asking || document.activeElement !== this.#field) return;
      // What was typed since is asked for in a moment.
      if (words !== this.#words) return;
      this.#answered = words;
      this.#show(results);
      if (this.#isAwaited && results.length === 1) this.#take(0);
      this.#isAwaited = false;
    } catch {
      // The list stays as it was; the next letter asks again.
    }
  }

  /** @param {Choice[]} choices */
  #show(choices) {
    this.#choices = choices;
    const options = choices.map(({ title, detail }, place) => {
      const option = document.createElement("li");
      option.id = `${this.#list.id}-${place}`;
      option.setAttribute("role", "option");
      option.dataset.place = String(place);
      option.dir = "auto";
      option.textContent = title;
      if (detail) option.append(Object.assign(document.createElement("small"), { textContent: detail }));
      return option;
    });
    if (!options.length) {
      const none = document.createElement("li");
      none.textContent = gettext("Nothing found");
      options.push(none);
    }
    this.#list.replaceChildren(...options);
    this.#open(true);
    this.#choose(0);
  }

  /** @param {boolean} isOpen */
  #open(isOpen) {
    this.#list.hidden = !isOpen;
    this.#field.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) this.#field.removeAttribute("aria-activedescendant");
  }

  /** @param {number} place */
  #choose(place) {
    const options = [...this.#list.querySelectorAll("[role=option]")];
    this.#chosen = options.length ? (place + options.length) % options.length : 0;
    for (const [number, option] of options.entries()) {
      option.setAttribute("aria-selected", String(number === this.#chosen));
    }
    const chosen = options[this.#chosen];
    if (chosen) this.#field.setAttribute("aria-activedescendant", chosen.id);
    chosen?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing) return;
    if (this.#list.hidden) {
      if (event.key !== "ArrowDown") return;
      void this.#ask();
      event.preventDefault();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose(this.#chosen + step);
    else if (event.key === "Enter" && this.#answered !== this.#words) this.#isAwaited = true;
    else if (event.key === "Enter" && this.#choices.length) this.#take(this.#chosen);
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} place */
  #take(place) {
    const choice = this.#choices[place];
    if (choice) this.#set(choice.id, choice.title);
    this.#close();
  }

  #left() {
    // A text that names the only row that was found is that row.
    const [only] = this.#choices;
    const typed = this.#field.value.trim().toLowerCase();
    if (!this.#hidden.value && typed && this.#choices.length === 1 && only?.title.toLowerCase() === typed) {
      this.#set(only.id, only.title);
    }
    this.#close();
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = null;
    this.#isAwaited = false;
    this.#open(false);
  }
}

forEveryPart((part) => {
  for (const box of part.querySelectorAll("[data-picker]:not(:has([role=combobox]))")) {
    new Picker(/** @type {HTMLElement} */ (box));
  }
});
