import { requestJson } from "../../stream/response.js";
import { eventPage, HEAD, postedMessage, SEEN, SESSION, TICKET } from "../../stream/shapes.js";

const PATIENCE = 15_000;

/** The HTTP half of the stream protocol. */
export class Api {
  /** @param {{siteKey: string, base?: string}} options */
  constructor({ siteKey, base = location.origin }) {
    this.siteKey = siteKey;
    this.base = base;
    /** @type {string | null} */
    this.token = null;
  }

  /** Come in: gives the visitor token, settings, the open conversation and a ticket.
   *
   * @param {{language: string, identity: Widget.Identity | null, parentOrigin: string | null}} visitor
   * @returns {Promise<Widget.SessionAnswer>} */
  openSession({ language, identity, parentOrigin }) {
    return this.request("POST", "/api/v1/widget/sessions", {
      shape: SESSION,
      anonymous: true,
      body: {
        site_key: this.siteKey,
        language,
        ...(this.token ? { visitor_token: this.token } : {}),
        ...(identity ? { identity } : {}),
        ...(parentOrigin ? { parent_origin: parentOrigin } : {}),
      },
    });
  }

  newTicket() {
    return this.request("POST", "/api/v1/widget/tickets", { shape: TICKET, body: {} });
  }

  /** @param {string} stream */
  head(stream) {
    return this.request("GET", `/api/v1/streams/${stream}`, { shape: HEAD });
  }

  events(stream, { epoch, after, limit, wait = 0, signal = null }) {
    const query = new URLSearchParams({ epoch, after: String(after), limit: String(limit) });
    if (wait) query.set("wait", String(wait));
    return this.request("GET", `/api/v1/streams/${stream}/events?${query}`, {
      shape: eventPage(stream),
      signal,
      patience: PATIENCE + wait * 1000,
    });
  }

  post(stream, { client_message_id: id, content }) {
    return this.request("POST", `/api/v1/streams/${stream ?? "new"}/messages`, {
      shape: postedMessage(id),
      body: { content },
      headers: { "Idempotency-Key": id },
    });
  }

  /**
   * @param {string} stream
   * @param {number} seq
   */
  seen(stream, seq) {
    return this.request("POST", `/api/v1/streams/${stream}/seen`, { shape: SEEN, body: { seq } });
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Stream.Request & {anonymous?: boolean}} options
   */
  request(method, path, { anonymous = false, headers = {}, ...options }) {
    // The visitor's token is the only thing that says who this is: no cookie is sent.
    const authorization =
      anonymous || !this.token ? {} : { Authorization: `Bearer ${this.token}` };
    return requestJson(this.base + path, {
      method,
      patience: PATIENCE,
      ...options,
      headers: { ...authorization, ...headers },
    });
  }
}
