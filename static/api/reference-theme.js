// Swagger UI names its dark colours otherwise than the rest of our pages.
(() => {
  const root = document.documentElement;
  const follow = () => root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark");
  follow();
  new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });
})();
