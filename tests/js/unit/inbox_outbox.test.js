import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import "./page.js";
import { Outbox } from "../../../static/chat/inbox/outbox.js";

const STREAM = "conversation:1";
const text = (words) => ({ type: "text", text: words });
let isOnline, outbox, sent;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  for (const key of Object.keys(localStorage)) localStorage.removeItem(key);
  localStorage.isFull = false;
  sent = [];
  isOnline = true;
  outbox = open();
});

function open() {
  return new Outbox((item) => isOnline && sent.push(item.content.text) > 0);
}

function add(words, stream = STREAM) {
  mock.timers.tick(1);
  return outbox.add(stream, text(words));
}

test("one at a time goes out for each conversation", () => {
  const first = add("one");
  add("two");
  add("elsewhere", "conversation:2");
  assert.deepEqual(sent, ["one", "elsewhere"]);
  assert.ok(outbox.confirmed(first.id));
  assert.ok(!outbox.confirmed(first.id));
  assert.deepEqual(sent, ["one", "elsewhere", "two"]);
});

test("what no answer came for is sent again, also after a lost connection", () => {
  const item = add("one");
  mock.timers.tick(10_000);
  assert.deepEqual(sent, ["one", "one"]);
  isOnline = false;
  outbox.connectionLost();
  assert.equal(item.state, "waiting");
  isOnline = true;
  outbox.pump();
  assert.deepEqual(sent, ["one", "one", "one"]);
});

test("who is refused for a while waits and holds back what comes after", () => {
  const item = add("one");
  add("two");
  outbox.refused(item.id, "rate_limited", "", 3);
  assert.equal(item.state, "held");
  mock.timers.tick(2_999);
  assert.deepEqual(sent, ["one"]);
  mock.timers.tick(1);
  assert.deepEqual(sent, ["one", "one"]);
});

test("what is refused for good says why and lets the next one go", () => {
  const item = add("one");
  add("two");
  outbox.refused(item.id, "text_too_long", "Too long.");
  assert.deepEqual([item.state, item.error], ["failed", "Too long."]);
  assert.deepEqual(sent, ["one", "two"]);
  outbox.discard(item.id);
  assert.deepEqual(outbox.of(STREAM).map((each) => each.content.text), ["two"]);
});

test("what was not sent is there after a reload; what failed is not sent by itself", () => {
  isOnline = false;
  const failed = add("failed");
  outbox.refused(failed.id, "text_too_long", "Too long.");
  add("waiting");
  outbox = open();
  isOnline = true;
  outbox.pump();
  assert.deepEqual(sent, ["waiting"]);
  outbox.retry(failed.id);
  assert.deepEqual(sent, ["waiting", "failed"]);
});

test("where nothing is kept one is told, and asked before one leaves", () => {
  localStorage.isFull = true;
  const item = add("one");
  assert.equal(item.isKept, false);
  assert.equal(outbox.hasUnkept, true);
  outbox.confirmed(item.id);
  assert.equal(outbox.hasUnkept, false);
});
