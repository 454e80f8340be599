/** The small things one browser keeps for one site key. Without a `backend` (what localStorage can
 * do) they last as long as the page, and `isPersistent` says so. */
export class KeyedStorage {
  /**
   * @param {string} siteKey
   * @param {Widget.Backend | null} backend
   */
  constructor(siteKey, backend) {
    this.prefix = `nextflow:${siteKey}:`;
    this.backend = backend;
    /** @type {Map<string, string>} */
    this.memory = new Map();
    this.isPersistent = backend !== null;
  }

  /** @param {string} name */
  get(name) {
    const key = this.prefix + name;
    if (!this.isPersistent) return this.memory.get(key) ?? null;
    try {
      return this.backend.getItem(key) ?? null;
    } catch {
      return null; // taken away since: as good as never written
    }
  }

  /** Keep a value; return whether it was taken.
   *
   * @param {string} name
   * @param {string} value */
  set(name, value) {
    const key = this.prefix + name;
    if (!this.isPersistent) {
      this.memory.set(key, value);
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

  /** @param {string} name */
  remove(name) {
    const key = this.prefix + name;
    if (!this.isPersistent) {
      this.memory.delete(key);
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
  /**
   * @param {string | null} text
   * @param {() => void} onchange
   */
  constructor(text, onchange) {
    this.values = readMap(text);
    this.onchange = onchange;
  }

  get text() {
    return JSON.stringify([...this.values]);
  }

  /** @param {string} key */
  getItem(key) {
    return this.values.get(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {string} value
   */
  setItem(key, value) {
    this.values.set(key, value);
    this.onchange();
  }

  /** @param {string} key */
  removeItem(key) {
    if (this.values.delete(key)) this.onchange();
  }
}

/** @param {string | null} text */
function readMap(text) {
  try {
    return new Map(JSON.parse(text ?? "[]"));
  } catch {
    return new Map(); // another version's flag, or somebody's hand
  }
}
