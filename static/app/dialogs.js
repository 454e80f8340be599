// A dialog in which something was typed closes after a question only.
import { isTypedIn } from "./leaving.js";

// Whose loss was agreed to: the event of their closing is still to come.
/** @type {WeakSet<HTMLDialogElement>} */
const givenUp = new WeakSet();

/** @param {HTMLDialogElement} dialog */
const isWritten = (dialog) => [...dialog.querySelectorAll("form")].some(isTypedIn);

function isAgreed() {
  const words = gettext("What you wrote was not saved. Close it and lose the text?");
  // The browser's own question, as before a page is left: the event of a closing waits for nothing.
  // oxlint-disable-next-line no-alert
  return window.confirm(words);
}

/** Close a dialog, unless something was typed in it that is to be kept.
 *
 * @param {HTMLDialogElement} dialog */
export function closeDialog(dialog) {
  if (isWritten(dialog)) {
    if (!isAgreed()) return;
    givenUp.add(dialog);
  }
  dialog.close();
}

export function askBeforeClosing() {
  // Neither event bubbles. Escape, and the way back of a phone, ask first ...
  document.addEventListener(
    "cancel",
    (event) => {
      const { target } = event;
      if (!(target instanceof HTMLDialogElement) || !event.cancelable || !isWritten(target)) return;
      event.preventDefault();
      closeDialog(target);
    },
    true,
  );
  // ... but browsers let no page hold a second Escape off.
  document.addEventListener(
    "close",
    ({ target }) => {
      if (!(target instanceof HTMLDialogElement) || givenUp.delete(target) || target.open) return;
      if (!isWritten(target)) return;
      target.showModal();
      closeDialog(target);
    },
    true,
  );
}
