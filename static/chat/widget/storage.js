/** The small things one browser keeps for one site key. Without a `backend` (what localStorage can
 * do) they last as long as the page, and `isPersistent` says so. */
export class KeyedStorage {
  constructor(siteKey, backend) {
    this.prefix = `nextflow:${siteKey}:`;
    this.backend = backend ?? new Map();
    this.isPersistent = backend !== null;
  }

  get(name) {
    const key = this.prefix + name;
    const value = this.isPersistent ? this.backend.getItem(key) : this.backend.get(key);
    return value ?? null;
  }

  set(name, value) {
    const key = this.prefix + name;
    if (!this.isPersistent) {
      this.backend.set(key, value);
      return;
    }
    try {
      this.backend.setItem(key, value);
    } catch {
      // The browser's quota is used up. What is not kept here is asked for again after a reload.
    }
  }

  remove(name) {
    const key = this.prefix + name;
    if (this.isPersistent) this.backend.removeItem(key);
    else this.backend.delete(key);
  }
}

/** Gives this frame's own localStorage, or null where the browser refuses it to frames. */
export function ownStorage() {
  try {
    const probe = "nextflow:probe";
    window.localStorage.setItem(probe, "1");
    window.localStorage.removeItem(probe);
    return window.localStorage;
  } catch {
    return null;
  }
}

/** Values that the page around the frame keeps for it, as one text. */
export class KeptByParent {
  constructor(text, onchange) {
    this.values = readMap(text);
    this.onchange = onchange;
  }

  get text() {
    return JSON.stringify([...this.values]);
  }

  getItem(key) {
    return this.values.get(key) ?? null;
  }

  setItem(key, value) {
    this.values.set(key, value);
    this.onchange();
  }

  removeItem(key) {
    if (this.values.delete(key)) this.onchange();
  }
}

function readMap(text) {
  try {
    return new Map(JSON.parse(text ?? "[]"));
  } catch {
    return new Map(); // another version's flag, or somebody's hand
  }
}
