/** One object store of IndexedDB that stays usable although its connection does not.
 *
 * Browsers close connections: phones when they put a page to sleep, every browser when site data is
 * cleared or another tab brings a newer version. A connection is therefore no more than a cache: work
 * that fails opens a new one and is repeated once; when that fails as well, the caller is told. */

const OPEN_WITHIN_MS = 3_000;
const FINISH_WITHIN_MS = 3_000;

export class Database {
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;

  /** `store` is the object store's name; its records have their key in `id`.
   *
   * @param {{factory: IDBFactory, name: string, version: number, store: string}} options */
  constructor({ factory, name, version, store }) {
    this.factory = factory;
    this.name = name;
    this.version = version;
    this.store = store;
    /** @type {IDBDatabase | null} */
    this.connection = null;
  }

  /** Run `work(objectStore)`, which returns a request, in a transaction; return its result.
   *
   * Resolves when it is on the disk. Raises what the browser says when it fails twice.
   *
   * @template Result
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest<Result>} work
   * @returns {Promise<Result>} */
  async run(mode, work) {
    try {
      return await this.#attempt(mode, work);
    } catch (error) {
      // Another connection has no more room than this one.
      if (error?.name === "QuotaExceededError") throw error;
      this.close();
      // The caller has waited long enough; the next work tries another connection.
      if (error?.name === "TimeoutError") throw error;
      return this.#attempt(mode, work);
    }
  }

  /** Give up the connection; the next work opens another one. */
  close() {
    const opening = this.#opening;
    this.#opening = null;
    opening?.then((connection) => connection.close()).catch(() => {});
  }

  /**
   * @template Result
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest<Result>} work
   * @returns {Promise<Result>}
   */
  async #attempt(mode, work) {
    this.#opening ??= this.#open();
    const connection = await this.#opening;
    /** @type {Promise<Result>} */
    const done = new Promise((resolve, reject) => {
      // "strict": stored means on the disk, not in a buffer that a crash would take away.
      const transaction = connection.transaction(this.store, mode, { durability: "strict" });
      const request = work(transaction.objectStore(this.store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("The work was aborted."));
    });
    return within(FINISH_WITHIN_MS, done);
  }

  async #open() {
    /** @type {IDBDatabase} */
    let connection;
    try {
      connection = await this.#request(this.version);
    } catch (error) {
      // A newer version of this page, in another tab, has brought the database up: take it as it is.
      if (error?.name !== "VersionError") throw error;
      connection = await this.#request();
    }
    const forget = () => {
      if (this.connection === connection) this.#opening = null;
    };
    this.connection = connection;
    connection.onclose = forget;
    connection.onversionchange = () => {
      // Whoever holds on would block a newer version, or the deletion of the site's data.
      connection.close();
      forget();
    };
    return connection;
  }

  /**
   * @param {number} [version] without one the database is taken as it is
   * @returns {Promise<IDBDatabase>}
   */
  async #request(version) {
    let isLate = false;
    /** @type {Promise<IDBDatabase>} */
    const opened = new Promise((resolve, reject) => {
      const request = this.factory.open(this.name, version);
      request.onupgradeneeded = () => {
        const names = request.result.objectStoreNames;
        if (!names.contains(this.store)) {
          request.result.createObjectStore(this.store, { keyPath: "id" });
        }
      };
      // "blocked" is no end: the other tab may still let go within the time.
      request.onsuccess = () => (isLate ? request.result.close() : resolve(request.result));
      request.onerror = () => reject(request.error);
    });
    try {
      return await within(OPEN_WITHIN_MS, opened);
    } catch (error) {
      isLate = true;
      throw error;
    }
  }
}

/** Some browsers answer a request to a store that they gave up neither way.
 *
 * @template Result
 * @param {number} milliseconds
 * @param {Promise<Result>} promise
 * @returns {Promise<Result>} */
function within(milliseconds, promise) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  /** @type {Promise<never>} */
  const limit = new Promise((_, reject) => {
    const error = new DOMException("The store does not answer.", "TimeoutError");
    timer = setTimeout(() => reject(error), milliseconds);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
