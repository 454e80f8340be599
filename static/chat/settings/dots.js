// The policy forbids style attributes; a colour of people comes in as data.
for (const dot of document.querySelectorAll("[data-color]")) {
  dot.style.setProperty("--color", dot.dataset.color);
}
