import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import "./page.js";

const MESSAGE = "019c0000-0000-7000-8000-000000000011";
let tabs = 0;

beforeEach(() => {
  for (const key of Object.keys(localStorage)) localStorage.removeItem(key);
  localStorage.isFull = false;
});

/** Load the module as another tab does. */
async function openTab() {
  tabs += 1;
  const { Edits } = await import(`../../../static/chat/inbox/edits.js?tab=${tabs}`);
  return new Edits(() => {});
}

const textsOf = (edits) => edits.of(MESSAGE).map(({ text }) => text);

/** Do something as a tab to which the browser has not yet shown what others wrote; return its writes. */
function unseen(act) {
  const shared = globalThis.localStorage;
  const writes = [];
  const view = Object.assign(Object.create(Object.getPrototypeOf(shared)), {
    getItem: () => null,
    setItem: (key, value) => writes.push([key, value]),
    removeItem: (key) => writes.push([key, null]),
  });
  globalThis.localStorage = view;
  try {
    act();
  } finally {
    globalThis.localStorage = shared;
  }
  for (const [key, value] of writes) {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  }
}

test("a tab that has not seen another one's edit yet does not overwrite it", async () => {
  const [one, other] = [await openTab(), await openTab()];
  one.keep(MESSAGE, { text: "one", before: "" });
  unseen(() => other.keep(MESSAGE, { text: "other", before: "" }));
  assert.deepEqual(textsOf(one).sort(), ["one", "other"]);
  assert.deepEqual(textsOf(other).sort(), ["one", "other"]);
  assert.equal(one.own(MESSAGE).text, "one");
  assert.equal(other.own(MESSAGE).text, "other");
});

test("an edit that was set aside or written anew stays when another one is dropped", async () => {
  const [one, other] = [await openTab(), await openTab()];
  one.keep(MESSAGE, { text: "first", before: "" });
  const [seen] = other.of(MESSAGE);
  one.keep(MESSAGE, { text: "second", before: "" });
  other.drop(MESSAGE, seen);
  assert.deepEqual(textsOf(other), ["second"]);
  one.setAside(MESSAGE);
  assert.equal(one.own(MESSAGE), undefined);
  one.drop(MESSAGE);
  assert.deepEqual(textsOf(one), ["second"]);
  one.drop(MESSAGE, one.of(MESSAGE)[0]);
  assert.deepEqual(textsOf(other), []);
});

test("where the storage is full an edit lives in the page, and what it replaces is not shown", async () => {
  const one = await openTab();
  one.keep(MESSAGE, { text: "short", before: "" });
  localStorage.isFull = true;
  one.keep(MESSAGE, { text: "long", before: "" });
  assert.deepEqual(textsOf(one), ["long"]);
  one.drop(MESSAGE);
  assert.deepEqual(textsOf(one), []);
});

test("edits of other messages and what is not one are left alone", async () => {
  const one = await openTab();
  one.keep(MESSAGE, { text: "mine", before: "" });
  const prefix = Object.keys(localStorage).find((key) => key.includes(MESSAGE)).split(MESSAGE)[0];
  localStorage.setItem(`${prefix}${MESSAGE}:x`, "{");
  one.keep("019c0000-0000-7000-8000-000000000012", { text: "another's", before: "" });
  assert.deepEqual(textsOf(one), ["mine"]);
});
