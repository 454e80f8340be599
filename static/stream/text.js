/** Length as the server counts it: code points of the composed text (NFC), a line end as one.
 *
 * @param {string} text */
export const lengthOf = (text) => [...text.replace(/\r\n?/g, "\n").normalize("NFC")].length;
