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

/** Return the headers that every request of this page carries. */
export function stampHeaders() {
  return {
    ...(said.organization ? { "X-Organization": said.organization } : {}),
    ...(said.person ? { "X-Person": said.person } : {}),
    ...(unattendedFor() > UNATTENDED_AFTER_MS ? { "X-Unattended": "1" } : {}),
  };
}
