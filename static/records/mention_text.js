/** The text around an @ that somebody is typing. */

// As the server reads a mention: behind anything but a word and another @. A name may begin with
// signs.
const BEGUN = /(?:^|[^\p{L}\p{M}\p{N}_@])@((?:[^\s@\p{L}\p{M}\p{N}]{1,3} ?)?[\p{L}\p{M}\p{N}'’-]{0,80})$/u;

/** Return the beginning of a name behind an @ at the end of a text, "" right behind it, else null.
 *
 * @param {string} text
 * @returns {string | null} */
export const beginningOfName = (text) => BEGUN.exec(text)?.[1] ?? null;

/** Return the text with its beginning of a name made whole, and a space.
 *
 * @param {string} text
 * @param {string} name */
export const completed = (text, name) => `${text.slice(0, text.lastIndexOf("@"))}@${name} `;
