// Short messages at the edge of the page, read out by screen readers.
const KEPT_MS = 7000;
const KEPT_WITH_ACTION_MS = 10000;
const KEPT_WITH_UNDO_MS = 30000;

function region() {
  return /** @type {HTMLElement} */ (document.getElementById("toasts"));
}

/**
 * @param {Element} line
 * @param {number} ms
 */
function dismissLater(line, ms) {
  let timer = setTimeout(() => line.remove(), ms);
  const hold = () => clearTimeout(timer);
  const release = () => {
    clearTimeout(timer);
    timer = setTimeout(() => line.remove(), ms);
  };
  // Whoever points at it or tabs into it is still reading.
  line.addEventListener("pointerenter", hold);
  line.addEventListener("focusin", hold);
  line.addEventListener("pointerleave", release);
  line.addEventListener("focusout", release);
}

/** Show a message, with a button where there is something to do about it.
 *
 * @param {string} text
 * @param {{kind?: "info" | "success" | "error", action?: {label: string, run: () => unknown} | null}} [options]
 */
export function toast(text, { kind = "info", action = null } = {}) {
  const line = document.createElement("div");
  line.className = "toast-line";
  line.dataset.kind = kind;
  const words = document.createElement("span");
  words.textContent = text;
  line.append(words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toast-action";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      line.remove();
      action.run();
    });
    line.append(button);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast-close";
  close.setAttribute("aria-label", gettext("Dismiss"));
  close.textContent = "×";
  close.addEventListener("click", () => line.remove());
  line.append(close);
  const all = region();
  all.append(line);
  while (all.childElementCount > 4) all.firstElementChild?.remove();
  dismissLater(line, action ? KEPT_WITH_ACTION_MS : KEPT_MS);
  return line;
}

export function ageOutServerToasts() {
  for (const line of region()?.children ?? []) {
    dismissLater(line, line.querySelector(".toast-action") ? KEPT_WITH_UNDO_MS : KEPT_MS);
  }
}
