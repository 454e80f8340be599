// The frame around every page: theme, user menu, messages that pass.
import "./forms.js";
import "./lengths.js";
import "./fragments.js";
import "./notifications.js";
import "./palette.js";
import { ageOutServerToasts } from "./toasts.js";

const buttons = [...document.querySelectorAll("[data-theme-choice]:not(html)")];

function showChoice() {
  const choice = document.documentElement.dataset.themeChoice;
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  }
}

for (const button of buttons) {
  button.addEventListener("click", (event) => {
    // The menu stays open: one sees what one chose.
    event.stopPropagation();
    try {
      localStorage.setItem("nextflow-theme", String(button.dataset.themeChoice));
    } catch {
      // Storage is switched off: there is nothing to remember it with.
    }
    document.dispatchEvent(new Event("nextflow:theme"));
    showChoice();
  });
}
showChoice();

// Whoever travels, or was given the wrong zone, is offered the one their machine has.
const zoneForm = document.querySelector("form[data-zone]");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zoneForm && zone && zone !== zoneForm.dataset.zone) {
  const button = /** @type {HTMLButtonElement} */ (zoneForm.querySelector("button"));
  const words = /** @type {HTMLElement} */ (button.querySelector("span"));
  button.value = zone;
  words.textContent = interpolate(gettext("Use %s"), [zone]);
  zoneForm.hidden = false;
}

ageOutServerToasts();
