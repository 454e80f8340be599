// Editing a field of a row where it stands in the list, in a dialog; E edits all fields of the row.
import { toast } from "../app/toasts.js";

const CELL = "[data-edit] [data-field]";
/** Ask for the form of a row, or of one of its fields.
 *
 * @param {Element | null | undefined} row
 * @param {string} [field] */
function ask(row, field) {
  if (!(row instanceof HTMLElement) || row.dataset.edit === undefined) return;
  const columns = /** @type {HTMLElement | null} */ (row.closest("[data-columns]"))?.dataset.columns;
  const asked = new URLSearchParams({ columns: columns ?? "", ...(field ? { field } : {}) });
  const address = `${row.dataset.edit}?${asked}`;
  void window.htmx.ajax("GET", address, { source: row, target: "#bulk-dialog", swap: "innerHTML" });
}

/** Edit all fields of the row of an element.
 *
 * @param {Element | null} within */
export function editRow(within) {
  ask(within?.closest("[data-edit]"));
}

export function followEdits() {
  const template = /** @type {HTMLTemplateElement | null} */ (document.getElementById("record-pencil"));
  const button = template?.content.querySelector("button");
  if (!button) return;
  button.addEventListener("click", () => {
    const cell = /** @type {HTMLElement | null} */ (button.closest("[data-field]"));
    if (cell) ask(cell.closest("[data-edit]"), cell.dataset.field);
  });
  document.addEventListener("pointerover", ({ target, pointerType }) => {
    if (pointerType !== "mouse" || !(target instanceof Element)) return;
    const cell = /** @type {HTMLElement | null} */ (target.closest(CELL));
    if (!cell || cell.contains(button)) return;
    const heading = cell.dataset.label ?? document.querySelector(".record-table thead th[scope]")?.textContent;
    button.setAttribute("aria-label", interpolate(gettext("Edit: %s"), [heading ?? ""]));
    cell.append(button);
  });
  document.addEventListener("dblclick", ({ target }) => {
    // A link leads where it leads.
    if (!(target instanceof Element) || target.closest("a, button, input")) return;
    const cell = target.closest(CELL);
    if (cell instanceof HTMLElement) ask(cell.closest("[data-edit]"), cell.dataset.field);
  });
  // The answer to a row that was stored, also where it is sent once more, has nothing to show.
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (!(target instanceof HTMLDialogElement) || !target.querySelector("[data-row-edited]")) return;
    target.close();
    toast(gettext("Saved."));
  });
}
