// Calls to /api/v1/; a refusal carries the server's code and sentence.
import { stampHeaders } from "../../app/stamp.js";

const BASE = "/api/v1/";

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail || gettext("The server did not answer as expected. Try again."));
    this.status = status;
    this.code = problem.code || "unexpected";
    this.retryAfter = problem.retry_after ?? null;
    this.isTemporary = status === 0 || status === 429 || status >= 500;
  }
}

const token = () => document.querySelector("input[name=csrfmiddlewaretoken]").value;

export async function call(method, path, body = undefined, headers = {}) {
  let answer;
  try {
    answer = await fetch(BASE + path, {
      method,
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...stampHeaders(),
        ...(method === "GET" ? {} : { "X-CSRFToken": token() }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refusal(0, { code: "unreachable", detail: gettext("No connection to the server. Check the network and try again.") });
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  if (told.code === "not_authenticated") logInAgain();
  throw new Refusal(answer.status, told);
}

export const get = (path, query = {}) => {
  const search = new URLSearchParams(
    Object.entries(query).filter(([, value]) => value !== null && value !== undefined),
  ).toString();
  return call("GET", search ? `${path}?${search}` : path);
};

export const post = (path, body = {}) => call("POST", path, body);

export function logInAgain() {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login/?next=${encodeURIComponent(here)}`);
}
