import assert from "node:assert/strict";
import { test } from "node:test";
import { StreamLog } from "../../../static/chat/widget/log.js";

const events = (...seqs) => seqs.map((seq) => ({ seq, kind: "message.posted", data: {} }));
const numbers = (list) => list.map((event) => event.seq);

test("each event is shown once and in order, whatever comes how often", () => {
  const log = new StreamLog({ stream: "s", epoch: "e" });
  const steps = [[1, 2], [4], [2, 4, 6], [3], [5, 6, 1], [7, 7]];
  const given = steps.map((seqs) => [numbers(log.take(events(...seqs))), log.hasGap]);
  assert.deepEqual(given, [
    [[1, 2], false],
    [[], true],
    [[], true],
    [[3, 4], true],
    [[5, 6], false],
    [[7], false],
  ]);
  assert.deepEqual(numbers(log.entries), [1, 2, 3, 4, 5, 6, 7]);
});

test("a log that starts in the middle grows at both ends", () => {
  const log = new StreamLog({ stream: "s", epoch: "e", seq: 50 });
  log.take(events(49, 50, 51, 52));
  assert.deepEqual(log.takeOlder(events(48, 49)), []);
  log.takeOlder(events(50, 49, 48));
  assert.deepEqual(numbers(log.entries), [48, 49, 50, 51, 52]);
  assert.equal(log.floor, 47);
  assert.deepEqual([log.isBehind(52), log.isBehind(53)], [false, true]);
});
