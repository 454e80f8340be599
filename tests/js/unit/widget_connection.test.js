import assert from "node:assert/strict";
import { test } from "node:test";
import { settle } from "./page.js";
import { Connection } from "../../../static/chat/widget/connection.js";

function connectionOf() {
  const waiting = [];
  const opened = [];
  const connection = new Connection({
    api: null,
    enter() {
      const { promise, resolve, reject } = Promise.withResolvers();
      waiting.push({ resolve, reject });
      return promise;
    },
    resume: () => [],
    position: () => null,
    onframe() {},
    onready() {},
    onstate() {},
    onforbidden: () => opened.push("forbidden"),
  });
  connection.openSocket = (entry) => {
    opened.push(entry.ticket);
    connection.way = { close() {}, send: () => true };
  };
  return { connection, waiting, opened };
}

test("a try that was under way at a restart opens nothing, whichever ends first", async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const { connection, waiting, opened } = connectionOf();
    connection.start();
    connection.restart();
    for (const number of order) {
      waiting[number].resolve({ ticket: `ticket ${number}` });
      await settle();
    }
    assert.deepEqual(opened, ["ticket 1"]);
  }
});

test("a refusal of a try that was under way at a restart ends nothing", async () => {
  const { connection, waiting, opened } = connectionOf();
  connection.start();
  connection.restart();
  waiting[0].reject(new Error("too late"));
  await settle();
  assert.equal(connection.isTrying, true);
  waiting[1].resolve({ ticket: "ticket 1" });
  await settle();
  assert.deepEqual(opened, ["ticket 1"]);
});
