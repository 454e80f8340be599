// Text of people stays text: links are made of nodes, never of markup.
import { element } from "./page.js";

const ADDRESS = /\bhttps?:\/\/[^\s<>"']+/gi;
const TRAILING = /[.,;:!?)\]}»”’]+$/;

/** Put text into an element, with its web addresses as links that open elsewhere. */
export function fillWithLinks(target, text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TRAILING, "");
    parts.push(text.slice(end, match.index), link(address, address));
    end = match.index + address.length;
  }
  parts.push(text.slice(end));
  target.replaceChildren(...parts.filter((part) => part !== ""));
}

/** Give a link to a web address, or plain text where the address is not one. */
export function link(address, words) {
  if (!/^(https?:\/\/|\/(?!\/))/i.test(address)) return document.createTextNode(words);
  const made = element("a", "", words);
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener noreferrer nofollow";
  return made;
}
