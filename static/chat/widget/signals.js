/** What is told by the way and never stored: that the visitor writes, and how far they have read. */

const SEEN_EVERY = 1_000;
const TYPING_EVERY = 3_000;

export class Signals {
  /** @param {(frame: Stream.Sent) => boolean} send */
  constructor(send) {
    this.send = send;
    this.typingSince = 0;
    this.told = 0;
    /** What is to be told. @type {{stream: string, seq: number} | null} */
    this.seen = null;
  }

  /**
   * @param {string} stream
   * @param {boolean} isWriting
   */
  writing(stream, isWriting) {
    const now = Date.now();
    if (isWriting ? now - this.typingSince < TYPING_EVERY : !this.typingSince) return;
    this.typingSince = isWriting ? now : 0;
    this.send({ type: isWriting ? "typing.start" : "typing.stop", stream });
  }

  /** A message that was sent ends the writing by itself. */
  sent() {
    this.typingSince = 0;
  }

  /** Tell a position at most once a second, and the newest one in any case.
   *
   * @param {string} stream
   * @param {number} seq */
  reached(stream, seq) {
    this.seen = { stream, seq };
    if (this.timer || seq <= this.told) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      if (!this.seen || this.seen.seq <= this.told) return;
      if (this.send({ type: "stream.seen", ...this.seen })) this.told = this.seen.seq;
    }, SEEN_EVERY);
  }

  /** Another connection or conversation: what was told before says nothing here. */
  renew() {
    this.told = 0;
  }
}
