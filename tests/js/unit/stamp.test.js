import assert from "node:assert/strict";
import { mock, test } from "node:test";

const listeners = {};
Object.assign(globalThis, {
  document: {
    querySelector: () => ({ dataset: { organization: "o", person: "p" } }),
    addEventListener: (sign, listener) => (listeners[sign] = listener),
  },
});
mock.timers.enable({ apis: ["Date"] });
const { stampHeaders } = await import("../../../static/app/stamp.js");
const STAMP = { "X-Organization": "o", "X-Person": "p" };

test("a page says when nobody has touched it for a minute", () => {
  mock.timers.tick(60_000);
  assert.deepEqual(stampHeaders(), STAMP);
  mock.timers.tick(1);
  assert.deepEqual(stampHeaders(), { ...STAMP, "X-Unattended": "1" });
  listeners.keydown();
  assert.deepEqual(stampHeaders(), STAMP);
});
