// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let choice = "auto";
    try {
      choice = localStorage.getItem("nextflow-theme") || "auto";
    } catch {
      // Storage is switched off: the system's theme it is.
    }
    root.dataset.themeChoice = choice;
    root.dataset.bsTheme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
  };
  apply();
  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("nextflow:theme", apply);
})();
