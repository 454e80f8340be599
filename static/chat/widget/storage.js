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
    if (!this.isPersistent) return this.backend.get(key) ?? null;
    try {
      return this.backend.getItem(key) ?? null;
    } catch {
      return null; // taken away since: as good as never written
    }
  }

  /** Keep a value; return whether it was taken. */
  set(name, value) {
    const key = this.prefix + name;
    if (!this.isPersistent) {
      this.backend.set(key, value);
      return true;
    }
    try {
      this.backend.setItem(key, value);
      return true;
    } catch {
      // The browser's quota is used up. What is not kept here is asked for again after a reload.
      return false;
    }
  }

  remove(name) {
    const key = this.prefix + name;
    if (!this.isPersistent) {
      this.backend.delete(key);
      return;
    }
    try {
      this.backend.removeItem(key);
    } catch {
      // Taken away since: there is nothing left to remove.
    }
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
