// Says that somebody is at a page of ours, whichever it is: once for all tabs of a browser.
//
// The event "nextflow:presence" (detail: whether somebody is there) tells the inbox's socket.
import { freshToken, stampHeaders, unattendedFor } from "../app/stamp.js";
import { requestJson } from "../stream/response.js";

const EVERY_MS = 45_000;
const LOOK_EVERY_MS = 15_000;
// Behind another window for long, or in front of an empty chair.
const HIDDEN_MS = 10 * 60_000;
const UNTOUCHED_MS = 30 * 60_000;

const { url, person } = document.querySelector('meta[name="nextflow-presence"]').dataset;
const key = `nextflow-presence:${person}`;
let hiddenAt = document.hidden ? Date.now() : null;
let isThere = true;

function look() {
  const isHiddenLong = hiddenAt !== null && Date.now() - hiddenAt > HIDDEN_MS;
  const isNow = !isHiddenLong && unattendedFor() < UNTOUCHED_MS;
  if (isNow !== isThere) {
    isThere = isNow;
    document.dispatchEvent(new CustomEvent("nextflow:presence", { detail: isThere }));
  }
  if (isThere && isDue()) void report();
}

/** Whether no tab has reported for a while; this one is then the one that does. */
function isDue() {
  try {
    const last = Number(localStorage.getItem(key));
    if (last <= Date.now() && Date.now() - last < EVERY_MS) return false;
    localStorage.setItem(key, String(Date.now()));
  } catch {
    // Storage is switched off: each tab reports for itself.
  }
  return true;
}

async function report() {
  const token = /** @type {HTMLInputElement | null} */ (
    document.querySelector("input[name=csrfmiddlewaretoken]")
  );
  try {
    await requestJson(url, {
      method: "POST",
      shape: { is_online: "boolean" },
      credentials: "same-origin",
      headers: { ...stampHeaders(), "X-CSRFToken": freshToken() || (token?.value ?? "") },
    });
  } catch {
    // Offline or logged out: nobody is told, which is the truth.
  }
}

document.addEventListener("visibilitychange", () => {
  hiddenAt = document.hidden ? Date.now() : null;
  look();
});
const back = () => {
  if (!isThere) look();
};
document.addEventListener("pointerdown", back);
document.addEventListener("keydown", back);
setInterval(look, LOOK_EVERY_MS);
look();
