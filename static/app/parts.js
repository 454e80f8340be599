// What prepares forms runs for the page as it came, and for each part that htmx puts into it later:
// dialogs, menus, more rows.

/** Call a function with the document now, and with each element that comes later. It may see an
 * element more than once.
 *
 * @param {(part: Document | Element) => void} prepare */
export function forEveryPart(prepare) {
  prepare(document);
  document.addEventListener("htmx:load", ({ target }) => {
    if (target instanceof Element) prepare(target);
  });
}
