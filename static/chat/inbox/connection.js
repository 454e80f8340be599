// One socket to /ws/inbox/: comes back by itself, spreads its attempts, and says how it is doing.
//
// Events: "state" (detail: connecting | live | waiting | refused), "lost", and one per frame type.
import { me } from "./page.js";

const PROTOCOL = 1;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;
const RESTART_SPREAD_MS = 3_000;
const TOO_FAST_DELAY_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
const HEARTBEATS_MISSED = 2.5;
const PROTOCOL_FAILURES = 3;

export const Close = {
  restart: 1012,
  ticket: 4401,
  forbidden: 4403,
  protocol: 4409,
  fast: 4429,
};

export class Connection extends EventTarget {
  state = "connecting";
  failures = 0;
  /** Takes frames while there is no socket: (frame) => whether it did. */
  fallback = null;
  #socket = null;
  #retryTimer = null;
  #silenceTimer = null;
  #heartbeatMs = 25_000;
  #positions;

  /** positions() gives the streams to resume: [{stream, epoch, seq}]. */
  constructor(positions) {
    super();
    this.#positions = positions;
    window.addEventListener("online", () => this.#now());
    window.addEventListener("offline", () => this.#giveUp());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.state === "waiting") this.#now();
    });
  }

  get isLive() {
    return this.state === "live";
  }

  connect() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#become("connecting");
    const scheme = window.location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${window.location.host}/ws/inbox/`);
    this.#socket = socket;
    this.#expectLife(CONNECT_TIMEOUT_MS);
    socket.addEventListener("open", () => {
      socket.send(
        JSON.stringify({
          type: "hello",
          protocol: PROTOCOL,
          organization: me.organization,
          resume: this.#positions(),
        }),
      );
    });
    socket.addEventListener("message", ({ data }) => this.#receive(socket, data));
    socket.addEventListener("close", ({ code }) => this.#ended(socket, code));
  }

  /** Hand a frame to the socket or what stands in for it; false when there is neither.
   *
   * @param {Stream.Sent} frame */
  send(frame) {
    if (!this.isLive) return this.fallback?.(frame) ?? false;
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /**
   * @param {WebSocket} socket
   * @param {string} data
   */
  #receive(socket, data) {
    if (socket !== this.#socket) return;
    const frame = readFrame(data);
    if (frame === null) return;
    if (frame.type === "welcome") {
      this.failures = 0;
      this.#heartbeatMs = frame.heartbeat_seconds * 1000;
      this.#become("live");
    }
    this.#expectLife(this.#heartbeatMs * HEARTBEATS_MISSED);
    this.dispatchEvent(new CustomEvent(frame.type, { detail: frame }));
  }

  /** A socket that says nothing for this long is dead, whatever the browser thinks.
   *
   * @param {number} ms */
  #expectLife(ms) {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#giveUp(), ms);
  }

  /** End a socket without waiting for the other side to agree: it may be out of reach. */
  #giveUp() {
    const socket = this.#socket;
    if (socket === null) return;
    socket.close();
    this.#ended(socket, 0);
  }

  /**
   * @param {WebSocket} socket
   * @param {number} code
   */
  #ended(socket, code) {
    if (socket !== this.#socket) return;
    clearTimeout(this.#silenceTimer);
    this.#socket = null;
    const wasLive = this.isLive;
    // A slow line may be too late with its hello once; a client of yesterday always fails.
    const isTooOld = code === Close.protocol && this.failures >= PROTOCOL_FAILURES;
    if (code === Close.ticket || code === Close.forbidden || isTooOld) {
      this.#become("refused", code);
    } else {
      this.failures += 1;
      this.#become("waiting");
      this.#retryTimer = setTimeout(() => this.connect(), this.#delay(code));
    }
    if (wasLive) this.dispatchEvent(new Event("lost"));
  }

  /** @param {number} code */
  #delay(code) {
    if (code === Close.restart && this.failures === 1) return Math.random() * RESTART_SPREAD_MS;
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
    const least = code === Close.fast ? TOO_FAST_DELAY_MS : 0;
    return least + Math.random() * longest;
  }

  #now() {
    if (this.state === "waiting") this.connect();
  }

  /** @param {string} newState */
  #become(newState, code = 0) {
    this.state = newState;
    this.dispatchEvent(new CustomEvent("state", { detail: { state: newState, code } }));
  }
}

/** Return the frame, or null for what is none: the protocol knows JSON objects with a type only.
 *
 * @param {string} data */
function readFrame(data) {
  try {
    const frame = JSON.parse(data);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
