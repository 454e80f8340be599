import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.js";
import { rowsOf } from "../../../static/chat/widget/timeline.js";

const NOW = new Date("2026-03-02T10:00:10Z");
const AT = "2026-03-02T10:00:00Z";
const words = { t: (key) => key, time: () => "10:00", day: () => "Today" };

/** Give whether the bot is shown to look for an answer after these entries. */
function isThinkingAfter(...entries) {
  const chat = {
    past: [],
    log: { floor: 0, stream: "s", entries },
    sender: { items: () => [] },
    settings: { texts: {} },
    isLive: true,
    conversation: { status: "bot", person: null },
    typing: null,
    teamSeen: 0,
  };
  return rowsOf(chat, words, NOW).some((row) => row.kind === "typing");
}

function posted(seq, type, timestamp = AT) {
  const data = { message_id: `m${seq}`, sender: { type, name: "" }, content: { type: "text", text: "?" }, timestamp };
  return { seq, kind: "message.posted", data };
}

function handedBack(seq, change = {}) {
  const data = { change: { name: "handed_back", status: "bot", ...change }, timestamp: AT };
  return { seq, kind: "conversation.changed", data };
}

const LONG_AGO = "2026-03-02T09:00:00Z";

test("the bot looks for an answer to what was just asked, and not to what was answered", () => {
  assert.equal(isThinkingAfter(posted(1, "customer")), true);
  assert.equal(isThinkingAfter(posted(1, "customer"), posted(2, "bot")), false);
});

test("the bot looks at an old question when the conversation is handed back", () => {
  const asked = [posted(1, "customer", LONG_AGO), posted(2, "bot", LONG_AGO)];
  assert.equal(isThinkingAfter(...asked, handedBack(3, { open_question: true })), true);
  assert.equal(isThinkingAfter(...asked, handedBack(3, { open_question: true }), posted(4, "bot")), false);
});

test("a conversation without an open question is handed back in silence", () => {
  assert.equal(isThinkingAfter(posted(1, "customer"), handedBack(2)), false);
  assert.equal(isThinkingAfter({ seq: 1, kind: "conversation.changed", data: {} }), false);
});
