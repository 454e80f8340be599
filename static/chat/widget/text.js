/** Text of people, made ready for text nodes: nothing here ever becomes HTML. */

const ADDRESS = /\bhttps?:\/\/[^\s<>"“”«»]+/giu;
// Punctuation at an address's end belongs to the sentence around it.
const TAIL = /[.,:;!?'…*_~]+$/u;

/** Cut a text into `{text}` and `{text, href}` parts. */
export function linkify(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimAddress(match[0]);
    const href = safeHref(address);
    if (!href) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

function trimAddress(address) {
  let trimmed = address.replace(TAIL, "");
  for (const [open, close] of ["()", "[]", "{}"]) {
    while (trimmed.endsWith(close) && count(trimmed, close) > count(trimmed, open)) {
      trimmed = trimmed.slice(0, -1).replace(TAIL, "");
    }
  }
  return trimmed;
}

function count(text, letter) {
  return text.split(letter).length - 1;
}

/** Give an address that may stand in a link, or null: only http, https and our relative ones. */
export function safeHref(address, base = location.href) {
  if (typeof address !== "string" || !address.trim()) return null;
  try {
    const url = new URL(address, base);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** Length as the server counts it: in code points, after the outer white space is gone. */
export function lengthOf(text) {
  return [...text.trim()].length;
}

export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0].toLocaleUpperCase()).join("");
}
