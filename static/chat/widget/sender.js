/** Sends what is in the outbox, one message after the other and each until the server has it.
 *
 * One at a time keeps the order in which they were written. The public fields of a shown item are
 * the outbox's plus `status`: sending, waiting, retrying, slow, sent or failed. */

const ACK_WITHIN = 10_000;
const FOREIGN_AFTER = 5_000;
const FIRST_PAUSE = 1_000;
const MAX_PAUSE = 20_000;

// Refusals that heal by themselves; every other one is final until the visitor decides.
const TRANSIENT = new Set(["rate_limited", "store_unavailable", "busy", "unavailable", "not_ready"]);
// The conversation is gone for writing: the same message opens a new one.
const GONE = new Set(["conversation_closed", "conversation_not_found"]);

export class Sender {
  /** @param {Widget.SenderParts} parts */
  constructor({ outbox, post, target, onchange }) {
    this.outbox = outbox;
    this.post = post;
    this.target = target;
    this.onchange = onchange;
    this.isGoing = false;
    /** @type {string | null} */
    this.inFlight = null;
    this.pausedUntil = 0;
    this.pauses = 0;
    /** @type {string | null} */
    this.reason = null;
    /** Acknowledged, but not yet in the log. @type {Map<string, Widget.Item>} */
    this.stored = new Map();
    /** In the log, whatever a store or another tab still says of them. @type {Set<string>} */
    this.shown = new Set();
  }

  /** Every message that the log does not show yet, oldest first.
   *
   * @returns {Widget.ShownItem[]} */
  items() {
    const stored = [...this.stored.values()].map((item) => ({
      ...item,
      status: /** @type {const} */ ("sent"),
    }));
    const waiting = this.outbox
      .list()
      .filter((item) => !this.shown.has(item.id))
      .map((item) => ({ ...item, status: this.statusOf(item) }));
    return [...stored, ...waiting].sort((a, b) => a.order - b.order);
  }

  /**
   * @param {Widget.Item} item
   * @returns {Widget.ShownItem["status"]}
   */
  statusOf(item) {
    if (item.failure) return "failed";
    if (!this.isGoing) return item.sentTo === undefined ? "waiting" : "retrying";
    if (this.pausedUntil > Date.now()) return this.reason === "rate_limited" ? "slow" : "retrying";
    return "sending";
  }

  /** @param {string} text */
  async add(text) {
    const stored = this.outbox.add(text, this.target());
    this.onchange();
    await stored;
    this.onchange();
    void this.pump();
  }

  go() {
    this.isGoing = true;
    void this.pump();
  }

  halt() {
    this.isGoing = false;
    this.inFlight = null;
    clearTimeout(this.alarm);
  }

  async pump() {
    if (!this.isGoing || this.inFlight) return;
    const item = this.outbox.next();
    if (!item) return;
    const pause = this.pausedUntil - Date.now();
    if (pause > 0) {
      clearTimeout(this.pauseTimer);
      this.pauseTimer = setTimeout(() => this.pump(), pause);
      return;
    }
    this.inFlight = item.id;
    // Where it went first it is asked for again: only there the server knows whether it has it.
    const stream = item.sentTo === undefined ? this.target() : item.sentTo;
    await this.outbox.change(item.id, { sentTo: stream });
    if (!this.isGoing || this.inFlight !== item.id) return;
    const isOut = this.post({
      type: "message.post",
      stream,
      client_message_id: item.id,
      content: { type: "text", text: item.text },
    });
    if (!isOut) {
      this.inFlight = null;
      return;
    }
    clearTimeout(this.alarm);
    this.alarm = setTimeout(() => this.again(), ACK_WITHIN);
    this.onchange();
  }

  again() {
    this.inFlight = null;
    void this.pump();
  }

  /** @param {string} id @param {{seq: number}} acknowledgement */
  async acknowledged(id, { seq }) {
    const item = this.outbox.items.get(id);
    if (item && this.outbox.isOwn(item) && !this.shown.has(id)) this.stored.set(id, { ...item, seq });
    await this.finish(id);
  }

  /** The log shows it: however it got there, it is sent.
   *
   * @param {string} id */
  async arrived(id) {
    this.shown.add(id);
    if (this.stored.delete(id) || this.outbox.has(id)) await this.finish(id);
  }

  /** @param {string} id */
  async finish(id) {
    this.pauses = 0;
    this.pausedUntil = 0;
    const wasWaiting = this.outbox.has(id);
    const removed = this.outbox.remove(id);
    if (this.inFlight === id || (wasWaiting && !this.inFlight)) this.again();
    await removed;
    this.onchange();
  }

  /** @param {Stream.Refusal} refusal */
  async refused({ client_message_id: id, code, message, retry_after: retryAfter }) {
    if (!this.outbox.has(id)) return;
    if (GONE.has(code) && this.outbox.items.get(id).sentTo !== null) {
      await this.outbox.change(id, { sentTo: null });
    } else if (TRANSIENT.has(code)) {
      this.pauseFor(code, retryAfter);
    } else {
      await this.outbox.change(id, { failure: { code, message } });
    }
    if (this.inFlight === id) this.again();
    this.onchange();
  }

  /**
   * @param {string} code
   * @param {number | null} retryAfter
   */
  pauseFor(code, retryAfter) {
    const grown = Math.min(MAX_PAUSE, FIRST_PAUSE * 2 ** this.pauses);
    this.pauses += 1;
    this.reason = code;
    this.pausedUntil = Date.now() + (retryAfter ? retryAfter * 1000 : grown);
  }

  /** @param {string} id */
  async retry(id) {
    await this.outbox.change(id, { failure: null });
    this.onchange();
    void this.pump();
  }

  /** @param {string} id */
  async discard(id) {
    await this.outbox.remove(id);
    this.onchange();
  }

  /** Another tab wrote or sent something. That tab sends it; should it be gone, this one does. */
  async reload() {
    await this.outbox.load();
    for (const { id } of this.outbox.list()) if (this.shown.has(id)) await this.outbox.remove(id);
    this.onchange();
    clearTimeout(this.foreignTimer);
    this.foreignTimer = setTimeout(() => this.pump(), FOREIGN_AFTER);
  }
}
