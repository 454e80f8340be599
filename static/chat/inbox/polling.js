// The same over HTTP, for networks that let no socket through: slower, but nothing is missing.
import { Refusal, call, get } from "./api.js";
import { COUNTS } from "./shapes.js";
import { eventPage, postedMessage, SEEN } from "../../stream/shapes.js";

const EVERY_MS = 5_000;
const AFTER_FAILURES = 2;
const RETRY_SECONDS = 5;
const PAGE = 300;

/** @param {string} stream */
const path = (stream, rest) => `streams/${encodeURIComponent(stream)}/${rest}`;

export class Polling {
  #timer = null;
  #parts;

  /** parts: {connection, list, conversation, outbox, working(isWorking)}. */
  constructor(parts) {
    this.#parts = parts;
    parts.connection.addEventListener("state", ({ detail: { state } }) => {
      if (state === "live" || state === "refused") this.#stop();
      else if (parts.connection.failures >= AFTER_FAILURES) this.#start();
    });
  }

  #start() {
    if (this.#timer !== null) return;
    this.#parts.connection.fallback = (frame) => this.#send(frame);
    this.#timer = setTimeout(() => this.#poll(), 0);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#parts.connection.fallback = null;
  }

  async #poll() {
    const { list, conversation, outbox, working } = this.#parts;
    let isWorking = true;
    try {
      await this.#pull(conversation);
      await list.reload();
    } catch (error) {
      // A defect of ours is reported; it must not end the polling, which nothing would begin again.
      if (!(error instanceof Refusal)) reportError(error);
      isWorking = false;
    }
    // A socket may have got through meanwhile; then this has nothing more to say.
    if (this.#timer === null) return;
    working(isWorking);
    if (isWorking) outbox.pump();
    this.#timer = setTimeout(() => this.#poll(), EVERY_MS);
  }

  async #pull(conversation) {
    if (!conversation.position) {
      // Also the question whether the server is there at all.
      await get("inbox/counts", COUNTS);
      return;
    }
    const { stream, epoch, seq } = conversation.position;
    const told = await get(path(stream, "events"), eventPage(stream), {
      epoch,
      after: seq,
      limit: PAGE,
    });
    if (stream !== conversation.stream) return;
    conversation.resumed(told);
    await conversation.refreshDetail();
  }

  #send(frame) {
    if (frame.type === "message.post") void this.#post(frame);
    else if (frame.type === "stream.seen") void this.#seen(frame);
    else return false;
    return true;
  }

  async #post(frame) {
    const { conversation, outbox } = this.#parts;
    try {
      const stored = await call("POST", path(frame.stream, "messages"), {
        shape: postedMessage(frame.client_message_id),
        body: { content: frame.content },
        headers: { "Idempotency-Key": frame.client_message_id },
      });
      if (stored.stream === conversation.stream) conversation.acknowledged(stored, frame.content);
      outbox.confirmed(frame.client_message_id);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const wait = error.retryAfter ?? (error.isTemporary ? RETRY_SECONDS : null);
      outbox.refused(frame.client_message_id, error.code, error.message, wait);
    }
  }

  async #seen(frame) {
    try {
      await call("POST", path(frame.stream, "seen"), { shape: SEEN, body: { seq: frame.seq } });
    } catch (error) {
      // The next sign of reading says the same.
      if (!(error instanceof Refusal)) throw error;
    }
  }
}
