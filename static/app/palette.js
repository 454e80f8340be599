// The palette: the search over everything, opened by Ctrl+K or ⌘K and by the button in the sidebar.

const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("palette"));

if (dialog) {
  const field = /** @type {HTMLInputElement} */ (dialog.querySelector("input[name=q]"));
  const results = /** @type {HTMLElement} */ (document.getElementById("palette-results"));
  const options = () => [...results.querySelectorAll("a[role=option]")];
  let chosen = 0;

  /** @param {number} place */
  const choose = (place) => {
    const all = options();
    chosen = all.length ? (place + all.length) % all.length : 0;
    for (const [number, option] of all.entries()) {
      option.setAttribute("aria-selected", String(number === chosen));
    }
    const option = all[chosen];
    field.setAttribute("aria-activedescendant", option ? option.id : "");
    option?.scrollIntoView({ block: "nearest" });
  };

  const open = () => {
    if (dialog.open) {
      field.select();
      return;
    }
    dialog.showModal();
    field.select();
    field.dispatchEvent(new Event("nextflow:palette"));
  };

  document.addEventListener("keydown", (event) => {
    // By its place on the keyboard: the key is another letter on Cyrillic layouts.
    const isK = event.code === "KeyK" || event.key === "k";
    if (isK && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      open();
    }
  });

  for (const opener of document.querySelectorAll("[data-palette-open]")) {
    opener.addEventListener("click", (event) => {
      event.preventDefault();
      open();
    });
  }

  dialog.querySelector("[data-palette-close]")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    // Beside the box.
    if (event.target === dialog) {
      dialog.close();
    }
  });

  field.addEventListener("keydown", (event) => {
    if (event.isComposing) {
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const option = /** @type {HTMLAnchorElement | undefined} */ (options()[chosen]);
      option?.click();
    }
  });

  results.addEventListener("htmx:afterSwap", () => choose(0));
}
