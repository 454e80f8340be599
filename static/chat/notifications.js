// Settings, Notifications: hear the sound, and let the browser ask for what needs its permission.
import { playSound, unlockSound } from "./sound.js";

const desktop = /** @type {HTMLInputElement} */ (document.getElementById("id_desktop"));
const told = document.getElementById("desktop-told");

document.getElementById("try-sound").addEventListener("click", async () => {
  await unlockSound();
  playSound();
});

// Asked on a click only: a page that asks by itself is refused for good by many people.
desktop.addEventListener("change", async () => {
  if (desktop.checked && "Notification" in window && Notification.permission === "default") {
    await Notification.requestPermission();
  }
  showPermission();
});

function showPermission() {
  let words = "";
  if (desktop.checked && !("Notification" in window)) {
    words = gettext("This browser cannot show notifications.");
  } else if (desktop.checked && Notification.permission === "denied") {
    words = gettext("This browser blocks notifications of this site. Allow them in its settings, beside the address.");
  } else if (desktop.checked && Notification.permission === "default") {
    words = gettext("This browser has not been asked yet: switch this off and on again to allow notifications here.");
  }
  told.textContent = words;
  told.hidden = words === "";
}

showPermission();
