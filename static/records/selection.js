// The selection of rows in a list, and the dialog that asks before an action on them.
import { closeDialog } from "../app/dialogs.js";

const BOX = "[data-row] [name=row]";
/** The box from which a range is selected.
 *
 * @type {HTMLInputElement | null} */
let last = null;

const boxes = () => /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll(BOX)]);
const bar = () => /** @type {HTMLFormElement | null} */ (document.getElementById("record-bulk"));

/** Show how many are selected, and the bar where any are.
 *
 * @param {string} [every] the number of all that match, where all of them are meant
 * @param {boolean} [isMore] whether there are more than that */
function show(every = "", isMore = false) {
  const form = bar();
  if (!form) return;
  const all = boxes();
  const count = every ? Number(every) : all.filter(({ checked }) => checked).length;
  form.hidden = count === 0;
  /** @type {HTMLInputElement} */ (form.elements.namedItem("all")).value = every;
  const told = isMore
    ? gettext("More than %s selected")
    : ngettext("%s selected", "%s selected", count);
  /** @type {HTMLElement} */ (form.querySelector("[data-selected]")).textContent = interpolate(told, [
    count.toLocaleString(document.documentElement.lang),
  ]);
  const button = form.querySelector("[data-select-all]");
  if (button) /** @type {HTMLElement} */ (button).hidden = every !== "";
  const head = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-select-page]"));
  if (!head) return;
  head.checked = all.length > 0 && all.every(({ checked }) => checked);
  head.indeterminate = !head.checked && count > 0;
}

/** @param {boolean} isChecked */
function setAll(isChecked) {
  for (const box of boxes()) box.checked = isChecked;
}

/** Select the rows between the last box and this one as this one is.
 *
 * @param {HTMLInputElement} box */
function setRange(box) {
  const all = boxes();
  const [start, end] = [all.indexOf(/** @type {any} */ (last)), all.indexOf(box)].toSorted(
    (one, other) => one - other,
  );
  if (start >= 0) for (const each of all.slice(start, end + 1)) each.checked = box.checked;
}

/** Select the row of an element, or take it out.
 *
 * @param {Element | null} within */
export function toggleRow(within) {
  /** @type {HTMLElement | null | undefined} */ (within?.closest("[data-row]")?.querySelector(BOX))?.click();
}

export function followSelection() {
  document.addEventListener("click", (event) => {
    const { target, shiftKey } = event;
    if (!(target instanceof HTMLElement)) return;
    if (target instanceof HTMLInputElement && target.matches(BOX)) {
      if (shiftKey) setRange(target);
      last = target;
      show();
    } else if (target.matches("[data-select-page]")) {
      setAll(/** @type {HTMLInputElement} */ (target).checked);
      show();
    } else if (target.closest("[data-select-none]")) {
      setAll(false);
      show();
    } else if (target.closest("[data-select-all]")) {
      setAll(true);
      const { dataset } = /** @type {HTMLElement} */ (target.closest("[data-select-all]"));
      show(dataset.selectAll, "more" in dataset);
    } else if (target.closest("#bulk-dialog [data-close]")) {
      event.preventDefault();
      closeDialog(/** @type {HTMLDialogElement} */ (target.closest("dialog")));
    }
  });
  // More rows came, or others: a browser that goes back keeps boxes as they were.
  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (!(target instanceof HTMLDialogElement)) show();
  });
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    const isAnswered = target instanceof HTMLDialogElement && !target.querySelector("[data-row-edited]");
    if (isAnswered && !target.open) target.showModal();
  });
  window.addEventListener("pageshow", () => show());
}
