// What moves of cards have in common: where a card is, and what the server says of it.

/** @typedef {{card: HTMLElement, list: HTMLElement, next: Element | null}} Origin */

export const board = () => /** @type {HTMLElement} */ (document.getElementById("board"));
export const columns = () => /** @type {HTMLElement[]} */ ([...board().querySelectorAll("[data-column]")]);
/** @param {Element} within */
export const cardsIn = (within) => /** @type {HTMLElement[]} */ ([...within.querySelectorAll("[data-card]")]);
/** @param {Element} card */
export const listOf = (card) => /** @type {HTMLElement} */ (card.closest("[data-column]"));

/** @param {HTMLElement} card @returns {Origin} */
export const originOf = (card) => ({ card, list: listOf(card), next: card.nextElementSibling });

/** @param {Origin} origin */
export function putBack({ card, list, next }) {
  list.insertBefore(card, next?.isConnected ? next : null);
}

/** @param {string} words */
export function say(words) {
  const status = document.getElementById("board-status");
  if (status) status.textContent = words;
}

/** @param {Element} list */
export const titleOf = (list) =>
  document.getElementById(`column-${/** @type {HTMLElement} */ (list).dataset.column}-title`)
    ?.textContent ?? "";

// --- Moves --------------------------------------------------------------------------------------

/** Whether a move is on its way to the server. */
let isUnderWay = false;

export const isSending = () => isUnderWay;

/** Tell the server where a card is now; it answers with the card and the heads of the columns.
 *
 * @param {Origin} origin where it was */
export async function send(origin) {
  const { card } = origin;
  const form = /** @type {HTMLFormElement | null} */ (card.querySelector("form.board-move"));
  const list = listOf(card);
  if (!form || (origin.list === list && origin.next === card.nextElementSibling)) return;
  const above = /** @type {HTMLElement | null} */ (card.previousElementSibling);
  const values = {
    ...Object.fromEntries(new FormData(form)),
    column: list.dataset.column ?? "",
    after: above?.dataset.card ?? "",
  };
  isUnderWay = true;
  const answer = origin.list === list ? {} : await ask(list.dataset.ask);
  if (!answer) {
    isUnderWay = false;
    putBack(origin);
    say(gettext("The card is where it was."));
    return;
  }
  Object.assign(values, answer);
  card.setAttribute("aria-busy", "true");
  const hadFocus = card.contains(document.activeElement);
  try {
    await window.htmx.ajax("POST", form.action, { source: card, target: card, swap: "outerHTML", values });
  } finally {
    isUnderWay = false;
  }
  const now = document.getElementById(card.id);
  if (now && now !== card) {
    say(interpolate(gettext("Moved to %s."), [titleOf(listOf(now))]));
    if (hadFocus) /** @type {HTMLElement} */ (now.querySelector("[data-grip]"))?.focus();
  } else {
    // It was refused, which a message says: the board may look otherwise by now.
    card.removeAttribute("aria-busy");
    putBack(origin);
    refresh();
  }
}

/** Ask for what a column wants to know of a card that is moved there.
 *
 * @param {string | undefined} name the field
 * @returns {Promise<Record<string, string> | null>} its value, none if it was skipped; null if the
 *   move was cancelled */
async function ask(name) {
  const dialog = name ? document.getElementById(`ask-${name}`) : null;
  if (!name || !(dialog instanceof HTMLDialogElement)) return {};
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  form.reset();
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => {
    dialog.addEventListener("close", resolve, { once: true });
  });
  if (!dialog.returnValue) return null;
  const value = new FormData(form).get(name);
  return dialog.returnValue === "skip" || typeof value !== "string" ? {} : { [name]: value };
}

export function refresh() {
  const { url } = board().dataset;
  if (url) {
    void window.htmx.ajax("GET", url, { target: "#record-result", swap: "outerHTML", source: board() });
  }
}
