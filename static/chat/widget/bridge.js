/** Talk with the launcher on the site: only that origin is told anything or listened to. */
export class Bridge {
  /** @param {string | null} parentOrigin */
  constructor(parentOrigin, handlers) {
    this.origin = parentOrigin;
    this.isFramed = window.parent !== window && Boolean(parentOrigin);
    if (!this.isFramed) return;
    window.addEventListener("message", ({ origin, source, data }) => {
      if (origin !== parentOrigin || source !== window.parent || data?.nextflow !== 1) return;
      if (Object.hasOwn(handlers, data.type)) handlers[data.type](data);
    });
  }

  tell(type, data = {}) {
    if (this.isFramed) window.parent.postMessage({ nextflow: 1, type, ...data }, this.origin);
  }
}
