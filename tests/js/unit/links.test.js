import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.js";
import { linkify, safeHref } from "../../../static/stream/links.js";

const LINKS = [
  ["See https://shop.example/a?b=1&c=2.", ["https://shop.example/a?b=1&c=2"]],
  ["(https://en.example/wiki/Tea_(drink))", ["https://en.example/wiki/Tea_(drink)"]],
  ["http://a.example, http://b.example!", ["http://a.example/", "http://b.example/"]],
  ["javascript:alert(1) data:text/html,x //x.example", []],
  ["See www.shop.example.", ["https://www.shop.example/"]],
  [
    "(www.a.example/x_(y)), www.b.example:8080/?q#r",
    ["https://www.a.example/x_(y)", "https://www.b.example:8080/?q#r"],
  ],
  [
    "«www.книги.рф», www.quán-cà-phê.vn!",
    ["https://www.xn--c1ajbfp.xn--p1ai/", "https://www.xn--qun-c-ph-3yag0i.vn/"],
  ],
  [
    "Write to ann@shop.example, or to o'brien+x@кафе.рф.",
    ["mailto:ann@shop.example", "mailto:o'brien%2Bx@xn--80akn5b.xn--p1ai"],
  ],
  ["javascript:alert(1)@x.example bwww.a.example a@b a@@b.example x@y@z.example www.x", []],
  ["https://ann@shop.example/", ["https://ann@shop.example/"]],
  ["<a href='https://x.example'>x</a>", ["https://x.example/"]],
  ["", []],
];

test("only web and email addresses become links", () => {
  for (const [text, links] of LINKS) {
    const found = linkify(text).flatMap(({ href }) => href ?? []);
    assert.deepEqual(found, links, text);
  }
});

test("the parts of a text are the text again", () => {
  for (const [text] of LINKS) {
    assert.equal(linkify(text).map((part) => part.text).join(""), text);
  }
});

test("signs behind an address are looked at once", () => {
  // A stranger could else keep the page of whoever reads it from doing anything.
  for (const tail of [")", ")]}", ".)", "."]) {
    const text = "https://x.example/" + tail.repeat(9_900 / tail.length);
    const began = performance.now();
    for (let times = 0; times < 50; times += 1) linkify(text);
    assert.ok(performance.now() - began < 2_000, tail);
  }
});

test("links lead to safe places only", () => {
  assert.equal(safeHref("https://shop.example/faq"), "https://shop.example/faq");
  assert.equal(safeHref("/help/delivery"), "https://crm.example/help/delivery");
  for (const address of [
    "javascript:alert(1)",
    " JaVaScRiPt:alert(1)",
    "data:text/html,<script>",
    "vbscript:x",
    "",
    null,
    undefined,
    {},
    "https://",
  ]) {
    assert.equal(safeHref(address), null, JSON.stringify(address));
  }
});
