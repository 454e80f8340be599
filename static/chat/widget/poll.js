import { Refused, Unreachable } from "../../stream/response.js";

const WAIT_SECONDS = 25;
const PAGE = 300;
// Without a stream there is nothing to wait on; other tabs tell through the outbox's channel.
const IDLE = 5_000;
const SNAPSHOT = 1_000;

/** The stream protocol over HTTP, speaking the socket's frames, where sockets are blocked. */
export class Poll {
  /** @param {Widget.PollParts} parts */
  constructor({ api, position, onframe, onend }) {
    this.api = api;
    this.position = position;
    this.onframe = onframe;
    this.onend = onend;
    this.wasWelcomed = true;
    this.stopped = new AbortController();
    void this.run();
  }

  async run() {
    while (!this.stopped.signal.aborted) {
      const position = this.position();
      if (!position) {
        await pause(IDLE, this.stopped.signal);
        continue;
      }
      try {
        const page = await this.api.events(position.stream, {
          epoch: position.epoch,
          after: position.seq,
          limit: PAGE,
          wait: WAIT_SECONDS,
          signal: this.stopped.signal,
        });
        if (this.stopped.signal.aborted) return;
        this.onframe({ ...page, type: "stream.resumed" });
        // Meanwhile the page loads a snapshot, and stands somewhere else after that.
        if (!page.recovered) await pause(SNAPSHOT, this.stopped.signal);
      } catch (error) {
        this.end(error);
      }
    }
  }

  /** @param {Stream.Sent} frame */
  send(frame) {
    if (this.stopped.signal.aborted) return false;
    if (frame.type === "message.post") void this.post(frame);
    else if (frame.type === "stream.seen") void this.quietly(this.api.seen(frame.stream, frame.seq));
    // The rest is state that only a socket carries, or what the next poll brings by itself.
    return true;
  }

  /** @param {Extract<Stream.Sent, {type: "message.post"}>} frame */
  async post(frame) {
    try {
      const stored = await this.api.post(frame.stream, frame);
      // By now somebody else may write here. The message is sent again, and is stored once.
      if (this.stopped.signal.aborted) return;
      this.onframe({
        type: "message.ack",
        client_message_id: frame.client_message_id,
        ...stored,
      });
    } catch (error) {
      if (!(error instanceof Refused)) {
        this.end(error);
        return;
      }
      if (this.stopped.signal.aborted) return;
      this.onframe({
        type: "refused",
        code: error.code,
        message: error.message,
        client_message_id: frame.client_message_id,
        retry_after: error.retryAfter,
      });
    }
  }

  async quietly(request) {
    try {
      await request;
    } catch (error) {
      this.end(error);
    }
  }

  close() {
    this.end(null);
  }

  end(error) {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    // The next connection starts over, whatever ended this one; a defect of ours is only reported.
    const isExpected = !error || error instanceof Refused || error instanceof Unreachable;
    if (!isExpected) reportError(error);
    this.onend({ wasWelcomed: true, error });
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
