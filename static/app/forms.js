// What all forms share: one press sends once, and only what can be sent; requests of htmx are
// stamped.
import { askBeforeClosing } from "./dialogs.js";
import { askBeforeLeaving } from "./leaving.js";
import { forEveryPart } from "./parts.js";
import { refusalToSend } from "./sending.js";
import { freshToken, stampHeaders } from "./stamp.js";
import { toast } from "./toasts.js";

// A form that answers with a file leaves its page as it is.
const SEND_AGAIN_MS = 5_000;
const TOKEN = "csrfmiddlewaretoken";

/** @param {HTMLFormElement} form */
const buttonsOf = (form) =>
  /** @type {HTMLInputElement[]} */ ([...form.elements]).filter(
    (each) => each.type === "submit" || each.type === "image",
  );

/** @param {HTMLFormElement} form */
function release(form) {
  delete form.dataset.sent;
  for (const button of buttonsOf(form)) button.disabled = false;
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  // The file of an import goes in parts, by a script of its own.
  if (form.method !== "post" || form.hasAttribute("hx-post") || "upload" in form.dataset) return;
  if (form.dataset.sent !== "checked") {
    event.preventDefault();
    if (!form.dataset.sent) void check(form, event.submitter);
    return;
  }
  form.dataset.sent = "yes";
  // Afterwards: the value of a button that is off would not be sent.
  setTimeout(() => {
    for (const button of buttonsOf(form)) button.disabled = true;
  });
  setTimeout(() => release(form), SEND_AGAIN_MS);
});

/** Send a form if it can be sent; otherwise the page stays, with what was typed.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter */
async function check(form, submitter) {
  form.dataset.sent = "checking";
  const refusal = await refusalToSend(form, submitter);
  if (refusal) {
    release(form);
    toast(refusal, { kind: "error" });
    return;
  }
  form.dataset.sent = "checked";
  form.requestSubmit(submitter);
  // What its own checks refuse, the browser has said, and nothing was sent.
  if (form.dataset.sent === "checked") release(form);
}

// The back button may bring the page back as it was left.
window.addEventListener("pageshow", () => {
  /** @type {NodeListOf<HTMLFormElement>} */
  const sent = document.querySelectorAll("form[data-sent]");
  for (const form of sent) release(form);
});

askBeforeLeaving();
askBeforeClosing();

document.addEventListener("htmx:configRequest", ({ detail }) => {
  Object.assign(detail.headers, stampHeaders());
  const token = freshToken();
  if (token && detail.parameters[TOKEN]) detail.parameters[TOKEN] = token;
});

// Two people edited one thing: take what the other one saved into the field.
forEveryPart((part) => {
  /** @type {NodeListOf<HTMLButtonElement>} */
  const buttons = part.querySelectorAll("[data-take-for][hidden]");
  for (const button of buttons) {
    const field = /** @type {HTMLInputElement} */ (
      document.getElementById(String(button.dataset.takeFor))
    );
    if (!field || !("value" in field)) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      const { take = "", takeTitle: title = "" } = button.dataset;
      if (field.closest("[data-picker]")) {
        field.dispatchEvent(new CustomEvent("picker:take", { detail: { id: take, title } }));
      } else {
        if (field.type === "checkbox") field.checked = take === "True";
        else field.value = take;
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
      field.focus();
    });
  }
});
