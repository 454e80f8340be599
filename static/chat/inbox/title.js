// The tab: its title begins with how many conversations are unread, and its icon shows a mark.
import { root } from "./page.js";

const icon = document.querySelector('link[rel="icon"]');
const plain = icon.href;
let base = document.title;
let unread = "";

/** Say what the page is about. */
export function setTitle(words) {
  base = words;
  show();
}

/** Say how many conversations are unread: a number, and how it is written. */
export function setUnread(number, words) {
  unread = words;
  icon.href = number > 0 ? root.dataset.unreadIcon : plain;
  show();
}

function show() {
  document.title = unread ? `(${unread}) ${base}` : base;
}
