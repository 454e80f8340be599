// What the server said when it made the page, and small helpers for making elements.
export { firstLetter } from "./names.js";

/** @type {Inbox.State} */
export const state = JSON.parse(document.getElementById("inbox-state").textContent);
export const root = document.getElementById("inbox");
export const me = state.me;

/** Say whether the server would take a change of this conversation from this reader.
 *
 * @param {Inbox.Row} row */
export function mayChange(row) {
  const { level, people } = me.change;
  if (level === "all" || level === "none") return level === "all";
  return row.assignee ? people.includes(row.assignee.id) : level === "team";
}

/** Find an element of the page; what kind it is says the markup.
 *
 * @type {(id: string) => any} */
export const byId = (id) => document.getElementById(id);

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} [className]
 * @param {string | null} [text]
 */
export function element(name, className = "", text = null) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== null) made.textContent = text;
  return made;
}

/**
 * @param {string} name
 * @param {string} [className]
 */
export function icon(name, className = "") {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", `icon ${className}`.trim());
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${root.dataset.icons}#${name}`);
  svg.append(use);
  return svg;
}

/** Find a template's slot: the same markup the server rendered.
 *
 * @type {(parent: Element, name: string) => any} */
export const slot = (parent, name) => parent.querySelector(`[data-slot="${name}"]`);

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

/** @param {string} id */
export const hueOf = (id) => (id || "0").slice(-1);

/** @param {string} id */
export function conversationPath(id) {
  return `${root.dataset.inboxUrl}${id}/`;
}

/** Say something to screen readers without moving anything on the screen.
 *
 * @param {string} text */
export function announce(text) {
  const region = byId("announcer");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

/** Change what an element shows only if it differs: a repaint keeps selections and focus.
 *
 * @param {HTMLElement} target
 * @param {string} text */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
