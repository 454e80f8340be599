// What the server said when it made the page, and small helpers for making elements.
export { firstLetter } from "./names.js";

export const state = JSON.parse(document.getElementById("inbox-state").textContent);
export const root = document.getElementById("inbox");
export const me = state.me;

/** Say whether the server would take a change of this conversation from this reader. */
export function mayChange(row) {
  const { level, people } = me.change;
  if (level === "all" || level === "none") return level === "all";
  return row.assignee ? people.includes(row.assignee.id) : level === "team";
}

export const byId = (id) => document.getElementById(id);

export function element(name, className = "", text = null) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== null) made.textContent = text;
  return made;
}

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

/** Find a template's slot: the same markup the server rendered. */
export const slot = (parent, name) => parent.querySelector(`[data-slot="${name}"]`);

export function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

export const hueOf = (id) => (id || "0").slice(-1);

export function conversationPath(id) {
  return `${root.dataset.inboxUrl}${id}/`;
}

/** Say something to screen readers without moving anything on the screen. */
export function announce(text) {
  const region = byId("announcer");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}

/** Change what an element shows only if it differs: a repaint keeps selections and focus. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
