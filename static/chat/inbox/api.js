// Calls to /api/v1/; a refusal carries the server's code and sentence.
import { freshToken, stampHeaders } from "../../app/stamp.js";
import { Refused, requestJson } from "../../stream/response.js";

const BASE = "/api/v1/";
// The session runs as another organization or person by now: this page is not theirs.
const SWITCHED = new Set(["organization_switched", "person_switched", "organization_unnamed"]);

/** The server refused, or (status 0, code "unreachable") was not reached. */
export class Refusal extends Error {
  constructor({ status, code, message, retryAfter = null }) {
    super(message || gettext("The server did not answer as expected. Try again."));
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
    this.isTemporary = status === 0 || status === 429 || status >= 500;
  }
}

const token = () =>
  freshToken() ||
  /** @type {HTMLInputElement} */ (document.querySelector("input[name=csrfmiddlewaretoken]")).value;

/** Return the answer, which has the given shape; raise `Refusal`.
 *
 * @param {string} method
 * @param {string} path
 * @param {{shape: Stream.Shape, body?: object, headers?: Record<string, string>}} options
 * @returns {Promise<any>} */
export async function call(method, path, { shape, body, headers = {} }) {
  try {
    return await requestJson(BASE + path, {
      method,
      shape,
      body,
      credentials: "same-origin",
      headers: {
        ...stampHeaders(),
        ...(method === "GET" ? {} : { "X-CSRFToken": token() }),
        ...headers,
      },
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw unreachable();
    if (error.code === "not_authenticated") logInAgain();
    if (SWITCHED.has(error.code)) {
      document.dispatchEvent(new CustomEvent("nextflow:switched", { detail: error.message }));
    }
    throw new Refusal(error);
  }
}

function unreachable() {
  return new Refusal({
    status: 0,
    code: "unreachable",
    message: gettext("No connection to the server. Check the network and try again."),
  });
}

export const get = (path, shape, query = {}) => {
  const search = new URLSearchParams(
    Object.entries(query).filter(([, value]) => value !== null && value !== undefined),
  ).toString();
  return call("GET", search ? `${path}?${search}` : path, { shape });
};

export const post = (path, shape, body = {}) => call("POST", path, { shape, body });

/**
 * @param {string} path
 * @param {Stream.Shape} shape
 * @param {object} body
 */
export const patch = (path, shape, body) => call("PATCH", path, { shape, body });

export function logInAgain() {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login/?next=${encodeURIComponent(here)}`);
}
