import { Refused } from "../../stream/response.js";
import { exclusively } from "./locks.js";

/** How this browser comes in and is known again: visitor token, session, tickets.
 *
 * `onsession(answer)` takes in what a session says before the first ticket is used; `onstranger()`
 * is called when the server takes this browser for a new visitor; `onwarning(error)` when it came in
 * although something was refused. */
export class Session {
  /** @param {Widget.SessionParts} parts */
  constructor({ api, storage, language, parentOrigin, onsession, onstranger, onwarning }) {
    this.api = api;
    this.storage = storage;
    this.language = language;
    this.parentOrigin = parentOrigin;
    this.onsession = onsession;
    this.onstranger = onstranger;
    this.onwarning = onwarning;
    /** @type {string | null} */
    this.identity = null;
    /** @type {Widget.Entry | null} */
    this.answer = null;
  }

  restore() {
    this.api.token = this.storage.get("token");
  }

  /** Give `{ticket, websocket_path, heartbeat_seconds}` for one socket. */
  async enter() {
    if (this.answer && this.api.token) {
      try {
        return { ...this.answer, ...(await this.api.newTicket()) };
      } catch (error) {
        // A session says whether the visitor is really unknown, or only the widget switched off.
        if (!(error instanceof Refused) || error.status !== 401) throw error;
      }
    }
    return this.open();
  }

  async open() {
    // One at a time over all tabs: two first visits at once would be two visitors.
    const answer = await exclusively(`nextflow-session-${this.api.siteKey}`, async () => {
      this.api.token = this.storage.get("token") ?? this.api.token;
      const given = await this.ask();
      if (given.is_new) this.onstranger();
      this.api.token = given.visitor_token;
      this.storage.set("token", given.visitor_token);
      return given;
    });
    await this.onsession(answer);
    this.answer = answer;
    return answer;
  }

  async ask() {
    const { language, identity, parentOrigin } = this;
    try {
      const given = await this.api.openSession({ language, identity, parentOrigin });
      // It has done its work: from now on the visitor's token says who this is.
      if (this.identity === identity) this.identity = null;
      return given;
    } catch (error) {
      // Whoever was only too fast, or met a store that was away, shows it again.
      const isFinal = error instanceof Refused && error.status < 500 && error.status !== 429;
      if (!isFinal || !identity) throw error;
      // A wrong identity must not keep the visitor from being heard: they come in as before.
      this.identity = null;
      this.onwarning(error);
      return this.ask();
    }
  }

  /** A session, unlike a ticket, carries who this is and in which language: the next entry is one. */
  renew() {
    this.answer = null;
  }

  forget() {
    this.storage.remove("token");
    this.api.token = null;
    this.answer = null;
  }
}
