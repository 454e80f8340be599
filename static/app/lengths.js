// Lengths as the server counts them (`stream/text.js`).
//
// The browser's own maxlength counts an emoji as two and cuts what is pasted without a word. Where
// scripts run, a field says instead how much there is too much, and keeps it. Of a search only its
// beginning counts, here as at the server.
import { lengthOf } from "../stream/text.js";
import { forEveryPart } from "./parts.js";

const SHOWN_FROM = 0.9;

/** @param {HTMLInputElement | HTMLTextAreaElement} field */
function watch(field) {
  const most = field.maxLength;
  const isPassword = field.type === "password";
  field.removeAttribute("maxlength");
  if (isPassword) return;
  const note = document.createElement("p");
  note.className = "length-note";
  note.setAttribute("role", "status");
  field.after(note);
  const show = () => {
    const length = lengthOf(field.value.trim());
    const isTooLong = length > most;
    note.textContent = length > most * SHOWN_FROM ? `${length} / ${most}` : "";
    note.classList.toggle("is-too-long", isTooLong);
    field.toggleAttribute("data-too-long", isTooLong);
  };
  field.addEventListener("input", show);
  show();
}

/** Watch the fields of a part of the page. One that is watched has no maxlength any more.
 *
 * @param {Document | Element} part */
export function watchLengths(part) {
  /** @type {NodeListOf<HTMLInputElement | HTMLTextAreaElement>} */
  const fields = part.querySelectorAll("input[maxlength], textarea[maxlength]");
  for (const field of fields) {
    if (field.type !== "hidden" && field.type !== "search") watch(field);
  }
}

forEveryPart(watchLengths);
