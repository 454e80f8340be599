// The socket of a page that is not the inbox: what its member is told.
//
// The event "nextflow:notifications" (detail: the number of unread ones) tells the page.
import { Connection } from "./connection.js";

// Whoever only passes through a page opens no socket.
const CONNECT_AFTER_MS = 1_000;

/** @type {HTMLMetaElement | null} */
const stamp = document.querySelector('meta[name="nextflow-stamp"]');
const connection = new Connection("/ws/member/", stamp?.dataset.organization);
connection.addEventListener("notifications", (event) => {
  const { unread } = /** @type {CustomEvent} */ (event).detail;
  document.dispatchEvent(new CustomEvent("nextflow:notifications", { detail: unread }));
});

let timer = setTimeout(() => connection.connect(), CONNECT_AFTER_MS);
// A page with an open socket is not kept for the back button.
window.addEventListener("pagehide", () => {
  clearTimeout(timer);
  connection.stop();
});
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) timer = setTimeout(() => connection.connect(), CONNECT_AFTER_MS);
});
