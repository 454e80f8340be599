// The frame around every page: theme, user menu, messages that pass.
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
      localStorage.setItem("nextflow-theme", button.dataset.themeChoice);
    } catch {
      // Storage is switched off: there is nothing to remember it with.
    }
    document.dispatchEvent(new Event("nextflow:theme"));
    showChoice();
  });
}
showChoice();
ageOutServerToasts();
