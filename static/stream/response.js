/** HTTP requests whose answers count only when they are ours.
 *
 * A captive portal, a proxy or a load balancer answers in the server's place, often with status 200
 * and a page of its own. The status alone therefore proves nothing: an answer is a result when it is
 * JSON of the expected shape, and a refusal when it is a problem document of this API. Everything
 * else means that the server was not reached, and may be tried again. */

const PATIENCE_MS = 15_000;
const CODE = /^[a-z][a-z0-9_]*$/u;

/** The server refused: `code` is stable, `retryAfter` is in seconds or null. */
export class Refused extends Error {
  /** @param {{code: string, message: string, status: number, retryAfter?: number | null}} problem */
  constructor({ code, message, status, retryAfter = null }) {
    super(message);
    this.name = "Refused";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The server was not reached, or somebody else answered in its place, with `status`. */
export class Unreachable extends Error {
  /**
   * @param {string} message
   * @param {number | null} [status] */
  constructor(message, status = null) {
    super(message);
    this.name = "Unreachable";
    this.status = status;
  }
}

/** Send a request and return its JSON, which has the given shape (see `matches`).
 *
 * Raise `Refused` for a problem document of this API, `Unreachable` for anything else.
 *
 * @param {string} url
 * @param {Stream.Request} options
 * @returns {Promise<any>} */
export async function requestJson(url, options) {
  const { method = "GET", body, headers = {}, credentials = "omit", shape } = options;
  const { signal = null, patience = PATIENCE_MS, fetcher = fetch, redirect = "error" } = options;
  const limit = AbortSignal.timeout(patience);
  const isForm = body instanceof FormData;
  let response;
  let text;
  try {
    response = await fetcher(url, {
      method,
      body: written(body),
      headers: {
        Accept: "application/json",
        // A form names its own.
        ...(body === undefined || isForm ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      credentials,
      cache: "no-store",
      // The API redirects nobody; a network that wants a log-in of its own does.
      redirect,
      signal: signal ? firstOf(signal, limit) : limit,
    });
    text = await response.text();
  } catch (error) {
    throw new Unreachable(String(error));
  }
  const answer = parseJson(text);
  const type = mediaType(response);
  if (response.ok && type === "application/json" && matches(answer, shape)) return answer;
  if (!response.ok && type === "application/problem+json" && isProblem(answer, response.status)) {
    throw new Refused({
      code: answer.code,
      message: answer.detail ?? answer.title ?? "",
      status: response.status,
      retryAfter: answer.retry_after ?? (Number(response.headers.get("Retry-After")) || null),
    });
  }
  const words = `HTTP ${response.status} ${type}: not an answer of this server`;
  throw new Unreachable(words, response.status);
}

/** Return whether a value has a shape: a `typeof` word, "array", a table of members, or a predicate.
 *
 * A "?" behind the word also allows null and a missing member. Members that the table does not name
 * are not looked at, so that a newer server may add some.
 *
 * @param {any} value
 * @param {Stream.Shape} shape
 * @returns {boolean} */
export function matches(value, shape) {
  if (typeof shape === "function") return Boolean(shape(value));
  if (typeof shape === "string") {
    if (shape.endsWith("?")) return value == null || matches(value, shape.slice(0, -1));
    return shape === "array" ? Array.isArray(value) : typeOf(value) === shape;
  }
  if (typeOf(value) !== "object") return false;
  return Object.entries(shape).every(([name, wanted]) => matches(value[name], wanted));
}

/**
 * @param {object | undefined} body
 * @returns {string | FormData | undefined}
 */
function written(body) {
  if (body instanceof FormData) return body;
  return body === undefined ? undefined : JSON.stringify(body);
}

/** @param {unknown} value */
function typeOf(value) {
  if (value === null || Array.isArray(value)) return "other";
  return Number.isNaN(value) ? "other" : typeof value;
}

/**
 * @param {any} answer
 * @param {number} status
 */
function isProblem(answer, status) {
  return matches(answer, { status: (/** @type {unknown} */ told) => told === status, code: isCode });
}

/** @param {unknown} code */
function isCode(code) {
  return typeof code === "string" && CODE.test(code);
}

/** @param {string} text */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** @param {Response} response */
function mediaType(response) {
  return (response.headers.get("Content-Type") ?? "").split(";")[0].trim().toLowerCase();
}

/** @param {AbortSignal[]} signals */
function firstOf(...signals) {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  }
  return controller.signal;
}
