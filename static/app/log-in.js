// One press logs in once.
const form = document.querySelector("[data-log-in]");
const button = form.querySelector("button[type=submit]");
form.addEventListener("submit", () => {
  button.disabled = true;
});
// The back button may bring the page back as it was left.
window.addEventListener("pageshow", () => {
  button.disabled = false;
});
