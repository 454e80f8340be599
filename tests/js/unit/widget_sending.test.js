import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { settle } from "./page.js";
import { openOutbox } from "../../../static/chat/widget/outbox.js";
import { Sender } from "../../../static/chat/widget/sender.js";
import { Signals } from "../../../static/chat/widget/signals.js";
import { KeptByParent, KeyedStorage } from "../../../static/chat/widget/storage.js";

let frames, isOnline, outbox, sender, storage, stream;

beforeEach(async () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  frames = [];
  isOnline = true;
  stream = "conversation:1";
  storage = new KeyedStorage("key", new KeptByParent(null, () => {}));
  outbox = await openOutbox("key", storage, null);
  sender = new Sender({
    outbox,
    post: (frame) => isOnline && frames.push(frame) > 0,
    target: () => stream,
    onchange() {},
  });
});

const statuses = () => sender.items().map((item) => item.status);
const ids = () => frames.map((frame) => frame.client_message_id);
const refused = (code, more = {}) =>
  sender.refused({ client_message_id: frames.at(-1).client_message_id, code, message: "", ...more });

test("messages wait, and go one at a time and in order", async () => {
  await sender.add("one");
  await sender.add("two");
  assert.deepEqual(statuses(), ["waiting", "waiting"]);
  sender.go();
  await settle();
  assert.deepEqual(frames.map((frame) => frame.content.text), ["one"]);
  await sender.acknowledged(ids()[0], { seq: 1 });
  await settle();
  assert.deepEqual(frames.map((frame) => frame.content.text), ["one", "two"]);
  assert.deepEqual(statuses(), ["sent", "sending"]);
  await sender.arrived(ids()[0]);
  assert.deepEqual(statuses(), ["sending"]);
});

test("after a lost acknowledgement the same id goes to the same stream", async () => {
  await sender.add("one");
  sender.go();
  await settle();
  sender.halt();
  assert.deepEqual(statuses(), ["retrying"]);
  stream = "conversation:2";
  sender.go();
  await settle();
  assert.deepEqual(frames.map((frame) => frame.stream), ["conversation:1", "conversation:1"]);
  assert.equal(new Set(ids()).size, 1);
});

test("a message that nobody acknowledges in time is sent again", async () => {
  await sender.add("one");
  sender.go();
  await settle();
  mock.timers.tick(9_999);
  await settle();
  assert.equal(frames.length, 1);
  mock.timers.tick(1);
  await settle();
  assert.equal(frames.length, 2);
});

test("a message to a closed conversation opens a new one under its id", async () => {
  await sender.add("one");
  sender.go();
  await settle();
  await refused("conversation_closed");
  await settle();
  assert.deepEqual(frames.map((frame) => frame.stream), ["conversation:1", null]);
  assert.equal(new Set(ids()).size, 1);
  assert.deepEqual(statuses(), ["sending"]);
});

test("who is too fast waits as long as the server says", async () => {
  await sender.add("fast");
  sender.go();
  await settle();
  await refused("rate_limited", { retry_after: 3 });
  await settle();
  assert.deepEqual(statuses(), ["slow"]);
  mock.timers.tick(2_999);
  await settle();
  assert.equal(frames.length, 1);
  mock.timers.tick(1);
  await settle();
  assert.equal(frames.length, 2);
});

test("pauses without a hint of the server grow up to twenty seconds", () => {
  const pauses = Array.from({ length: 7 }, () => {
    sender.pauseFor("store_unavailable", null);
    return sender.pausedUntil - Date.now();
  });
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
});

test("what is refused for good stays, and does not hold up the rest", async () => {
  await sender.add("long");
  await sender.add("next");
  sender.go();
  await settle();
  await refused("text_too_long");
  await settle();
  assert.deepEqual(statuses(), ["failed", "sending"]);
  await sender.retry(ids()[0]);
  assert.equal(outbox.list()[0].failure, null);
  await sender.discard(ids()[0]);
  assert.deepEqual(sender.items().map((item) => item.text), ["next"]);
});

test("a message that the log shows is not shown again as unsent", async () => {
  await sender.add("one");
  sender.go();
  await settle();
  await sender.arrived(ids()[0]);
  await sender.acknowledged(ids()[0], { seq: 1 });
  assert.deepEqual(sender.items(), []);
});

test("an outbox is there after a reload, in the order of writing", async () => {
  for (const text of ["one", "two", "three"]) await outbox.add(text, null);
  await outbox.remove(outbox.list()[0].id);
  const again = await openOutbox("key", storage, null);
  await again.load();
  assert.deepEqual(again.list().map((item) => item.text), ["two", "three"]);
  assert.equal(again.hasUnkept, false);
});

test("a message that is nowhere but in memory is known to be unkept", async () => {
  const memory = await openOutbox("key", new KeyedStorage("key", null), null);
  await memory.add("one", null);
  assert.equal(memory.kind, "memory");
  assert.equal(memory.hasUnkept, true);
  await memory.remove(memory.list()[0].id);
  assert.equal(memory.hasUnkept, false);
});

test("typing is told every few seconds, and that it ended once", () => {
  const told = [];
  const signals = new Signals((frame) => told.push(frame.type) > 0);
  signals.writing("s", true);
  signals.writing("s", true);
  mock.timers.tick(3_000);
  signals.writing("s", true);
  signals.writing("s", false);
  signals.writing("s", false);
  assert.deepEqual(told, ["typing.start", "typing.start", "typing.stop"]);
});

test("how far one has read is told at most once a second, and the newest", () => {
  const told = [];
  const signals = new Signals((frame) => told.push(frame.seq) > 0);
  for (const seq of [1, 2, 3]) signals.reached("s", seq);
  mock.timers.tick(1_000);
  signals.reached("s", 3);
  mock.timers.tick(1_000);
  assert.deepEqual(told, [3]);
  signals.renew();
  signals.reached("s", 3);
  mock.timers.tick(1_000);
  assert.deepEqual(told, [3, 3]);
});
