// The page of a list: the filter's dialog, the order of columns, menus and the keyboard.
import { isTypedIn } from "../app/leaving.js";
import { FilterDialog } from "./filter_dialog.js";
import { editRow, followEdits } from "./row_edits.js";
import { followSelection, toggleRow } from "./selection.js";

const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("filter-dialog"));
const data = document.getElementById("filter-data");
const search = /** @type {HTMLInputElement | null} */ (document.getElementById("record-search"));

if (dialog && data) {
  const filter = new FilterDialog(dialog, JSON.parse(data.textContent ?? "{}"));
  document.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest("[data-filter-open]")) filter.open();
  });
}

// What stands in the search's field counts, also where the rest of the page is older.
document.addEventListener("submit", ({ target }) => {
  const field = /** @type {HTMLFormElement} */ (target).querySelector("[data-search-too]");
  if (field && search) /** @type {HTMLInputElement} */ (field).value = search.value;
});

// A search's answer brings the menu of views anew: one that is open, or in which something was typed,
// stays, with the state that it would save.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = /** @type {CustomEvent} */ (event).detail;
  if (!target.matches("#record-view-menu")) return;
  const isTyped = [...target.querySelectorAll("form")].some(isTypedIn);
  if (!isTyped && !target.querySelector("details[open]")) return;
  event.preventDefault();
  const state = fragment.querySelector("[name=state]")?.value;
  for (const field of target.querySelectorAll("[name=state]")) {
    if (state !== undefined) field.value = state;
  }
});

followSelection();
followEdits();

// --- Menus --------------------------------------------------------------------------------------

document.addEventListener("click", ({ target }) => {
  /** @type {NodeListOf<HTMLDetailsElement>} */
  const menus = document.querySelectorAll("details.record-menu[open]");
  for (const menu of menus) {
    if (target instanceof Node && !menu.contains(target)) menu.open = false;
  }
});

for (const button of document.querySelectorAll("[data-move]")) {
  /** @type {HTMLButtonElement} */ (button).hidden = false;
  button.addEventListener("click", () => {
    const line = button.closest("li");
    const above = line?.previousElementSibling;
    if (line && above) above.before(line);
    /** @type {HTMLButtonElement} */ (button).focus();
  });
}

// --- Keyboard -----------------------------------------------------------------------------------

const rows = () =>
  /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-row] .record-title")]);

/** @param {number} step */
function move(step) {
  const all = rows();
  const now = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = now < 0 ? (step > 0 ? 0 : all.length - 1) : now + step;
  all[Math.max(0, Math.min(all.length - 1, next))]?.focus();
}

/** What a key does, by where it lies: letters differ between layouts.
 *
 * @type {Record<string, () => void>} */
const KEYS = {
  KeyJ: () => move(1),
  KeyK: () => move(-1),
  Slash: () => search?.focus(),
  KeyF: () => /** @type {HTMLElement} */ (document.querySelector("[data-filter-open]"))?.click(),
  KeyX: () => toggleRow(document.activeElement),
  KeyE: () => editRow(document.activeElement),
  KeyN: () => /** @type {HTMLElement} */ (document.querySelector("[data-new]"))?.click(),
};

document.addEventListener("keydown", (event) => {
  const { target } = event;
  const isMenu = target instanceof Element && target.closest("details.record-menu[open]");
  if (event.key === "Escape" && isMenu) {
    const menu = /** @type {HTMLDetailsElement} */ (isMenu);
    menu.open = false;
    menu.querySelector("summary")?.focus();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  const isField =
    target instanceof Element && target.matches("input:not([type=checkbox]), textarea, select");
  if (isField) {
    if (event.key === "ArrowDown" && target === search) {
      event.preventDefault();
      move(1);
    }
    return;
  }
  const act = KEYS[event.code];
  if (!act) return;
  event.preventDefault();
  act();
});
