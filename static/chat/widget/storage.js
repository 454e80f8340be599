/** The small things one browser keeps for one site key. Where storage is forbidden they last as long
 * as the page, and `isPersistent` says so. */
export class KeyedStorage {
  constructor(siteKey, backend = usableLocalStorage()) {
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

function usableLocalStorage() {
  try {
    const probe = "nextflow:probe";
    window.localStorage.setItem(probe, "1");
    window.localStorage.removeItem(probe);
    return window.localStorage;
  } catch {
    return null;
  }
}
