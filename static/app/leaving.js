// What was typed into a form and not sent: the browser asks before the page is left, by a link, by
// the button of another form, or by closing its tab.

const NOT_TYPED = new Set(["hidden", "password", "submit", "button", "reset", "image"]);
const NOT_TEXT = new Set(["checkbox", "radio", "file"]);
// What the server puts into a form that shows what was sent and not stored.
const CAME_BACK = "[data-unsent]";

// Sent as a fragment, its page stays: what each field of it had then.
/** @type {WeakMap<HTMLFormElement, Map<Element, string>>} */
const onTheirWay = new WeakMap();

/** Whether somebody wrote into this form, and it was not sent. Boxes that select rows are nothing
 * written; where a script fills the fields, it says itself that somebody changed them.
 *
 * @param {HTMLFormElement} form */
export function isTypedIn(form) {
  if ("written" in form.dataset) return true;
  if (form.method !== "post" || form.dataset.sent || "selection" in form.dataset) return false;
  return form.querySelector(CAME_BACK) !== null || [...form.elements].some(isChanged);
}

/** Whether there is something on this page that a person wrote and did not give up: a dialog that
 * was closed is given up. */
export const hasTyped = () =>
  [...document.forms].some((form) => !form.closest("dialog:not([open])") && isTypedIn(form));

/** @param {Element} field */
function isChanged(field) {
  if (field instanceof HTMLTextAreaElement) return field.value !== field.defaultValue;
  if (field instanceof HTMLSelectElement) return isChosenAnew(field);
  if (!(field instanceof HTMLInputElement) || NOT_TYPED.has(field.type)) return false;
  if (field.type === "checkbox" || field.type === "radio") {
    return field.checked !== field.defaultChecked;
  }
  if (field.type === "file") return field.value !== "";
  // Browsers write a colour in small letters, whatever the page has.
  if (field.type === "color") return field.value !== field.defaultValue.toLowerCase();
  return field.value !== field.defaultValue;
}

/** @param {HTMLSelectElement} field */
function isChosenAnew(field) {
  const options = [...field.options];
  // Where the page selects none, a menu shows the first.
  if (!options.some((each) => each.defaultSelected)) return !field.multiple && field.selectedIndex > 0;
  return options.some((each) => each.selected !== each.defaultSelected);
}

export function askBeforeLeaving() {
  window.addEventListener("beforeunload", (event) => {
    if (hasTyped()) event.preventDefault();
  });
  document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
    if (elt instanceof HTMLFormElement) onTheirWay.set(elt, valuesOf(elt));
  });
  // What was sent and answered is written no more, until it is changed.
  document.addEventListener("htmx:afterRequest", ({ detail: { elt, successful } }) => {
    if (!successful || !(elt instanceof HTMLFormElement)) return;
    for (const [field, value] of onTheirWay.get(elt) ?? []) {
      /** @type {HTMLInputElement | HTMLTextAreaElement} */ (field).defaultValue = value;
    }
  });
}

/** The texts of a form, by field.
 *
 * @param {HTMLFormElement} form */
function valuesOf(form) {
  /** @type {Map<Element, string>} */
  const values = new Map();
  for (const field of form.elements) {
    const isText = field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement;
    if (isText && isChanged(field) && !NOT_TEXT.has(field.type)) values.set(field, field.value);
  }
  return values;
}
