/** Small helpers to make elements without ever parsing HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {(Node | string | null | undefined)[]} children
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {(event: MouseEvent) => void} onclick
 * @param {(Node | string | null | undefined)[]} children
 */
export function button(attributes, onclick, ...children) {
  const node = element("button", { type: "button", ...attributes }, ...children);
  node.addEventListener("click", onclick);
  return node;
}

/** @param {string} path */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** Make `list` show `rows`, touching only what differs: selection, focus and animations survive. */
export class Reconciler {
  constructor(list, make) {
    this.list = list;
    this.make = make;
    this.shown = new Map();
  }

  /** @param {{key: string}[]} rows */
  show(rows) {
    const next = new Map();
    let before = null;
    for (const row of rows) {
      // A message that is in the log and, for a moment, still unsent: the first row of a key stands,
      // for a second node of it would be known to nobody and never go away.
      if (next.has(row.key)) continue;
      const signature = JSON.stringify(row);
      const known = this.shown.get(row.key);
      let node = known?.node;
      if (!known || known.signature !== signature) {
        node = this.make(row);
        // A row that changes must not come in again as if it were new.
        if (known) node.classList.add("known");
        known?.node.replaceWith(node);
      }
      next.set(row.key, { node, signature });
      const place = before ? before.nextSibling : this.list.firstChild;
      if (node !== place) this.list.insertBefore(node, place);
      before = node;
    }
    for (const [key, { node }] of this.shown) if (!next.has(key)) node.remove();
    this.shown = next;
  }
}
