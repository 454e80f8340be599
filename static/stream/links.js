/** Addresses in the text of people, found for widget and inbox alike; nothing here becomes HTML. */

const HOST = String.raw`(?:[\p{L}\p{N}][\p{L}\p{M}\p{N}-]{0,62}\.)+\p{L}{2,63}`;
const REST = String.raw`[^\s<>"“”«»]`;
const LOCAL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{N}._%+'-]{0,62}[\p{L}\p{N}_+-])?`;
// A word that goes on before it is no address: "xhttp://…", "bwww.…".
const ADDRESS = new RegExp(
  [
    String.raw`(?<web>(?<![\p{L}\p{N}])https?:\/\/${REST}+)`,
    String.raw`(?<www>(?<![\p{L}\p{N}@._/-])www\.${HOST}(?::\d{1,5})?(?:[/?#]${REST}*)?)`,
    String.raw`(?<mail>(?<![\p{L}\p{N}._%+/@-])${LOCAL}@${HOST})(?![\p{L}\p{N}@])`,
  ].join("|"),
  "giu",
);
// Punctuation at an address's end belongs to the sentence around it.
const TAIL = new Set(".,:;!?'’”»…。*_~");

/** Cut a text into `{text}` and `{text, href}` parts: web addresses, also without a scheme, and
 * email addresses. Joined, the parts are the text again.
 *
 * @param {string} text
 * @returns {{text: string, href?: string}[]} */
export function linkify(text) {
  /** @type {{text: string, href?: string}[]} */
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimAddress(match[0]);
    const href = match.groups?.mail
      ? mailHref(address)
      : safeHref(match.groups?.www ? `https://${address}` : address);
    if (!href) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** Return an address that may stand in a link, or null: only http, https and our relative ones.
 *
 * @param {unknown} address */
export function safeHref(address, base = location.href) {
  if (typeof address !== "string" || !address.trim()) return null;
  try {
    const url = new URL(address, base);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}

/** The domain in ASCII: not every mail program knows the other form.
 *
 * @param {string} address */
function mailHref(address) {
  const at = address.lastIndexOf("@");
  const host = safeHref(`https://${address.slice(at + 1)}`);
  return host && `mailto:${encodeURIComponent(address.slice(0, at))}@${new URL(host).hostname}`;
}

/** One look at each sign, however many of them a stranger puts behind an address.
 *
 * @param {string} address */
function trimAddress(address) {
  let end = withoutTail(address, address.length);
  for (const [open, close] of ["()", "[]", "{}"]) {
    let surplus = count(address, close, end) - count(address, open, end);
    while (surplus > 0 && address[end - 1] === close) {
      surplus -= 1;
      end = withoutTail(address, end - 1);
    }
  }
  return address.slice(0, end);
}

/**
 * @param {string} text
 * @param {number} length
 */
function withoutTail(text, length) {
  let end = length;
  while (end > 0 && TAIL.has(text[end - 1])) end -= 1;
  return end;
}

/**
 * @param {string} text
 * @param {string} letter
 * @param {number} end
 */
function count(text, letter, end) {
  return text.slice(0, end).split(letter).length - 1;
}
