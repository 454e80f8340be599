import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "./page.js";
import { Refused } from "../../../static/stream/response.js";
import { Poll } from "../../../static/chat/widget/poll.js";

const FRAME = { type: "message.post", stream: "conversation:1", client_message_id: "m1", content: {} };
const STORED = { stream: "conversation:1", epoch: "e", seq: 1 };

/** Post one message; give the types of what comes of it when `end` happens while it is on its way. */
async function posted(answer, end) {
  const frames = [];
  const { promise, resolve, reject } = Promise.withResolvers();
  const poll = new Poll({
    api: { post: () => promise },
    position: () => null,
    onframe: (frame) => frames.push(frame.type),
    onend() {},
  });
  poll.send(FRAME);
  end(poll);
  if (answer instanceof Error) reject(answer);
  else resolve(answer);
  await settle();
  poll.close();
  return frames;
}

test("a message that is answered is acknowledged or refused", async () => {
  const refusal = new Refused({ code: "rate_limited", message: "", status: 429 });
  assert.deepEqual(await posted(STORED, () => {}), ["message.ack"]);
  assert.deepEqual(await posted(refusal, () => {}), ["refused"]);
});

test("what is answered after the end is told to nobody: somebody else may write by then", async () => {
  const refusal = new Refused({ code: "rate_limited", message: "", status: 429 });
  assert.deepEqual(await posted(STORED, (poll) => poll.close()), []);
  assert.deepEqual(await posted(refusal, (poll) => poll.close()), []);
});
