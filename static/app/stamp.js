// Which organization and person the page was made for, and whether somebody is at it: said in every
// request that it sends.
const UNATTENDED_AFTER_MS = 60_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
const said = document.querySelector('meta[name="nextflow-stamp"]')?.dataset ?? {};
// Whoever opened it was there.
let attendedAt = Date.now();
const note = () => {
  attendedAt = Date.now();
};
for (const sign of SIGNS) {
  document.addEventListener(sign, note, { capture: true, passive: true });
}

/** For how many ms nobody has touched this page. */
export const unattendedFor = () => Date.now() - attendedAt;

/** The CSRF token of this browser; empty where a page does not name its cookie. A log-in in another
 * tab replaces it, and the token in the page no longer counts. Whose page it is, the stamp says. */
export function freshToken() {
  if (!said.csrfCookie) return "";
  const start = `${said.csrfCookie}=`;
  const found = document.cookie.split("; ").find((each) => each.startsWith(start));
  return found?.slice(start.length) ?? "";
}

/** Return the headers that every request of this page carries. */
export function stampHeaders() {
  return {
    ...(said.organization ? { "X-Organization": said.organization } : {}),
    ...(said.person ? { "X-Person": said.person } : {}),
    ...(unattendedFor() > UNATTENDED_AFTER_MS ? { "X-Unattended": "1" } : {}),
  };
}
