// A button with data-copy="#id" copies the text of that element.
for (const button of document.querySelectorAll("[data-copy]")) {
  const source = /** @type {HTMLElement} */ (
    document.querySelector(String(button.dataset.copy))
  );
  const label = /** @type {HTMLElement} */ (button.querySelector("[data-copy-label]"));
  const before = label.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent.trim());
      label.textContent = gettext("Copied");
    } catch {
      // The clipboard may be forbidden: the text is marked, so that one key press copies it.
      getSelection()?.selectAllChildren(source);
      label.textContent = gettext("Press Ctrl+C");
    }
    setTimeout(() => {
      label.textContent = before;
    }, 3000);
  });
}
