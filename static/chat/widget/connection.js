import { Backoff } from "../../stream/backoff.js";
import { Refused } from "../../stream/response.js";
import { Socket } from "../../stream/socket.js";
import { Poll } from "./poll.js";

const SOCKET_FAILURES_BEFORE_POLLING = 3;
const BACK_TO_SOCKETS_AFTER = 60_000;
// Shorter than this was no connection: the pauses go on growing, or a refused client would hammer.
const STEADY_AFTER = 5_000;

/** Keeps one way to the server open: a socket, else long polling, else tries again and again.
 *
 * `enter()` gives `{ticket, websocket_path, heartbeat_seconds}`, null where it is to be asked again,
 * or throws; `resume()` and
 * `position()` say where the page stands; `onstate` is told "connecting", "online" or "offline". */
export class Connection {
  /** @param {Widget.ConnectionParts} parts */
  constructor({ api, enter, resume, position, onframe, onready, onstate, onforbidden, backoff }) {
    this.api = api;
    this.enter = enter;
    this.resume = resume;
    this.position = position;
    this.onframe = onframe;
    this.onready = onready;
    this.onstate = onstate;
    this.onforbidden = onforbidden;
    this.backoff = backoff ?? new Backoff();
    this.socketFailures = 0;
    /** @type {Widget.Way | null} */
    this.way = null;
    /** @type {"socket" | "poll" | null} */
    this.mode = null;
    this.isRunning = false;
    this.isTrying = false;
    /** Which try counts: one that was under way at a stop comes too late to open anything. */
    this.tries = 0;
    /** @type {Widget.LinkState} */
    this.state = "connecting";
    window.addEventListener("online", () => this.hurry());
    window.addEventListener("offline", () => this.way?.close());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.hurry();
    });
  }

  start() {
    this.isRunning = true;
    void this.try();
  }

  stop() {
    this.isRunning = false;
    this.isTrying = false;
    this.tries += 1;
    clearTimeout(this.timer);
    clearTimeout(this.returnTimer);
    const way = this.way;
    this.way = null;
    way?.close();
  }

  /** Give up the present way; the next one comes after a pause. */
  drop() {
    this.way?.close();
  }

  restart() {
    this.stop();
    this.start();
  }

  /** @param {Stream.Sent} frame */
  send(frame) {
    return this.state === "online" && (this.way?.send(frame) ?? false);
  }

  /** There is reason to believe that the way is free: do not wait out the pause. */
  hurry() {
    if (!this.isRunning || this.way || this.isTrying) return;
    this.backoff.reset();
    void this.try();
  }

  async try() {
    clearTimeout(this.timer);
    this.isTrying = true;
    this.tries += 1;
    const { tries } = this;
    let entry;
    try {
      entry = await this.enter();
    } catch (error) {
      if (tries !== this.tries) return;
      this.isTrying = false;
      if (error instanceof Refused && error.status < 500 && error.status !== 429) {
        this.isRunning = false;
        this.onforbidden(error);
        return;
      }
      this.later("offline", error.retryAfter);
      return;
    }
    if (tries !== this.tries) return;
    this.isTrying = false;
    if (this.way) return;
    if (!entry) this.later("connecting");
    else if (this.socketFailures >= SOCKET_FAILURES_BEFORE_POLLING) this.poll();
    else this.openSocket(entry);
  }

  openSocket(entry) {
    const url = new URL(entry.websocket_path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new Socket({
      url: url.href,
      hello: () => ({ type: "hello", protocol: 1, ticket: entry.ticket, resume: this.resume() }),
      heartbeatSeconds: entry.heartbeat_seconds,
      onwelcome: () => {
        this.socketFailures = 0;
        this.arrived("socket");
      },
      onframe: (frame) => this.onframe(frame),
      onend: ({ wasWelcomed }) => this.ended(socket, wasWelcomed),
    });
    this.way = socket;
  }

  poll() {
    const poll = new Poll({
      api: this.api,
      position: () => this.position(),
      onframe: (frame) => this.onframe(frame),
      onend: () => this.ended(poll, true),
    });
    this.way = poll;
    this.arrived("poll");
    this.returnTimer = setTimeout(() => {
      // One try is enough to learn whether sockets pass again.
      this.socketFailures = SOCKET_FAILURES_BEFORE_POLLING - 1;
      poll.close();
    }, BACK_TO_SOCKETS_AFTER);
  }

  /** @param {"socket" | "poll"} mode */
  arrived(mode) {
    this.mode = mode;
    this.arrivedAt = Date.now();
    this.tellState("online");
    this.onready();
  }

  /**
   * @param {Widget.Way} way
   * @param {boolean} wasWelcomed
   */
  ended(way, wasWelcomed) {
    if (this.way !== way) return;
    this.way = null;
    clearTimeout(this.returnTimer);
    if (!this.isRunning) return;
    if (!wasWelcomed) this.socketFailures += 1;
    else if (Date.now() - this.arrivedAt > STEADY_AFTER) this.backoff.reset();
    this.later("connecting");
  }

  /**
   * @param {Widget.LinkState} state
   * @param {number | null} [retryAfter]
   */
  later(state, retryAfter = null) {
    this.mode = null;
    this.tellState(navigator.onLine ? state : "offline");
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.try(),
      Math.max(this.backoff.next(), (retryAfter ?? 0) * 1000),
    );
  }

  /** @param {Widget.LinkState} state */
  tellState(state) {
    if (state === this.state) return;
    this.state = state;
    this.onstate(state);
  }
}
