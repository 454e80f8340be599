/** One WebSocket of the stream protocol, from its hello to its end; a heartbeat that stays away ends
 * it.
 *
 * `hello()` returns the first frame. `onframe(frame)` gets every frame after `welcome`;
 * `onend({wasWelcomed, code})` comes once, with code 0 where the other side did not close it. */

const WELCOME_WITHIN_MS = 10_000;
const MISSED_HEARTBEATS = 2.5;
const HEARTBEAT_SECONDS = 25;

export class Socket {
  /** @param {Stream.SocketParts} parts */
  constructor({ url, hello, onwelcome, onframe, onend, heartbeatSeconds = HEARTBEAT_SECONDS }) {
    this.onwelcome = onwelcome;
    this.onframe = onframe;
    this.onend = onend;
    this.heartbeatSeconds = heartbeatSeconds;
    this.wasWelcomed = false;
    this.hasEnded = false;
    this.socket = new WebSocket(url);
    this.socket.onopen = () => this.write(hello());
    this.socket.onmessage = (message) => this.receive(message.data);
    this.socket.onclose = (event) => this.end(event.code);
    this.watch(WELCOME_WITHIN_MS);
  }

  /** @param {string} data */
  receive(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return; // not ours; the protocol knows JSON only
    }
    if (typeof frame?.type !== "string") return;
    if (frame.type === "welcome") {
      this.wasWelcomed = true;
      this.heartbeatSeconds = frame.heartbeat_seconds ?? this.heartbeatSeconds;
      this.onwelcome(frame);
    } else {
      this.onframe(frame);
    }
    if (this.wasWelcomed) this.watch(this.heartbeatSeconds * MISSED_HEARTBEATS * 1000);
  }

  /** @param {Stream.Sent} frame */
  send(frame) {
    if (!this.wasWelcomed || this.socket.readyState !== WebSocket.OPEN) return false;
    this.write(frame);
    return true;
  }

  /** @param {Stream.Sent} frame */
  write(frame) {
    this.socket.send(JSON.stringify(frame));
  }

  /** Any frame shows that the server is there; silence for this long shows that it is not.
   *
   * @param {number} milliseconds */
  watch(milliseconds) {
    clearTimeout(this.alarm);
    this.alarm = setTimeout(() => this.close(), milliseconds);
  }

  close() {
    // A dead network may take minutes to report the close, so the end is told at once.
    this.socket.close();
    this.end(0);
  }

  /** @param {number} code */
  end(code) {
    if (this.hasEnded) return;
    this.hasEnded = true;
    clearTimeout(this.alarm);
    this.socket.onmessage = null;
    this.onend({ wasWelcomed: this.wasWelcomed, code });
  }
}
