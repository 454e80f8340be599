import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.js";
import { Refused } from "../../../static/stream/response.js";
import { Session } from "../../../static/chat/widget/session.js";
import { KeyedStorage } from "../../../static/chat/widget/storage.js";

function sessionWith(answers) {
  const asked = [];
  const warned = [];
  const api = {
    siteKey: "key",
    token: null,
    async openSession({ identity }) {
      asked.push(identity ?? null);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    async newTicket() {
      asked.push("ticket");
      return { ticket: "t2" };
    },
  };
  const session = new Session({
    api,
    storage: new KeyedStorage("key", null),
    onsession() {},
    onVisitorChanged() {},
    onOwnerChanged() {},
    onwarning: (error) => warned.push(error.code),
  });
  return { session, asked, warned };
}

const ANSWER = { visitor_token: "t", is_new: false, ticket: "t1" };

/** Come in with an identity that is refused at first; give what was asked, kept and warned of. */
async function refusedWith(status, code) {
  const refusal = new Refused({ code, message: "", status });
  const { session, asked, warned } = sessionWith([refusal, ANSWER]);
  session.identity = "proof";
  await session.open().catch(() => {});
  return { asked, kept: session.identity, warned };
}

test("an identity that is refused is given up, and the visitor comes in without it", async () => {
  const { asked, kept, warned } = await refusedWith(401, "identity_expired");
  assert.deepEqual(asked, ["proof", null]);
  assert.equal(kept, null);
  assert.deepEqual(warned, ["identity_expired"]);
});

test("an identity is kept where it was only too fast, or a store was away", async () => {
  for (const [status, code] of [
    [429, "rate_limited"],
    [503, "store_unavailable"],
  ]) {
    assert.deepEqual(await refusedWith(status, code), { asked: ["proof"], kept: "proof", warned: [] });
  }
});

test("an identity is shown once", async () => {
  const { session, asked } = sessionWith([ANSWER, ANSWER]);
  session.identity = "proof";
  await session.open();
  session.renew();
  await session.enter();
  assert.deepEqual(asked, ["proof", null]);
});

test("whoever came in once asks for a ticket only", async () => {
  const { session, asked } = sessionWith([ANSWER]);
  assert.equal((await session.enter()).ticket, "t1");
  assert.equal((await session.enter()).ticket, "t2");
  assert.deepEqual(asked, [null, "ticket"]);
});

test("a session that was asked for before somebody was named lets nobody in", async () => {
  const { session, asked } = sessionWith([ANSWER, { ...ANSWER, ticket: "t3" }]);
  const adopted = [];
  session.onsession = (answer) => adopted.push(answer.ticket);
  const early = session.enter();
  session.identity = "proof";
  session.renew();
  const late = session.enter();
  assert.equal(await early, null);
  assert.equal((await late).ticket, "t3");
  assert.deepEqual(adopted, ["t3"]);
  assert.equal(asked.length, 2);
});

test("a ticket that was asked for before somebody was named is not used", async () => {
  const { session } = sessionWith([ANSWER]);
  await session.enter();
  const early = session.enter();
  session.renew();
  assert.equal(await early, null);
});
