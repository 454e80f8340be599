// Pages about getting in: one press sends once, the machine's time zone, passkeys.
for (const form of document.querySelectorAll("form[data-once]")) {
  const button = /** @type {HTMLButtonElement} */ (
    form.querySelector("button:not([type=button])")
  );
  form.addEventListener("submit", () => {
    button.disabled = true;
  });
  // The back button may bring the page back as it was left.
  window.addEventListener("pageshow", () => {
    button.disabled = false;
  });
}

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const field of document.querySelectorAll("[data-machine-zone]")) {
  /** @type {HTMLInputElement} */ (field).value = zone ?? "";
}

// Only where the browser knows passkeys is one offered.
for (const form of document.querySelectorAll("[data-passkey]")) {
  form.hidden = !window.PublicKeyCredential;
}
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  for (const words of document.querySelectorAll("[data-passkey-error]")) words.hidden = false;
});
