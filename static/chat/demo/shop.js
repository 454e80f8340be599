// The command queue: calls made before the widget's loader has arrived wait in `q`, and are
// played back by the loader. The line is the one that every customer pastes.
window.nextflow =
  window.nextflow ||
  function () {
    (window.nextflow.q = window.nextflow.q || []).push(arguments);
  };

document.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("[data-chat-open]");
  if (button) window.nextflow("open");
});
