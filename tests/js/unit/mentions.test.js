import assert from "node:assert/strict";
import { test } from "node:test";
import { beginningOfName, completed } from "../../../static/records/mention_text.js";

test("the beginning of a name is what stands behind the last @", () => {
  assert.equal(beginningOfName("@"), "");
  assert.equal(beginningOfName("Ask @Th"), "Th");
  assert.equal(beginningOfName("Спросить («@Луне"), "Луне");
  assert.equal(beginningOfName("@Linh, then @Toa\u0300n"), "Toa\u0300n");
  assert.equal(beginningOfName("one\n@O’B"), "O’B");
});

test("a name may begin with signs, and any sign may stand before the @", () => {
  assert.equal(beginningOfName("@★ Ле"), "★ Ле");
  assert.equal(beginningOfName("@«Зе"), "«Зе");
  for (const sign of ["—", "–", "/", "-", "…", "👍"]) {
    assert.equal(beginningOfName(`so${sign}@Th`), "Th", sign);
  }
});

test("an address, a finished name and no @ are no beginning", () => {
  for (const text of ["linh@shop", "@Linh ", "@@Linh", "a_@Linh", "Linh", "", "@".padEnd(90, "x")]) {
    assert.equal(beginningOfName(text), null);
  }
});

test("a name is made whole where it stands", () => {
  assert.equal(completed("Ask @Th", "Thảo Trần"), "Ask @Thảo Trần ");
  assert.equal(completed("@Linh and @", "Marco"), "@Linh and @Marco ");
});
