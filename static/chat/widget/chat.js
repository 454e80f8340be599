import { Refused } from "../../stream/response.js";
import { Connection } from "./connection.js";
import { FIRST_PAGE, StreamLog } from "./log.js";
import { Receiver } from "./receiver.js";
import { Sender } from "./sender.js";
import { Session } from "./session.js";
import { Signals } from "./signals.js";

/** The visitor's side of a conversation: what is known, what waits, and how it gets there.
 *
 * `onchange()` is called after every change of the public fields; `onarrival(event)` for each
 * message that is new, not for history. */
export class Chat {
  /** @param {Widget.ChatParts} parts */
  constructor(parts) {
    const { api, storage, outbox, tabs, language, parentOrigin, onwarning } = parts;
    const { onchange, onarrival, onrefused } = parts;
    this.api = api;
    this.storage = storage;
    this.outbox = outbox;
    this.tabs = tabs;
    this.onchange = onchange;
    this.onarrival = onarrival;
    this.onrefused = onrefused;
    /** @type {Widget.Settings | null} */
    this.settings = null;
    /** Of the present one. @type {Widget.Conversation | null} */
    this.conversation = null;
    /** @type {StreamLog | null} */
    this.log = null;
    /** Of conversations that ended while this page was open. @type {StreamLog[]} */
    this.past = [];
    /** Null: not known yet. @type {boolean | null} */
    this.isTeamOnline = null;
    /** @type {Stream.Sender | null} */
    this.typing = null;
    this.teamSeen = 0;
    this.seen = 0;
    this.isVisible = false;
    this.isLoaded = false;
    this.isLive = false;
    this.known = 0;
    this.receiver = new Receiver(this);
    this.signals = new Signals((frame) => this.connection.send(frame));
    this.session = new Session({
      api,
      storage,
      language,
      parentOrigin,
      onsession: (answer, isCurrent) => this.takeSession(answer, isCurrent),
      onVisitorChanged: () => this.forgetConversation(),
      onOwnerChanged: () => this.changeOwner(),
      onwarning,
    });
    this.sender = new Sender({
      outbox,
      post: (frame) => this.connection.send(frame),
      target: () => (this.isOpen ? this.log.stream : null),
      onchange: () => this.changed(),
    });
    this.connection = new Connection({
      api,
      enter: () => this.session.enter(),
      resume: () => (this.log ? [this.position()] : []),
      position: () => this.position(),
      onready: () => this.ready(),
      onframe: (frame) => this.receiver.receive(frame),
      onstate: () => this.stateChanged(),
      onforbidden: (error) => this.onrefused(error),
    });
    tabs.onmessage = (message) => this.hear(message);
  }

  async start() {
    this.session.restore();
    this.outbox.owner = this.owner;
    await this.outbox.load();
    this.changed();
    this.connection.start();
  }

  get isOpen() {
    return this.log !== null && this.conversation?.status !== "closed";
  }

  /** Who of the team answers, or null. */
  get agent() {
    if (!this.isOpen || this.conversation.status === "bot") return null;
    if (this.conversation.person) return this.conversation.person;
    const last = this.log.entries.findLast(isAnswer)?.data.sender;
    return last?.type === "agent" ? last : null;
  }

  get hasUnsent() {
    return this.outbox.list().length > 0;
  }

  /** Whether something unsent is nowhere but in this page. */
  get hasUnkept() {
    return this.outbox.hasUnkept;
  }

  /** Whom the site proved the visitor to be, or "". */
  get owner() {
    return this.session.owner;
  }

  get state() {
    return this.connection.state;
  }

  get unread() {
    if (!this.log) return 0;
    return this.log.entries.filter(
      (event) => isAnswer(event) && event.seq > this.seen && !event.data.deleted_at,
    ).length;
  }

  position() {
    return this.log && { stream: this.log.stream, epoch: this.log.epoch, seq: this.log.seq };
  }

  // --- Coming in ---------------------------------------------------------------------------------

  /**
   * @param {Widget.SessionAnswer} answer
   * @param {() => boolean} isCurrent
   */
  async takeSession(answer, isCurrent) {
    this.settings = { ...answer.settings, maxTextLength: answer.max_text_length };
    const conversation = answer.conversation ?? (await this.lastConversation());
    if (!isCurrent()) return;
    if (conversation) this.adopt(conversation);
    else if (!this.log) this.isLoaded = true;
    this.changed();
  }

  /** The answer in a closed conversation may not have been read yet, so that one is shown again. */
  async lastConversation() {
    const stream = this.storage.get("stream");
    if (!stream || this.log) return null;
    try {
      return await this.api.head(stream);
    } catch (error) {
      if (!(error instanceof Refused) || error.status >= 500) throw error;
      this.storage.remove("stream");
      return null;
    }
  }

  /** It was another visitor's, or is gone; what is unsent goes into a new one. */
  forgetConversation() {
    this.storage.remove("stream");
    this.log = null;
    this.conversation = null;
  }

  /** Somebody else sees and sends nothing of what the one before left here. Who was nobody goes on
   * with all of it: they hold both, the browser and the proof. */
  changeOwner() {
    const { owner } = this;
    const former = this.outbox.owner;
    if (owner === former) return;
    this.sender.halt();
    this.isLive = false;
    if (former === "") void this.outbox.take(owner).then(() => this.sender.pump());
    else {
      this.outbox.owner = owner;
      this.sender.stored.clear();
      this.past = [];
      this.log = null;
      this.conversation = null;
      this.typing = null;
      this.isLoaded = false;
    }
    this.changed();
  }

  /** @param {Stream.Head} conversation */
  adopt(conversation) {
    this.conversation = {
      status: conversation.status,
      person: this.conversation?.person ?? null,
    };
    if (this.log?.stream !== conversation.stream) {
      const { stream, epoch, last_seq: last } = conversation;
      this.beginLog({ stream, epoch, seq: Math.max(0, last - FIRST_PAGE) });
      this.known = last;
      this.seen = conversation.customer_seen_seq ?? 0;
      this.teamSeen = conversation.agents_seen_seq ?? 0;
    }
    this.tabs.tell({ type: "stream", conversation, owner: this.owner });
  }

  /** @param {Stream.Position} start */
  beginLog(start) {
    if (this.log?.entries.length) this.past.push(this.log);
    this.log = new StreamLog(start);
    this.signals.renew();
    this.storage.set("stream", start.stream);
    this.isLoaded = false;
    this.isLive = false;
    this.typing = null;
    this.teamSeen = 0;
  }

  ready() {
    this.signals.renew();
    if (this.log) return; // what was stored of the outbox shows first: see resumed()
    this.becameLive();
  }

  becameLive() {
    this.isLoaded = true;
    this.isLive = true;
    this.sender.go();
    this.tellSeen();
    this.changed();
  }

  stateChanged() {
    if (this.state !== "online") {
      this.isLive = false;
      this.sender.halt();
      this.typing = null;
      this.receiver.isPulling = false;
    }
    this.changed();
  }

  // --- What the server says ----------------------------------------------------------------------

  /** @param {Stream.Event[]} events */
  take(events) {
    for (const event of this.log.take(events)) {
      if (event.kind === "conversation.changed") this.noteChange(event.data.change);
      this.log.edit(event);
      const own = event.data.client_message_id;
      if (own) void this.sender.arrived(own);
      if (event.kind !== "message.posted") continue;
      if (event.data.sender.type !== "customer") this.typing = null;
      if (this.isLoaded || event.seq > this.known) this.onarrival(event);
    }
    if (!this.log.hasGap) this.receiver.isPulling = false;
    this.tellSeen();
  }

  /** @param {Stream.Change} change */
  noteChange(change) {
    if (!change?.status) return;
    if (change.status === "closed") this.typing = null;
    // Whoever wrote last stays the face until somebody else writes, or the bot has it again.
    const isOver = change.name === "handed_back" || change.name === "closed";
    const person = isOver ? null : (change.joined ?? this.conversation?.person ?? null);
    this.conversation = { status: change.status, person };
  }

  /** @param {Stream.Acknowledgement} acknowledgement */
  switchTo({ stream, epoch }) {
    this.beginLog({ stream, epoch, seq: 0 });
    this.seen = 0;
    this.isLive = true;
    this.conversation = { status: this.settings?.bot_enabled ? "bot" : "open", person: null };
    this.isLoaded = true;
    this.tabs.tell({
      type: "stream",
      owner: this.owner,
      conversation: { stream, epoch, last_seq: 0, status: this.conversation.status },
    });
    this.receiver.pull();
  }

  // --- What the visitor does ---------------------------------------------------------------------

  /** @param {string} text */
  async send(text) {
    this.signals.sent();
    await this.sender.add(text);
    this.tabs.tell({ type: "outbox" });
  }

  /** @param {string} id */
  retry(id) {
    return this.sender.retry(id).then(() => this.tabs.tell({ type: "outbox" }));
  }

  /** @param {string} id */
  async discard(id) {
    await this.sender.discard(id);
    this.tabs.tell({ type: "outbox" });
  }

  /** @param {boolean} isWriting */
  writing(isWriting) {
    if (this.isOpen) this.signals.writing(this.log.stream, isWriting);
  }

  /** @param {boolean} isVisible */
  show(isVisible) {
    this.isVisible = isVisible;
    this.tellSeen();
    this.changed();
  }

  tellSeen() {
    if (!this.log || !this.isVisible) return;
    this.seen = Math.max(this.seen, this.log.seq);
    this.signals.reached(this.log.stream, this.seen);
  }

  async loadOlder() {
    const { log } = this;
    if (!log || log.floor === 0) return;
    const after = Math.max(0, log.floor - FIRST_PAGE);
    const page = await this.api.events(log.stream, {
      epoch: log.epoch,
      after,
      limit: log.floor - after,
    });
    log.takeOlder(page.events);
    for (const event of log.entries) log.edit(event);
    this.changed();
  }

  /** @param {Widget.Identity | null} identity */
  identify(identity) {
    this.session.identity = identity;
    this.changeOwner();
    this.enterAgain();
  }

  /** @param {string} language */
  setLanguage(language) {
    this.session.language = language;
    this.enterAgain();
  }

  enterAgain() {
    this.session.renew();
    if (this.connection.isRunning) this.connection.restart();
  }

  async reset() {
    this.connection.stop();
    await this.outbox.clear();
    this.storage.remove("stream");
    this.storage.remove(this.owner ? `draft:${this.owner}` : "draft");
    this.session.forget();
    this.tabs.tell({ type: "reset" });
  }

  // --- Other tabs of the same visitor ------------------------------------------------------------

  /** @param {Widget.Told} message */
  hear(message) {
    if (message.type === "outbox") void this.sender.reload();
    if (message.type === "reset") location.reload();
    if (message.type === "stream" && !this.isOpen && this.settings) {
      // That tab's visitor is another one by now; this one hears of it when it comes in again.
      if (message.owner !== this.owner) return;
      if (this.log?.stream === message.conversation.stream) return;
      this.adopt(message.conversation);
      this.connection.restart();
    }
  }

  changed() {
    this.onchange();
  }
}

/** @param {Stream.Event} event */
export function isAnswer(event) {
  return event.kind === "message.posted" && event.data.sender.type !== "customer";
}
