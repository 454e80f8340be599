import assert from "node:assert/strict";
import { test } from "node:test";
import "./page.js";
import { inkOn, luminance } from "../../../static/chat/widget/color.js";
import { chooseLanguage, LANGUAGES, loadWords } from "../../../static/chat/widget/i18n/index.js";
import { initials } from "../../../static/chat/widget/text.js";
import { lengthOf } from "../../../static/stream/text.js";

test("length is counted as the server counts", () => {
  assert.equal(lengthOf("a😀б"), 3);
  assert.equal(lengthOf("a😀\r\nб\r"), 5);
  assert.equal(lengthOf("ệ".normalize("NFD").repeat(4000)), 4000);
});

test("initials are those of the first and the last word", () => {
  for (const [name, letters] of [
    ["Linh Tran", "LT"],
    ["Лев", "Л"],
    ["  ", ""],
    ["a b c", "AC"],
    ["😀 b", "😀B"],
  ]) {
    assert.equal(initials(name), letters);
  }
});

test("ink is readable on every colour", () => {
  for (let value = 0; value < 0x1000000; value += 4099) {
    const color = `#${value.toString(16).padStart(6, "0")}`;
    const [light, dark] = [luminance(color), luminance(inkOn(color))].sort((a, b) => b - a);
    assert.ok((light + 0.05) / (dark + 0.05) >= 4.5, color);
  }
});

const FORMS = ["one", "few", "many", "other"];
const isPlural = (value) =>
  Object.keys(value).every((key) => FORMS.includes(key))
  && Object.values(value).every((text) => text.includes("{count}"));
const fills = (value) => [...new Set(JSON.stringify(value).match(/{\w+}/g))].sort().join();
const flat = (words, prefix = "") =>
  Object.entries(words).flatMap(([key, value]) =>
    typeof value === "string" || isPlural(value)
      ? [`${prefix}${key}: ${fills(value)}`]
      : flat(value, `${prefix}${key}.`),
  );

test("every language says everything, with the same gaps to fill", async () => {
  assert.deepEqual(LANGUAGES, ["en", "vi", "ru"]);
  const [english, ...others] = await Promise.all(
    LANGUAGES.map(async (language) => flat((await loadWords(language)).words).sort()),
  );
  assert.ok(english.length > 50);
  for (const other of others) assert.deepEqual(other, english);
});

test("the language is the first wish that we speak", () => {
  assert.equal(chooseLanguage(null, ["ru-RU", "en"]), "ru");
  assert.equal(chooseLanguage("vi-VN", ["ru"]), "vi");
  assert.equal(chooseLanguage("xx", ["fr", "de"]), "en");
  assert.equal(chooseLanguage("", ["fr", "vi"]), "vi");
  // A site that asks for a language that we do not speak leaves the one that is spoken.
  assert.equal(chooseLanguage("fr", "ru"), "ru");
});

test("plurals follow the language", async () => {
  const words = await loadWords("ru");
  assert.deepEqual(
    [1, 2, 5, 21].map((count) => words.t("left", { count })),
    ["Остался 1 символ", "Осталось 2 символа", "Осталось 5 символов", "Остался 21 символ"],
  );
});

test("days are told from today on", async () => {
  const words = await loadWords("en");
  const now = new Date(2026, 2, 5, 0, 5);
  assert.equal(words.day(new Date(2026, 2, 5, 23).toISOString(), now), words.t("today"));
  assert.equal(words.day(new Date(2026, 2, 4, 23, 59).toISOString(), now), words.t("yesterday"));
  const earlier = words.day(new Date(2026, 2, 3).toISOString(), now).replace(",", "");
  assert.equal(earlier, "Tuesday 3 March");
  // Browsers and their versions differ in the comma.
  const lastYear = words.day(new Date(2025, 11, 31).toISOString(), now).replace(",", "");
  assert.equal(lastYear, "Wednesday 31 December 2025");
});
