// The palette: the search over everything, opened by Ctrl+K or ⌘K and by the button in the sidebar.

const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("palette"));

if (dialog) {
  const field = /** @type {HTMLInputElement} */ (dialog.querySelector("input[name=q]"));
  const results = /** @type {HTMLElement} */ (document.getElementById("palette-results"));
  const options = () => [...results.querySelectorAll("a[role=option]")];
  let chosen = 0;
  // The text whose results are shown; Enter before that waits for the present one's.
  let shown = "";
  let asked = "";
  let isAwaited = false;

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

  const openChosen = () => {
    isAwaited = false;
    /** @type {HTMLAnchorElement | undefined} */ (options()[chosen])?.click();
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
      isAwaited = shown !== field.value;
      if (!isAwaited) {
        openChosen();
      }
    }
  });

  field.addEventListener("input", () => {
    isAwaited = false;
  });
  field.addEventListener("htmx:beforeRequest", () => {
    asked = field.value;
  });
  results.addEventListener("htmx:afterSwap", () => {
    shown = asked;
    choose(0);
    if (isAwaited && shown === field.value) {
      openChosen();
    }
  });
}
