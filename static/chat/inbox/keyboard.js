// One-key shortcuts, which never act while somebody types or a dialog or menu is open.
import { byId } from "./page.js";

const FIELDS = "input, textarea, select, [contenteditable]";

const MOVING = new Set(["j", "k", "ArrowDown", "ArrowUp"]);

/** @param {HTMLElement} target */
const isTyping = (target) => target instanceof Element && target.closest(FIELDS) !== null;
const somethingIsOpen = () =>
  document.querySelector("dialog[open], .dropdown-menu.show") !== null;

/** Close the menu that is open, wherever the focus is; answer whether there was one. */
function closeMenu() {
  const toggle = /** @type {HTMLElement | null} */ (
    document.querySelector('[data-bs-toggle="dropdown"][aria-expanded="true"]')
  );
  toggle?.click();
  toggle?.focus();
  return toggle !== null;
}

/** commands: functions by name: step, back, reply, note, takeOver, assign, snooze, close, search. */
export function listenToKeys(commands) {
  const keys = {
    j: () => commands.step(1),
    ArrowDown: () => commands.step(1),
    k: () => commands.step(-1),
    ArrowUp: () => commands.step(-1),
    r: commands.reply,
    n: commands.note,
    t: commands.takeOver,
    a: commands.assign,
    s: commands.snooze,
    e: commands.close,
    u: commands.back,
    Escape: commands.back,
    "/": commands.search,
    "?": () => byId("help-dialog").showModal(),
  };
  // The physical key of the command that ran last, until it is let go: it may have moved the focus
  // into a field, where its repetitions would be letters.
  let held = null;
  document.addEventListener("keyup", ({ code }) => {
    if (code === held) held = null;
  });
  window.addEventListener("blur", () => {
    held = null;
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.repeat && event.code === held) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    { capture: true },
  );
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && closeMenu()) return;
    if (event.ctrlKey || event.metaKey || event.altKey || somethingIsOpen()) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (isTyping(target)) {
      // Out of the field first; a second Escape leaves the conversation.
      if (event.key === "Escape") target.blur();
      return;
    }
    // The log scrolls with the arrows when it has the focus.
    if (event.key.startsWith("Arrow") && target.closest?.("#log-scroll, .dropdown")) return;
    const key = commandKey(event);
    const run = keys[key];
    if (!run) return;
    event.preventDefault();
    // Moving on may be repeated; whatever else a held key does, it does once.
    const mayRepeat = MOVING.has(key);
    if (event.repeat && !mayRepeat) return;
    held = mayRepeat ? null : event.code;
    run();
  });
}

/**
 * Return the key as a Latin layout has it in this place. Layouts with Latin letters of their own
 * (AZERTY, Dvorak, Vietnamese) say it themselves; where another alphabet is written, the place does.
 */
function commandKey({ key, code, shiftKey }) {
  if (code === "Slash" && (key === "." || key === ",")) return shiftKey ? "?" : "/";
  if (key.length !== 1 || key.charCodeAt(0) < 128) return key;
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  return letter && !shiftKey ? letter.toLowerCase() : key;
}
