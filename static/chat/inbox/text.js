// Text of people stays text: links are made of nodes, never of markup.
import { element } from "./page.js";
import { linkify, safeHref } from "../../stream/links.js";

/** Put text into an element, with its web and e-mail addresses as links that open elsewhere. */
export function fillWithLinks(target, text) {
  const parts = linkify(text);
  target.replaceChildren(
    ...parts.map((part) => (part.href ? anchor(part.href, part.text) : part.text)),
  );
}

/** Give a link to a web address, or plain text where the address is not one. */
export function link(address, words) {
  const href = safeHref(address);
  return href ? anchor(href, words) : document.createTextNode(words);
}

function anchor(href, words) {
  const made = element("a", "", words);
  made.href = href;
  made.target = "_blank";
  made.rel = "noopener noreferrer nofollow";
  return made;
}
