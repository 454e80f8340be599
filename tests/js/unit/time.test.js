import assert from "node:assert/strict";
import { test } from "node:test";
import { NOW } from "./page.js";

// The machine's clock is an hour slow; the server's rules.
const SKEW = 60 * 60_000;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length ? parts : [RealDate.parse(NOW) - SKEW]));
  }

  static now() {
    return RealDate.parse(NOW) - SKEW;
  }
};
const time = await import("../../../static/chat/inbox/time.js");

test("the server's clock rules", () => {
  assert.equal(time.now().toISOString(), "2026-03-05T05:00:00.000Z");
});

test("a row of the list has the clock today, the day this week, then the date", () => {
  for (const [iso, words] of [
    ["2026-03-05T11:59:00+07:00", "11:59"],
    ["2026-03-05T00:00:00+07:00", "00:00"],
    ["2026-03-04T23:59:00+07:00", "Wed"],
    ["2026-02-27T00:00:00+07:00", "Fri"],
    ["2026-02-26T23:59:00+07:00", "26 Feb"],
    ["2025-05-11T12:00:00+07:00", "11 May"],
    ["2025-05-08T12:00:00+07:00", "8 May 2025"],
  ]) {
    assert.equal(time.listTime(iso), words, iso);
  }
});

test("a day is told from today on", () => {
  assert.equal(time.dayWords("2026-03-05T00:00:00+07:00"), "Today");
  assert.equal(time.dayWords("2026-03-04T23:59:00+07:00"), "Yesterday");
  assert.equal(time.dayWords("2026-03-03T12:00:00+07:00"), "Tuesday, 3 Mar 2026");
});

test("a day begins where the reader is", () => {
  assert.equal(time.dayKey("2026-03-04T16:59:59Z"), "2026-3-4");
  assert.equal(time.dayKey("2026-03-04T17:00:00Z"), "2026-3-5");
});

test("a time to come has its day, unless that is today", () => {
  assert.equal(time.timeToCome("2026-03-05T18:30:00+07:00"), "18:30");
  assert.equal(time.timeToCome("2026-03-06T09:00:00+07:00"), "Fri, 6 Mar, 09:00");
});

test("a span is told in its largest unit", () => {
  for (const [minutes, words] of [
    [0.5, "< 1 min"],
    [1, "1 min"],
    [59.9, "59 min"],
    [60, "1 hr"],
    [24 * 60 - 1, "23 hr"],
    [24 * 60, "1 day"],
    [49 * 60, "2 day"],
  ]) {
    // Browsers and their versions differ in the plural of a short unit.
    assert.equal(time.duration(minutes * 60_000).replace(/s$/u, ""), words);
  }
});

test("mornings and Mondays are those of the reader", () => {
  assert.equal(time.morningIn(1).toISOString(), "2026-03-06T02:00:00.000Z");
  assert.equal(time.morningIn(27).toISOString(), "2026-04-01T02:00:00.000Z");
  assert.equal(time.nextMonday().toISOString(), "2026-03-09T02:00:00.000Z");
  assert.equal(time.inHours(3).toISOString(), "2026-03-05T08:00:00.000Z");
});

test("a field shows the reader's wall and gives the moment back", () => {
  const moment = new Date("2026-03-05T22:07:00Z");
  assert.equal(time.fieldValue(moment), "2026-03-06T05:07");
  assert.equal(time.fromFieldValue("2026-03-06T05:07").getTime(), moment.getTime());
  assert.ok(Number.isNaN(time.fromFieldValue("275760-12-31T23:59").getTime()));
});
