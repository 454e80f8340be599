// The tab: its title begins with how many conversations are unread, and its icon shows a mark.
import { root } from "./page.js";

const icon = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel="icon"]'));
const plain = icon.href;
let base = document.title;
let unread = "";

/** Say what the page is about.
 *
 * @param {string} words */
export function setTitle(words) {
  base = words;
  show();
}

/** Say how many conversations are unread: a number, and how it is written.
 *
 * @param {number} number
 * @param {string} words */
export function setUnread(number, words) {
  unread = words;
  icon.href = number > 0 ? root.dataset.unreadIcon : plain;
  show();
}

function show() {
  document.title = unread ? `(${unread}) ${base}` : base;
}
