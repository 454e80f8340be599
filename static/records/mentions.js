// Names for @ in a note: as somebody types, the colleagues who may see the row are offered.
//
// The field stays a text field: the list below it is chosen from with the arrows, Enter or Tab, or
// by a tap; Escape leaves what was typed. Who is meant is read from the text when it is saved.
import { forEveryPart } from "../app/parts.js";
import { stampHeaders } from "../app/stamp.js";
import { requestJson } from "../stream/response.js";
import { beginningOfName, completed } from "./mention_text.js";

const PAUSE_MS = 150;
const SHAPE = {
  names: (/** @type {unknown} */ value) =>
    Array.isArray(value) && value.every((name) => typeof name === "string"),
};

class Mentions {
  #field;
  #list = document.createElement("ul");
  /** @type {string[]} */
  #names = [];
  /** The beginning of a name that these were found by.
   *
   * @type {string | null} */
  #answered = null;
  /** A key that takes a name was pressed before the answer was there. */
  #isAwaited = false;
  #chosen = 0;
  #timer = 0;
  /** @type {AbortController | null} */
  #asking = null;

  /** @param {HTMLTextAreaElement} field */
  constructor(field) {
    this.#field = field;
    const list = this.#list;
    list.id = `${field.id}-names`;
    list.className = "mention-names";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", gettext("Colleagues"));
    list.hidden = true;
    field.after(list);
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    field.addEventListener("input", () => this.#typed());
    field.addEventListener("keydown", (event) => this.#pressed(event));
    field.addEventListener("blur", () => this.#close());
    field.addEventListener("click", () => this.#close());
    // Before the field loses the focus.
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const option = event.target instanceof Element ? event.target.closest("li") : null;
      if (option instanceof HTMLElement) this.#take(Number(option.dataset.place));
    });
  }

  get #beginning() {
    const { value, selectionStart, selectionEnd } = this.#field;
    return selectionStart === selectionEnd ? beginningOfName(value.slice(0, selectionStart)) : null;
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#isAwaited = false;
    if (this.#beginning === null) this.#close();
    else this.#timer = setTimeout(() => void this.#ask(), PAUSE_MS);
  }

  async #ask() {
    const beginning = this.#beginning;
    this.#asking?.abort();
    if (beginning === null) return;
    const asking = new AbortController();
    this.#asking = asking;
    const address = `${this.#field.dataset.mentions}?${new URLSearchParams({ q: beginning })}`;
    try {
      const { names } = await requestJson(address, {
        shape: SHAPE,
        credentials: "same-origin",
        headers: stampHeaders(),
        signal: asking.signal,
      });
      if (this.#asking !== asking || this.#beginning !== beginning) return;
      this.#answered = beginning;
      this.#show(names);
      if (this.#isAwaited && names.length === 1) this.#take(0);
      this.#isAwaited = false;
    } catch {
      // A name can be typed without help.
      this.#close();
    }
  }

  /** @param {string[]} names */
  #show(names) {
    this.#names = names;
    this.#list.replaceChildren(
      ...names.map((name, place) => {
        const option = document.createElement("li");
        option.id = `${this.#list.id}-${place}`;
        option.setAttribute("role", "option");
        option.dataset.place = String(place);
        option.dir = "auto";
        option.textContent = name;
        return option;
      }),
    );
    this.#list.hidden = !names.length;
    this.#choose(0);
  }

  /** @param {number} place */
  #choose(place) {
    const options = [...this.#list.children];
    this.#chosen = options.length ? (place + options.length) % options.length : 0;
    for (const [number, option] of options.entries()) {
      option.setAttribute("aria-selected", String(number === this.#chosen));
    }
    const chosen = options[this.#chosen];
    if (chosen) this.#field.setAttribute("aria-activedescendant", chosen.id);
    else this.#field.removeAttribute("aria-activedescendant");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (this.#list.hidden || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.#choose(this.#chosen + step);
    else if (event.key === "Enter" || event.key === "Tab") {
      if (this.#answered === this.#beginning) this.#take(this.#chosen);
      else this.#isAwaited = true;
    }
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {number} place */
  #take(place) {
    const name = this.#names[place];
    const { value, selectionStart } = this.#field;
    if (name !== undefined && this.#beginning !== null) {
      const before = completed(value.slice(0, selectionStart), name);
      this.#field.setRangeText(before, 0, selectionStart, "end");
      // Drafts and lengths follow what is typed.
      this.#field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    clearTimeout(this.#timer);
    this.#close();
  }

  #close() {
    this.#asking?.abort();
    this.#asking = null;
    this.#isAwaited = false;
    this.#show([]);
  }
}

forEveryPart((part) => {
  for (const field of part.querySelectorAll("textarea[data-mentions]:not([aria-autocomplete])")) {
    new Mentions(/** @type {HTMLTextAreaElement} */ (field));
  }
});
