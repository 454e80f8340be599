// The bell: how many notifications are unread, as the stream says it.

const MOST_SHOWN = 99;

document.addEventListener("nextflow:notifications", (event) => {
  const unread = Number(/** @type {CustomEvent} */ (event).detail);
  const words = unread > MOST_SHOWN ? `${MOST_SHOWN}+` : String(unread || "");
  for (const badge of document.querySelectorAll("[data-notification-count]")) {
    if (badge.textContent === words) continue;
    badge.textContent = words;
    /** @type {HTMLElement} */ (badge).hidden = !words;
    // A list that is open shows what came.
    document.dispatchEvent(new Event("nextflow:notified"));
  }
});
