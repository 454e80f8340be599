/** The server said no: `code` is stable, `retryAfter` in seconds or null. */
export class Refused extends Error {
  constructor({ code, message, status, retryAfter = null }) {
    super(message);
    this.name = "Refused";
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Nobody answered, or not in words: worth trying again. */
export class Unreachable extends Error {
  constructor(message) {
    super(message);
    this.name = "Unreachable";
  }
}

const PATIENCE = 15_000;

/** The HTTP half of the stream protocol. */
export class Api {
  constructor({ siteKey, base = location.origin, fetcher = (...args) => fetch(...args) }) {
    this.siteKey = siteKey;
    this.base = base;
    this.fetcher = fetcher;
    this.token = null;
  }

  /** Come in: gives the visitor token, settings, the open conversation and a ticket. */
  openSession({ language, identity, parentOrigin }) {
    return this.request("POST", "/api/v1/widget/sessions", {
      anonymous: true,
      body: {
        site_key: this.siteKey,
        language,
        ...(this.token ? { visitor_token: this.token } : {}),
        ...(identity ? { identity } : {}),
        ...(parentOrigin ? { parent_origin: parentOrigin } : {}),
      },
    });
  }

  newTicket() {
    return this.request("POST", "/api/v1/widget/tickets", { body: {} });
  }

  head(stream) {
    return this.request("GET", `/api/v1/streams/${stream}`);
  }

  events(stream, { epoch, after, limit, wait = 0, signal = null }) {
    const query = new URLSearchParams({ epoch, after, limit });
    if (wait) query.set("wait", wait);
    return this.request("GET", `/api/v1/streams/${stream}/events?${query}`, {
      signal,
      patience: PATIENCE + wait * 1000,
    });
  }

  post(stream, { client_message_id: id, content }) {
    return this.request("POST", `/api/v1/streams/${stream ?? "new"}/messages`, {
      body: { content },
      headers: { "Idempotency-Key": id },
    });
  }

  seen(stream, seq) {
    return this.request("POST", `/api/v1/streams/${stream}/seen`, { body: { seq } });
  }

  async request(method, path, options = {}) {
    const { body, anonymous = false, headers = {}, signal = null, patience = PATIENCE } = options;
    const limit = AbortSignal.timeout(patience);
    let response;
    try {
      response = await this.fetcher(this.base + path, {
        method,
        body: body === undefined ? undefined : JSON.stringify(body),
        headers: {
          Accept: "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(anonymous || !this.token ? {} : { Authorization: `Bearer ${this.token}` }),
          ...headers,
        },
        // The visitor's token is the only thing that says who this is.
        credentials: "omit",
        cache: "no-store",
        signal: signal ? anySignal(signal, limit) : limit,
      });
    } catch (error) {
      throw new Unreachable(String(error));
    }
    const answer = await response.json().catch(() => null);
    if (response.ok) return answer;
    if (!answer?.code) throw new Unreachable(`HTTP ${response.status}`);
    throw new Refused({
      code: answer.code,
      message: answer.detail ?? answer.title ?? "",
      status: response.status,
      retryAfter: answer.retry_after ?? (Number(response.headers.get("Retry-After")) || null),
    });
  }
}

function anySignal(...signals) {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
  }
  return controller.signal;
}
