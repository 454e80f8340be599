import { matches } from "../../stream/response.js";
import { acknowledgementOf } from "../../stream/shapes.js";
import { FIRST_PAGE, StreamLog } from "./log.js";

const ACK_AHEAD = 1_000;
const PULL_PATIENCE = 5_000;
const TYPING_LASTS = 10_000;

/** What the server's frames mean to a chat, and asking for those that did not come. */
export class Receiver {
  /** @param {Widget.Chat} chat */
  constructor(chat) {
    this.chat = chat;
    this.isPulling = false;
    this.isLoadingSnapshot = false;
  }

  /** @param {Stream.Frame} frame */
  receive(frame) {
    /** @type {Record<string, (frame: any) => void>} */
    const handlers = {
      "stream.resumed": this.resumed,
      event: this.event,
      "message.ack": this.acknowledged,
      refused: this.refused,
      heartbeat: this.heartbeat,
      receipts: this.receipts,
      typing: this.typed,
      presence: this.present,
    };
    handlers[frame.type]?.call(this, frame);
  }

  /** @param {Stream.Page} frame */
  resumed(frame) {
    if (frame.stream !== this.chat.log?.stream) return;
    this.isPulling = false;
    if (!frame.recovered) {
      void this.loadSnapshot(frame);
      return;
    }
    this.chat.log.epoch = frame.epoch ?? this.chat.log.epoch;
    this.chat.take(frame.events);
    if (this.chat.log.isBehind(frame.to)) this.pull();
    else if (!this.chat.isLive) this.chat.becameLive();
    this.chat.changed();
  }

  /** @param {Stream.Page} frame */
  async loadSnapshot({ stream, epoch, to }) {
    if (this.isLoadingSnapshot) return;
    this.isLoadingSnapshot = true;
    const after = Math.max(0, to - FIRST_PAGE);
    try {
      const page = await this.chat.api.events(stream, { epoch, after, limit: FIRST_PAGE });
      if (this.chat.log?.stream !== stream) return;
      this.chat.log = new StreamLog({ stream, epoch: page.epoch ?? epoch, seq: after });
      this.chat.seen = Math.min(this.chat.seen, to);
      this.chat.take(page.events);
      this.chat.becameLive();
    } catch {
      // The server went away in between; the next connection starts over from here.
      this.chat.connection.drop();
    } finally {
      this.isLoadingSnapshot = false;
    }
  }

  /** @param {Stream.Event & {stream: string}} frame */
  event(frame) {
    if (frame.stream !== this.chat.log?.stream) return;
    this.chat.take([frame]);
    if (this.chat.log.hasGap) this.pull();
    this.chat.changed();
  }

  /** @param {Stream.Acknowledgement} frame */
  acknowledged(frame) {
    const id = frame.client_message_id;
    if (!matches(frame, acknowledgementOf(id))) return;
    if (frame.stream && frame.stream !== this.chat.log?.stream) this.chat.switchTo(frame);
    void this.chat.sender.acknowledged(id, frame);
    if (this.chat.log?.isBehind(frame.seq)) this.pullSoon(frame.seq);
    this.chat.changed();
  }

  /** @param {Stream.Refusal} frame */
  refused(frame) {
    this.isPulling = false;
    if (frame.client_message_id) void this.chat.sender.refused(frame);
    else if (frame.code === "conversation_not_found" && frame.stream === this.chat.log?.stream) {
      this.chat.forgetConversation();
      this.chat.becameLive();
    }
    this.chat.changed();
  }

  /** @param {{last_seqs?: Record<string, number>}} frame */
  heartbeat({ last_seqs }) {
    const top = last_seqs?.[this.chat.log?.stream];
    if (top !== undefined && this.chat.log.isBehind(top)) this.pull();
  }

  /** @param {Stream.Receipts} frame */
  receipts(frame) {
    if (frame.stream !== this.chat.log?.stream) return;
    this.chat.teamSeen = Math.max(this.chat.teamSeen, frame.agents_seen_seq ?? 0);
    this.chat.seen = Math.max(this.chat.seen, frame.customer_seen_seq ?? 0);
    this.chat.changed();
  }

  /** @param {Stream.Typing} frame */
  typed(frame) {
    if (frame.stream !== this.chat.log?.stream) return;
    clearTimeout(this.typingTimer);
    this.chat.typing = frame.is_typing === false ? null : { ...frame.sender };
    this.typingTimer = setTimeout(() => {
      this.chat.typing = null;
      this.chat.changed();
    }, TYPING_LASTS);
    this.chat.changed();
  }

  /** @param {Stream.Presence} frame */
  present(frame) {
    this.chat.isTeamOnline = frame.agents_online ?? this.chat.isTeamOnline;
    this.chat.changed();
  }

  pull() {
    if (this.isPulling) return;
    const { log } = this.chat;
    this.isPulling = this.chat.connection.send({
      type: "stream.pull",
      stream: log.stream,
      after: log.seq,
    });
    clearTimeout(this.pullTimer);
    this.pullTimer = setTimeout(() => {
      this.isPulling = false;
      if (this.chat.log === log && log.hasGap) this.pull();
    }, PULL_PATIENCE);
  }

  /** An ack may overtake its event by a moment; only one that stays away is asked for.
   *
   * @param {number} seq */
  pullSoon(seq) {
    const { log } = this.chat;
    setTimeout(() => {
      if (this.chat.log === log && log.isBehind(seq)) this.pull();
    }, ACK_AHEAD);
  }
}
