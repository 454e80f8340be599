// One socket of a member: comes back by itself, spreads its attempts, and says how it is doing.
//
// Events: "state" (detail: connecting | live | waiting | refused), "lost", and one per frame type.
import { Backoff } from "../stream/backoff.js";
import { Socket } from "../stream/socket.js";

const PROTOCOL = 1;
const RESTART_SPREAD_MS = 3_000;
const TOO_FAST_DELAY_MS = 10_000;
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
  #backoff = new Backoff({ first: 1_000 });
  #path;
  #organization;
  #positions;

  /** positions() gives the streams to resume: [{stream, epoch, seq}]; ``organization`` is the one
   * that the page was made for.
   *
   * @param {string} path
   * @param {string | undefined} organization
   * @param {() => Stream.Position[]} [positions] */
  constructor(path, organization, positions = () => []) {
    super();
    this.#path = path;
    this.#organization = organization;
    this.#positions = positions;
    window.addEventListener("online", () => this.#now());
    window.addEventListener("offline", () => this.#socket?.close());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#now();
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
    this.#socket = new Socket({
      url: `${scheme}//${window.location.host}${this.#path}`,
      hello: () => ({
        type: "hello",
        protocol: PROTOCOL,
        organization: this.#organization,
        resume: this.#positions(),
      }),
      onwelcome: (frame) => {
        this.failures = 0;
        this.#backoff.reset();
        this.#become("live");
        this.#tell(frame);
      },
      onframe: (frame) => this.#tell(frame),
      onend: ({ code }) => this.#ended(code),
    });
  }

  /** End the socket, and come back only when asked to. */
  stop() {
    clearTimeout(this.#retryTimer);
    const socket = this.#socket;
    if (socket) socket.onend = () => {};
    socket?.close();
    this.#socket = null;
    this.#become("stopped");
  }

  /** Hand a frame to the socket or what stands in for it; false when there is neither.
   *
   * @param {Stream.Sent} frame */
  send(frame) {
    return this.isLive ? this.#socket.send(frame) : (this.fallback?.(frame) ?? false);
  }

  /** @param {Stream.Frame} frame */
  #tell(frame) {
    this.dispatchEvent(new CustomEvent(frame.type, { detail: frame }));
  }

  /** @param {number} code */
  #ended(code) {
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
    return this.#backoff.next(code === Close.fast ? TOO_FAST_DELAY_MS : 0);
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
