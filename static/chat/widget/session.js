import { Refused } from "../../stream/response.js";
import { exclusively } from "./locks.js";

/** How this browser comes in and is known again: visitor token, session, tickets.
 *
 * `onsession(answer, isCurrent)` takes in what a session says before the first ticket is used, and
 * asks `isCurrent()` after each wait whether the session still answers what is asked; `onVisitorChanged()`
 * is called when the server takes this browser for a new visitor; `onOwnerChanged()` when `owner` may be
 * another than before; `onwarning(error)` when it came in although something was refused. */
export class Session {
  /** @param {Widget.SessionParts} parts */
  constructor(parts) {
    const { api, storage, language, parentOrigin, onsession, onVisitorChanged, onOwnerChanged } = parts;
    this.api = api;
    this.storage = storage;
    this.language = language;
    this.parentOrigin = parentOrigin;
    this.onsession = onsession;
    this.onVisitorChanged = onVisitorChanged;
    this.onOwnerChanged = onOwnerChanged;
    this.onwarning = parts.onwarning;
    /** @type {Widget.Identity | null} */
    this.identity = null;
    /** Whom the site had proved this browser to be; "" is nobody in particular. */
    this.proved = storage.get("owner") ?? "";
    /** @type {Widget.Entry | null} */
    this.answer = null;
    /** Raised when somebody is named or a language chosen: what was asked before answers that no more. */
    this.round = 0;
  }

  /** Whose drafts and unsent messages may be seen and sent. What somebody proved left behind is out
   * of sight from the moment at which the site names somebody else, before the server agreed. */
  get owner() {
    return (this.proved && subjectOf(this.identity)) || this.proved;
  }

  restore() {
    this.api.token = this.storage.get("token");
  }

  /** Give `{ticket, websocket_path, heartbeat_seconds}` for one socket, or null when it would be one
   * of whoever this was when it was asked for.
   *
   * @returns {Promise<Widget.Entry | null>} */
  async enter() {
    const { answer, round } = this;
    if (answer && this.api.token) {
      try {
        const ticket = await this.api.newTicket();
        return round === this.round ? { ...answer, ...ticket } : null;
      } catch (error) {
        // A session says whether the visitor is really unknown, or only the widget switched off.
        if (!(error instanceof Refused) || error.status !== 401) throw error;
      }
    }
    return this.open();
  }

  async open() {
    const { round } = this;
    const isCurrent = () => round === this.round;
    // One at a time over all tabs: two first visits at once would be two visitors.
    const answer = await exclusively(`nextflow-session-${this.api.siteKey}`, async () => {
      this.api.token = this.storage.get("token") ?? this.api.token;
      const given = await this.ask();
      this.own(given);
      if (given.is_new) this.onVisitorChanged();
      this.api.token = given.visitor_token;
      this.storage.set("token", given.visitor_token);
      return given;
    });
    if (isCurrent()) await this.onsession(answer, isCurrent);
    if (!isCurrent()) return null;
    this.answer = answer;
    return answer;
  }

  /** Note who came in: whom the site proved, else whoever the token stood for in any tab.
   *
   * @param {Widget.SessionAnswer & {subject: string}} given */
  own({ is_new: isNew, is_verified: isVerified, subject }) {
    const former = isVerified && !isNew ? (this.storage.get("owner") ?? "") : "";
    this.proved = subject || former;
    this.storage.set("owner", this.proved);
    this.onOwnerChanged();
  }

  async ask() {
    const { language, identity, parentOrigin } = this;
    try {
      const given = await this.api.openSession({ language, identity, parentOrigin });
      // It has done its work: from now on the visitor's token says who this is.
      if (this.identity === identity) this.identity = null;
      return { ...given, subject: subjectOf(identity) };
    } catch (error) {
      // Whoever was only too fast, or met a store that was away, shows it again.
      const isFinal = error instanceof Refused && error.status < 500 && error.status !== 429;
      if (!isFinal || !identity) throw error;
      // A wrong identity must not keep the visitor from being heard: they come in as before.
      if (this.identity === identity) this.identity = null;
      this.onOwnerChanged();
      this.onwarning(error);
      return this.ask();
    }
  }

  /** A session, unlike a ticket, carries who this is and in which language: the next entry is one. */
  renew() {
    this.round += 1;
    this.answer = null;
  }

  forget() {
    this.storage.remove("token");
    this.storage.remove("owner");
    this.proved = "";
    this.api.token = null;
    this.answer = null;
  }
}

/** Give whom a signed identity names, or "" where it names nobody that one can read.
 *
 * @param {Widget.Identity | null} identity
 * @returns {string} */
export function subjectOf(identity) {
  const token = typeof identity === "string" ? identity : identity?.token;
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return String(JSON.parse(atob(claims)).sub ?? "");
  } catch {
    return ""; // the server will say what is wrong with it
  }
}
