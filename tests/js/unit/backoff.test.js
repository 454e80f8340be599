import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../../static/stream/backoff.js";

const take = (backoff) => Array.from({ length: 8 }, () => backoff.next());

test("pauses double up to the longest", () => {
  assert.deepEqual(take(new Backoff({ random: () => 1 })), [
    500, 1000, 2000, 4000, 8000, 16000, 20000, 20000,
  ]);
});

test("pauses are spread", () => {
  assert.deepEqual(take(new Backoff({ random: () => 0.5 })), [
    250, 500, 1000, 2000, 4000, 8000, 10000, 10000,
  ]);
});

test("pauses begin anew after a success", () => {
  const backoff = new Backoff({ random: () => 1 });
  take(backoff);
  backoff.reset();
  assert.equal(backoff.next(), 500);
});
