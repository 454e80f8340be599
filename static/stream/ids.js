/** A random id of 32 hexadecimal digits.
 *
 * crypto.randomUUID exists on secure origins only, and an office server may have none. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
