// What was typed into a form and not sent: the browser asks before the page is left, by a link, by
// the button of another form, or by closing its tab.

const NOT_TYPED = new Set(["hidden", "password", "submit", "button", "reset", "image"]);
// What the server puts into a form that shows what was sent and not stored.
const CAME_BACK = "[data-unsent]";

/** @param {HTMLFormElement} form */
function isUnsent(form) {
  return !form.hasAttribute("hx-post") && isTypedIn(form);
}

/** Whether somebody wrote into this form, and it was not sent.
 *
 * @param {HTMLFormElement} form */
export function isTypedIn(form) {
  if (form.method !== "post" || form.dataset.sent) return false;
  return form.querySelector(CAME_BACK) !== null || [...form.elements].some(isChanged);
}

/** Whether there is something that a person wrote on this page, sent as a fragment or not. */
export const hasTyped = () => [...document.forms].some(isTypedIn);

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
    if ([...document.forms].some(isUnsent)) event.preventDefault();
  });
}
