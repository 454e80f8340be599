// One-key shortcuts, which never act while somebody types or a dialog or menu is open.
import { byId } from "./page.js";

const FIELDS = "input, textarea, select, [contenteditable]";

const isTyping = (target) => target instanceof Element && target.closest(FIELDS) !== null;
const somethingIsOpen = () =>
  document.querySelector("dialog[open], .dropdown-menu.show") !== null;

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
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey || somethingIsOpen()) return;
    if (isTyping(event.target)) {
      // Out of the field first; a second Escape leaves the conversation.
      if (event.key === "Escape") event.target.blur();
      return;
    }
    // The log scrolls with the arrows when it has the focus.
    if (event.key.startsWith("Arrow") && event.target.closest?.("#log-scroll, .dropdown")) return;
    const run = keys[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}
