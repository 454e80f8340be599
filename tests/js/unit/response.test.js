import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, Refused, requestJson, Unreachable } from "../../../static/stream/response.js";
import { acknowledgementOf, eventPage, postedMessage, SESSION } from "../../../static/stream/shapes.js";

const JSON_TYPE = "application/json";
const PROBLEM_TYPE = "application/problem+json";
const PROBLEM = JSON.stringify({ status: 409, code: "conversation_closed", detail: "Closed." });
const ACK = JSON.stringify({
  message_id: "m",
  seq: 3,
  timestamp: "t",
  client_message_id: "mine",
  stream: "conversation:1",
  epoch: "e",
});
const HTML = "<!doctype html><h1>Please log in to the Wi-Fi</h1>";

const answering = (status, type, body, headers = {}) => async () =>
  status === 204
    ? new Response(null, { status })
    : new Response(body, { status, headers: { ...(type ? { "Content-Type": type } : {}), ...headers } });

const ask = (fetcher, options = {}) =>
  requestJson("/messages", { shape: postedMessage("mine"), fetcher, ...options });

test("our own JSON of the expected shape acknowledges", async () => {
  assert.equal((await ask(answering(201, JSON_TYPE, ACK))).seq, 3);
  assert.equal((await ask(answering(200, `${JSON_TYPE}; charset=utf-8`, ACK))).seq, 3);
});

test("what somebody else answered acknowledges nothing", async () => {
  for (const answer of [
    // A captive portal, a proxy's page, an empty answer, a gateway's error.
    [200, "text/html", HTML],
    [200, JSON_TYPE, HTML],
    [200, "text/html", ACK],
    [204, "", ""],
    [200, JSON_TYPE, ""],
    [511, "text/html", HTML],
    [502, "text/html", HTML],
    [401, "text/html", HTML],
    [403, JSON_TYPE, '{"code": "blocked", "status": 403}'],
    // JSON, but not the answer to this message.
    [200, JSON_TYPE, '{"status": "ok"}'],
    [200, JSON_TYPE, "null"],
    [200, JSON_TYPE, "[]"],
    [201, JSON_TYPE, ACK.replace("mine", "other")],
    [201, JSON_TYPE, ACK.replace("3", '"3"')],
    // A problem document that somebody else wrote.
    [409, PROBLEM_TYPE, '{"status": 409}'],
    [403, PROBLEM_TYPE, PROBLEM],
    [200, PROBLEM_TYPE, PROBLEM],
  ]) {
    await assert.rejects(ask(answering(...answer)), Unreachable, answer.join(" "));
  }
});

test("a problem document refuses, with what it says", async () => {
  await assert.rejects(ask(answering(409, PROBLEM_TYPE, PROBLEM)), (error) => {
    assert.ok(error instanceof Refused);
    const { code, message, status, retryAfter } = error;
    assert.deepEqual([code, message, status, retryAfter], ["conversation_closed", "Closed.", 409, null]);
    return true;
  });
});

test("a refusal says when to try again, in its document or its head", async () => {
  const fast = { status: 429, code: "rate_limited" };
  for (const [document, headers, seconds] of [
    [{ ...fast, retry_after: 7 }, { "Retry-After": "9" }, 7],
    [fast, { "Retry-After": "9" }, 9],
    [fast, { "Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT" }, null],
  ]) {
    const fetcher = answering(429, PROBLEM_TYPE, JSON.stringify(document), headers);
    await assert.rejects(ask(fetcher), { retryAfter: seconds });
  }
});

test("a request follows no redirect, sends no cookie and is not kept", async () => {
  let sent;
  const fetcher = async (_, init) => {
    sent = init;
    return new Response(ACK, { headers: { "Content-Type": JSON_TYPE } });
  };
  await ask(fetcher, { method: "POST", body: { a: 1 }, headers: { "X-A": "b" } });
  const { method, body, redirect, credentials, cache } = sent;
  assert.deepEqual(
    { method, body, redirect, credentials, cache },
    { method: "POST", body: '{"a":1}', redirect: "error", credentials: "omit", cache: "no-store" },
  );
  assert.deepEqual(sent.headers, {
    Accept: JSON_TYPE,
    "Content-Type": JSON_TYPE,
    "X-A": "b",
  });
});

test("a request ends when it is called off, and when its patience ends", async () => {
  const never = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      if (signal.aborted) reject(signal.reason);
    });
  await assert.rejects(ask(never, { signal: AbortSignal.abort() }), Unreachable);
  await assert.rejects(ask(never, { patience: 1 }), Unreachable);
});

test("shapes look at the members that they name", () => {
  for (const [value, shape, fits] of [
    ["1", { a: "string" }, false],
    [{ a: "x" }, { a: "string" }, true],
    [{ a: "x", b: 1 }, { a: "string" }, true],
    [{ a: null }, { a: "string" }, false],
    [{ a: null }, { a: "string?" }, true],
    [{}, { a: "string?" }, true],
    [{ a: 1 }, { a: "string?" }, false],
    [{ a: [] }, { a: "object" }, false],
    [{ a: [] }, { a: "array" }, true],
    [{ a: { b: true } }, { a: { b: "boolean" } }, true],
    [{ a: null }, { a: { b: "boolean" } }, false],
    [{ a: Number.NaN }, { a: "number" }, false],
  ]) {
    assert.equal(matches(value, shape), fits, JSON.stringify([value, shape]));
  }
});

test("an acknowledgement is of its own message and has a number", () => {
  const ack = { client_message_id: "a", message_id: "m", seq: 1 };
  assert.ok(matches(ack, acknowledgementOf("a")));
  for (const wrong of [{ client_message_id: "b" }, { seq: 0 }, { seq: 1.5 }, { message_id: null }]) {
    assert.ok(!matches({ ...ack, ...wrong }, acknowledgementOf("a")), JSON.stringify(wrong));
  }
});

test("a page is of the stream that was asked for, and all its events are events", () => {
  const page = { stream: "s", epoch: "e", from: 0, to: 1, recovered: true, events: [] };
  const event = { seq: 1, kind: "message.posted", data: {} };
  assert.ok(matches({ ...page, events: [event] }, eventPage("s")));
  assert.ok(!matches(page, eventPage("t")));
  assert.ok(!matches({ ...page, events: [event, { ...event, seq: "2" }] }, eventPage("s")));
});

test("a session has a conversation or none, never half of one", () => {
  const session = {
    ticket: "t",
    websocket_path: "/ws/",
    visitor_token: "v",
    is_new: true,
    settings: { texts: {} },
    conversation: null,
    max_text_length: 10,
  };
  const head = { stream: "s", epoch: "e", last_seq: 3, status: "open" };
  assert.ok(matches(session, SESSION));
  assert.ok(matches({ ...session, conversation: head }, SESSION));
  assert.ok(!matches({ ...session, conversation: { stream: "s" } }, SESSION));
});
