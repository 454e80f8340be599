// The open conversation: its entries by number, loaded upwards, resumed after a lost connection.
import { amend, isAmendment } from "./editing.js";
import { Refusal, get } from "./api.js";
import { Company } from "./company.js";
import { showDetails, STATUSES } from "./details.js";
import { Log } from "./log.js";
import { customerName, senderName } from "./names.js";
import { announce, byId, firstLetter, hueOf, me, setText } from "./page.js";
import { DETAIL } from "./shapes.js";
import { momentWords } from "./time.js";
import { setTitle } from "./title.js";
import { toast } from "../../app/toasts.js";
import { HISTORY } from "../../stream/shapes.js";
import { isolate } from "./text.js";

const PAGE = 50;
const NEAR_END_PX = 120;
const LOOKING_AGAIN_MS = 25_000;

export class OpenConversation extends EventTarget {
  /** @type {string | null} */
  id = null;
  row = null;
  epoch = null;
  top = 0;
  // The line of whoever writes pushes the end down; who was there stays there.
  company = new Company(() => {
    if (this.#wasAtEnd) this.#toEnd();
  });
  /** Called with the node and the entry of each message that is shown anew or was amended.
   *
   * @type {(node: HTMLElement, entry: Stream.Event) => void} */
  decorate = () => {};
  #entries = new Map();
  #hasMore = false;
  #loadingMore = false;
  #seenSeq = 0;
  #saidSeen = 0;
  #missed = 0;
  #generation = 0;
  #log = new Log();
  #wasAtEnd = true;
  #scroll = byId("log-scroll");
  #connection;
  #outbox;

  constructor(connection, outbox) {
    super();
    this.#connection = connection;
    this.#outbox = outbox;
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    byId("jump-down").addEventListener("click", () => this.#toEnd());
    document.addEventListener("visibilitychange", () => this.#look());
    window.addEventListener("focus", () => this.#look());
    // Repeated while it stays in view: this is how colleagues learn who is looking.
    setInterval(() => this.#sayLooking(), LOOKING_AGAIN_MS);
    outbox.addEventListener("change", ({ detail: item }) => {
      if (item.stream === this.stream) this.#paint();
    });
  }

  get stream() {
    return this.id && `conversation:${this.id}`;
  }

  get position() {
    return this.id && this.epoch ? { stream: this.stream, epoch: this.epoch, seq: this.top } : null;
  }

  /** Whether this conversation is before the reader's eyes.
   *
   * @param {string} id */
  isLookedAt(id) {
    return id === this.id && this.#isInView();
  }

  /** Whether the reader has seen everything that this row tells of.
   *
   * @param {Inbox.Row} row */
  hasRead(row) {
    return row.id === this.id && this.#saidSeen >= row.last_seq;
  }

  /** Show a conversation from what the page holds already. */
  show({ detail, history }) {
    this.#begin(detail.conversation.id);
    this.#takeSnapshot({ detail, history });
    this.#toEnd();
    this.#look();
  }

  /** Load a conversation and show it; answers whether it is there.
   *
   * @param {string} id
   * @param {Inbox.Row | null} [row] */
  async open(id, row = null) {
    this.#begin(id);
    if (row) this.setRow(row);
    byId("conversation").dataset.loading = "";
    const generation = this.#generation;
    let snapshot;
    try {
      snapshot = await this.#snapshot(id);
    } catch (error) {
      if (generation !== this.#generation) return true;
      return this.#notOpened(error);
    }
    if (generation !== this.#generation) return true;
    this.#takeSnapshot(snapshot);
    this.#connection.send({ type: "stream.pull", stream: this.stream, after: this.top });
    this.#toEnd();
    this.#look();
    return true;
  }

  close() {
    this.#begin(null);
    this.row = null;
    byId("conversation").dataset.empty = "";
    byId("details").dataset.empty = "";
    delete byId("conversation").dataset.loading;
  }

  /** Load everything anew, as a page reload would. */
  async reload() {
    if (!this.id) return;
    const generation = this.#generation;
    const wasAtEnd = this.#isAtEnd();
    try {
      const snapshot = await this.#snapshot(this.id);
      if (generation !== this.#generation) return;
      this.#entries.clear();
      this.#log.clear();
      this.top = 0;
      this.#takeSnapshot(snapshot);
      if (wasAtEnd) this.#toEnd();
    } catch (error) {
      if (generation === this.#generation) this.#notOpened(error);
    }
  }

  /** After a lost connection the events come by themselves; who it is and whose may have changed. */
  async refreshDetail() {
    if (!this.id) return;
    const generation = this.#generation;
    try {
      const detail = await get(`conversations/${this.id}`, DETAIL);
      if (generation !== this.#generation) return;
      this.#takeDetail(detail);
      this.#paint();
    } catch (error) {
      if (generation === this.#generation) this.#notOpened(error);
    }
  }

  /** @param {Inbox.Row} row */
  setRow(row) {
    if (row.id !== this.id) return;
    this.row = row;
    this.#seenSeq = Math.max(this.#seenSeq, row.customer_seen_seq);
    this.#paintHead();
    this.dispatchEvent(new CustomEvent("row", { detail: row }));
  }

  /** Take events of this stream, in whatever order they come.
   *
   * @param {Stream.Event[]} events */
  accept(events) {
    const wasAtEnd = this.#isAtEnd();
    const news = events.filter((event) => !this.#entries.has(event.seq));
    for (const event of news) {
      this.#entries.set(event.seq, event);
      this.company.hasWritten(event.data.sender?.id);
      const mine = event.data.client_message_id;
      if (mine) this.#outbox.confirmed(mine);
    }
    this.#closeRanks();
    if (!news.length) return;
    this.#paint();
    if (wasAtEnd) this.#toEnd();
    this.#tell(news);
    this.#look();
  }

  /** One event as it happens; one that is ahead of the others shows a gap, which is asked for. */
  receive(event) {
    if (this.epoch && event.seq > this.top + 1) {
      this.#connection.send({ type: "stream.pull", stream: this.stream, after: this.top });
    }
    this.accept([event]);
  }

  /** @param {Stream.Frame} frame */
  resumed(frame) {
    if (!frame.recovered || frame.epoch !== this.epoch) {
      void this.reload();
      return;
    }
    this.accept(frame.events);
    this.#sayLooking();
  }

  /** A message of ours is stored: show it under its number without waiting for the event.
   *
   * @param {Stream.Content} content */
  acknowledged(ack, content) {
    this.receive({
      seq: ack.seq,
      kind: "message.posted",
      data: {
        message_id: ack.message_id,
        sender: { id: me.id, type: "agent", name: me.name },
        content,
        timestamp: ack.timestamp,
        client_message_id: ack.client_message_id,
      },
    });
  }

  /** @param {number} top */
  behind(top) {
    if (this.epoch && top > this.top) {
      this.#connection.send({ type: "stream.pull", stream: this.stream, after: this.top });
    }
  }

  /** Give the messages that are loaded, oldest first. */
  messages() {
    return [...this.#entries.values()]
      .filter(({ kind }) => kind === "message.posted")
      .sort((a, b) => a.seq - b.seq);
  }

  /** @param {Stream.Frame} frame */
  receipts(frame) {
    this.#seenSeq = Math.max(this.#seenSeq, frame.customer_seen_seq ?? 0);
    this.#paint();
  }

  /** @param {string} id */
  #begin(id) {
    this.#generation += 1;
    this.id = id;
    this.epoch = null;
    this.top = 0;
    this.#entries.clear();
    this.#hasMore = false;
    this.#seenSeq = 0;
    this.#saidSeen = 0;
    this.#missed = 0;
    this.company.clear();
    this.#log.clear();
    if (id) {
      delete byId("conversation").dataset.empty;
      delete byId("details").dataset.empty;
    }
    this.dispatchEvent(new CustomEvent("begun", { detail: id }));
  }

  /** @param {string} id */
  async #snapshot(id) {
    const [detail, history] = await Promise.all([
      get(`conversations/${id}`, DETAIL),
      get(`conversations/${id}/messages`, HISTORY, { limit: PAGE }),
    ]);
    return { detail, history };
  }

  #takeSnapshot({ detail, history }) {
    delete byId("conversation").dataset.loading;
    this.epoch = history.epoch;
    this.#hasMore = history.has_more;
    for (const event of history.events) this.#entries.set(event.seq, event);
    this.top = history.events.at(-1)?.seq ?? 0;
    this.#closeRanks();
    this.#takeDetail(detail);
    this.#paint();
  }

  /** @param {Inbox.Detail} detail */
  #takeDetail(detail) {
    this.#saidSeen = Math.max(this.#saidSeen, detail.seen_seq);
    showDetails(detail);
    this.setRow(detail.conversation);
    this.dispatchEvent(new CustomEvent("detail", { detail: detail.conversation }));
  }

  #closeRanks() {
    while (this.#entries.has(this.top + 1)) this.top += 1;
  }

  #notOpened(error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 404) {
      toast(error.message, { kind: "error" });
      this.dispatchEvent(new Event("gone"));
      return false;
    }
    if (!error.isTemporary) toast(error.message, { kind: "error" });
    return true;
  }

  async #loadEarlier() {
    if (!this.#hasMore || this.#loadingMore) return;
    const generation = this.#generation;
    const oldest = Math.min(...this.#entries.keys());
    this.#loadingMore = true;
    byId("log-top").hidden = false;
    try {
      const page = await get(`conversations/${this.id}/messages`, HISTORY, {
        before: oldest,
        limit: PAGE,
      });
      if (generation !== this.#generation) return;
      this.#hasMore = page.has_more;
      for (const event of page.events) this.#entries.set(event.seq, event);
      byId("log-top").hidden = true;
      // What one reads must not move: measure from the end.
      const fromEnd = this.#scroll.scrollHeight - this.#scroll.scrollTop;
      this.#paint();
      this.#scroll.scrollTop = this.#scroll.scrollHeight - fromEnd;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      toast(error.message, { kind: "error" });
    } finally {
      byId("log-top").hidden = true;
      this.#loadingMore = false;
    }
  }

  #scrolled() {
    if (this.#scroll.scrollTop < 300) void this.#loadEarlier();
    this.#wasAtEnd = this.#isAtEnd();
    if (this.#wasAtEnd) {
      this.#missed = 0;
      this.#look();
    }
    this.#paintJump();
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#missed = 0;
    this.#paintJump();
  }

  /** Tell of what others wrote: to eyes that are elsewhere, and to ears.
   *
   * @param {Stream.Event[]} news */
  #tell(news) {
    const others = news.filter(
      ({ kind, data }) => kind === "message.posted" && data.sender.id !== me.id,
    );
    if (!others.length) return;
    if (!this.#isAtEnd()) {
      this.#missed += others.length;
      this.#paintJump();
    }
    const { sender, content } = others.at(-1).data;
    announce(`${isolate(senderName(sender, this.row))}: ${content.text ?? ""}`);
    const colleague = others.findLast(
      ({ data }) => data.sender.type === "agent" && data.content.type !== "note",
    );
    if (colleague) {
      this.dispatchEvent(new CustomEvent("colleague", { detail: colleague.data.sender.name }));
    }
  }

  #isInView() {
    const isActive = document.visibilityState === "visible" && document.hasFocus();
    // On a phone the list may cover it.
    return isActive && this.id !== null && this.#scroll.offsetParent !== null;
  }

  /** Everything up to the end is on the screen: say so once. */
  #look() {
    if (!this.#isInView() || !this.#isAtEnd() || this.top <= this.#saidSeen) return;
    this.#sayLooking();
  }

  #sayLooking() {
    if (!this.#isInView() || !this.epoch) return;
    const seq = this.#isAtEnd() ? this.top : this.#saidSeen;
    if (!this.#connection.send({ type: "stream.seen", stream: this.stream, seq })) return;
    this.#saidSeen = Math.max(this.#saidSeen, seq);
    if (seq === this.top) this.dispatchEvent(new CustomEvent("read", { detail: this.id }));
  }

  #paint() {
    if (!this.id) return;
    amend(this.#entries);
    const entries = [...this.#entries.values()]
      .filter((entry) => !isAmendment(entry))
      .sort((a, b) => a.seq - b.seq);
    const about = { seenSeq: this.#seenSeq, row: this.row };
    this.#log.show(entries, this.#outbox.of(this.stream), about, {
      retry: (id) => this.#outbox.retry(id),
      discard: (id) => this.#outbox.discard(id),
      decorate: (node, entry) => this.decorate(node, entry),
    });
  }

  #paintHead() {
    const { row } = this;
    const name = customerName(row.customer);
    setText(byId("conversation-name"), name);
    const initials = byId("conversation-initials");
    initials.dataset.hue = hueOf(row.customer.id);
    setText(initials, firstLetter(name));
    let status = STATUSES[row.status]();
    if (row.status === "snoozed" && row.snoozed_until) {
      status = interpolate(gettext("Snoozed until %s"), [momentWords(new Date(row.snoozed_until))]);
    }
    const owner = row.assignee
      ? row.assignee.id === me.id ? gettext("yours") : row.assignee.name
      : row.status === "open" ? gettext("nobody's yet") : "";
    setText(byId("conversation-sub"), owner ? `${status} · ${owner}` : status);
    byId("conversation-sub").dataset.status = row.status;
    setTitle(`${isolate(name)} · NextFlow`);
  }

  #paintJump() {
    const button = byId("jump-down");
    button.hidden = this.#isAtEnd();
    setText(
      button.querySelector("span"),
      this.#missed
        ? interpolate(ngettext("%s new message", "%s new messages", this.#missed), [this.#missed])
        : gettext("To the newest"),
    );
  }
}
