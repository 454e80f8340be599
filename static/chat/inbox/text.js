// Text of people stays text: links are made of nodes, never of markup.
import { element } from "./page.js";
import { linkify, safeHref } from "../../stream/links.js";

/** Put text into an element, with its web and email addresses as links that open elsewhere.
 *
 * @param {HTMLElement} target
 * @param {string} text */
export function fillWithLinks(target, text) {
  const parts = linkify(text);
  target.replaceChildren(
    ...parts.map((part) => (part.href ? anchor(part.href, part.text) : part.text)),
  );
}

/** Give a link to a web address, or plain text where the address is not one.
 *
 * @param {string} address
 * @param {string} words */
export function link(address, words) {
  const href = safeHref(address);
  return href ? anchor(href, words) : document.createTextNode(words);
}

/**
 * @param {string} href
 * @param {string} words
 */
function anchor(href, words) {
  const made = element("a", "", words);
  made.href = href;
  made.target = "_blank";
  made.rel = "noopener noreferrer nofollow";
  return made;
}

const CONTROLS_OF_DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** Give a text from outside so that it cannot change the direction of the sentence around it.
 *
 * @param {string} text */
export function isolate(text) {
  const bare = (text ?? "").replace(CONTROLS_OF_DIRECTION, "");
  return RIGHT_TO_LEFT.test(bare) ? `\u2068${bare}\u2069` : bare;
}
