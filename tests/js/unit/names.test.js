import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.js";
import { customerName, firstLetter, isCalled, knownNow, senderName, shortName } from "../../../static/chat/inbox/names.js";
import { isolate } from "../../../static/chat/inbox/text.js";

const ID = "019c0000-0000-7000-8000-00000000abcd";

test("Vietnamese are called by their last name, others by their first", () => {
  assert.equal(shortName("Nguyễn Thị Minh Khai"), "Khai");
  assert.equal(shortName("Nguyen An"), "Nguyen");
  assert.equal(shortName("Nguyen An", "vi"), "An");
  assert.equal(shortName("Anna Lunyova"), "Anna");
  assert.equal(shortName("Анна Лунёва", "vi"), "Анна");
  assert.equal(shortName(null), "");
});

test("a visitor without a name is one in every language", () => {
  assert.equal(customerName({ id: ID, name: "Khách ABCD" }), "Visitor ABCD");
  assert.equal(customerName({ id: ID, name: "Minh" }), "Minh");
  assert.equal(customerName({ id: "", name: "Trợ lý" }), "Trợ lý");
});

test("whoever writes has one name in a conversation, the present one", () => {
  const row = { bot_name: "Sunny", customer: { id: ID, name: "Minh" } };
  assert.equal(senderName({ type: "bot", name: "Bot" }, row), "Sunny");
  assert.equal(senderName({ type: "bot", name: "" }, { ...row, bot_name: "" }), "Bot");
  assert.equal(senderName({ type: "agent", name: "Linh" }, row), "Linh");
  const visitor = { type: "customer", id: "019c0000-0000-7000-8000-000000001234", name: "Khách 1234" };
  assert.equal(senderName(visitor, row), "Minh");
  assert.equal(senderName(visitor, null), "Visitor 1234");
  assert.deepEqual(knownNow(visitor, row), { type: "customer", id: ID, name: "Minh" });
});

test("the circle holds one letter, and a mark for nobody", () => {
  assert.equal(firstLetter("Đỗ Quang Đông"), "Đ");
  assert.equal(firstLetter("😀 Smile"), "😀");
  assert.equal(firstLetter(""), "?");
});

test("a text from outside cannot turn the sentence around it", () => {
  assert.equal(isolate("a\u202eb\u2066c"), "abc");
  assert.equal(isolate("محل"), "\u2068محل\u2069");
  assert.equal(isolate("محل\u2069"), "\u2068محل\u2069");
  assert.equal(isolate("plain"), "plain");
  assert.equal(isolate(undefined), "");
});

test("a colleague is found by words of the name, without accents, case, order and punctuation", () => {
  for (const [name, search] of [
    ["Vũ Khánh Toàn", "vu khanh"],
    ["Phạm Thu Linh", "LINH PHAM"],
    ["Đặng Thị Ngọc-Ánh", "dang ngoc anh"],
    ["Анна Лунёва", "лунева анна"],
    ["Ivan O’Brien", "obrien"],
    ["Nguye\u0302\u0303n An", "Nguyễn"],
    ["İpek Işık", "ipek isik"],
    ["Linh", " "],
  ]) {
    assert.ok(isCalled(name, search), `${search} → ${name}`);
  }
  assert.ok(!isCalled("Phạm Thu Linh", "linh tran"));
});
