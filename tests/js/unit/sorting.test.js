import assert from "node:assert/strict";
import { test } from "node:test";
import { byAge, byWait, isOlder } from "../../../static/chat/inbox/sorting.js";

const at = (seconds) => `2026-03-05T05:00:${seconds}+00:00`;
const row = (id, last, waiting = null) => ({
  id,
  last_message_at: at(last),
  waiting_since: waiting && at(waiting),
});
const sorted = (rows, order) => rows.sort(order).map(({ id }) => id).join("");

test("the newest stands first, and of one moment the newer conversation", () => {
  assert.equal(sorted([row("a", "01"), row("b", "03"), row("c", "02"), row("d", "02")], byAge), "bdca");
});

test("who waits longest stands first, and who does not wait behind, newest first", () => {
  const rows = [
    row("a", "09"),
    row("b", "08", "05"),
    row("c", "10"),
    row("d", "07", "04"),
    row("e", "06", "05"),
  ];
  assert.equal(sorted(rows, byWait), "dbeca");
});

test("moments count as finely as in the database", () => {
  assert.equal(sorted([row("b", "01.000100"), row("a", "01.000200")], byAge), "ab");
  assert.equal(sorted([row("b", "01.000100"), row("a", "01")], byAge), "ba");
  const waiting = [row("a", "01", "01.000200"), row("b", "01", "01.000100")];
  assert.equal(sorted(waiting, byWait), "ba");
});

test("of two rows the one that knows less is older, then the one that changed earlier", () => {
  const version = (seq, updated) => ({ last_seq: seq, updated_at: at(updated) });
  assert.ok(isOlder(version(1, "09"), version(2, "01")));
  assert.ok(isOlder(version(2, "01"), version(2, "02")));
  assert.ok(isOlder(version(2, "01.123456"), version(2, "01.123789")));
  assert.ok(!isOlder(version(2, "01.123456"), version(2, "01.123456")));
});
