/** A widget's settings: languages as tabs, the colour's contrast, and the live preview. */
import { inkOn, luminance } from "../widget/color.js";
import { loadWords } from "../widget/i18n/index.js";

const MIN_CONTRAST = 3;
const WHITE = "#ffffff";
const DARK = "#1f1d1b";
const TEXTS = ["title", "greeting", "suggestions", "placeholder", "bot_name", "offline"];
const DEFAULTS = {
  greeting: "greeting",
  placeholder: "composer",
  bot_name: "bot",
  offline: "state.away",
};

const editor = document.querySelector(".widget-editor");
/** @type {HTMLFormElement} */
const form = document.querySelector("#widget-form");
const stage = document.querySelector(".preview-stage");
const frame = stage.querySelector("iframe");
const toggle = document.querySelector(".preview-toggle");
/** @type {HTMLSelectElement} */
const scene = document.querySelector("#preview-scene");
const tabs = [...document.querySelectorAll(".text-tabs [role=tab]")];
const groups = [...document.querySelectorAll(".text-group")];
let language = editor.dataset.language;
let isReady = false;

/** @type {(name: string) => any} */
const field = (name) => form.elements[name];
/** @type {(name: string) => string} */
const valueOf = (name) => field(name).value.trim();
const languages = tabs.map((tab) => tab.dataset.language);

// --- Languages ----------------------------------------------------------------------------------

function choose(code, { focus = false } = {}) {
  language = code;
  for (const tab of tabs) {
    const isThis = tab.dataset.language === code;
    tab.setAttribute("aria-selected", String(isThis));
    tab.tabIndex = isThis ? 0 : -1;
    if (isThis && focus) tab.focus();
  }
  for (const group of groups) group.hidden = group.dataset.language !== code;
  show();
}

for (const [index, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab.dataset.language));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(languages[(index + step + tabs.length) % tabs.length], { focus: true });
  });
}

/** Show in each empty field what visitors get instead of it. */
async function showDefaults() {
  for (const code of languages) {
    const { t } = await loadWords(code);
    for (const [name, key] of Object.entries(DEFAULTS)) {
      field(`${code}-${name}`).placeholder = t(key);
    }
    field(`${code}-title`).placeholder = valueOf("name");
    field(`${code}-suggestions`).placeholder = gettext("None");
    field(`${code}-bot_name`).placeholder = valueOf("bot_name") || t(DEFAULTS.bot_name);
    if (code === editor.dataset.language) field("bot_name").placeholder = t(DEFAULTS.bot_name);
  }
}

// --- Colour -------------------------------------------------------------------------------------

function contrast(one, other) {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

/** The same as `contrast_hint` of chat/colors.py. */
function hintOn(color) {
  const onWhite = contrast(color, WHITE);
  const onDark = contrast(color, DARK);
  if (onWhite < MIN_CONTRAST) {
    return interpolate(
      gettext(
        "On a white page this colour is hard to see (%s : 1). Choose a darker one, of at least 3 : 1.",
      ),
      [onWhite.toFixed(1)],
    );
  }
  if (onDark < MIN_CONTRAST / 2) {
    return interpolate(
      gettext("On a dark page this colour is hard to see (%s : 1). A lighter one shows on both."),
      [onDark.toFixed(1)],
    );
  }
  return "";
}

function showColor(color) {
  form.querySelector(".color-code").textContent = color;
  const hint = form.querySelector(".color-hint");
  const text = hintOn(color);
  if (hint.textContent !== text) hint.textContent = text;
  stage.style.setProperty("--color", color);
  stage.style.setProperty("--ink", inkOn(color));
}

// --- Preview ------------------------------------------------------------------------------------

/** The text of a visitor who reads this language, as `Widget.text` finds it. */
function textOf(name) {
  const own = valueOf(`${language}-${name}`);
  if (own || name !== "bot_name") return own;
  // One name of the bot is for all languages that have none of their own.
  const others = [editor.dataset.language, ...languages].map((code) => `${code}-${name}`);
  return [name, ...others].map(valueOf).find(Boolean) ?? "";
}

function settings() {
  const texts = Object.fromEntries(TEXTS.map((name) => [name, textOf(name)]));
  return {
    name: field("name").value.trim(),
    color: field("color").value,
    position: field("position").value,
    bot_enabled: field("bot_enabled").checked,
    texts: Object.fromEntries(Object.entries(texts).filter(([, text]) => text)),
  };
}

function show() {
  const given = settings();
  showColor(given.color);
  stage.dataset.side = given.position;
  if (!isReady) return;
  const samples = {
    question: gettext("Do you deliver on Sunday?"),
    answer: gettext("Yes, every day from 8:00 to 20:00."),
  };
  frame.contentWindow.postMessage(
    { nextflow: 1, type: "preview", language, scene: scene.value, settings: given, samples },
    location.origin,
  );
}

window.addEventListener("message", ({ origin, source, data }) => {
  if (origin !== location.origin || source !== frame.contentWindow) return;
  if (data?.nextflow !== 1 || data.type !== "ready") return;
  isReady = true;
  show();
});
form.addEventListener("input", () => {
  show();
  void showDefaults();
});
scene.addEventListener("change", show);

// On a phone the preview stays at the top while one scrolls, and opens and closes there.
const OPEN_KEY = "widget-preview-open";

function openPreview(isOpen) {
  toggle.setAttribute("aria-expanded", String(isOpen));
  editor.toggleAttribute("data-preview-open", isOpen);
}

toggle.addEventListener("click", () => {
  const isOpen = toggle.getAttribute("aria-expanded") !== "true";
  openPreview(isOpen);
  try {
    sessionStorage.setItem(OPEN_KEY, isOpen ? "yes" : "");
  } catch {
    // Storage is forbidden: it opens anew after each save.
  }
});
try {
  openPreview(Boolean(sessionStorage.getItem(OPEN_KEY)));
} catch {
  openPreview(false);
}
toggle.hidden = false;

document.querySelector(".text-tabs").hidden = false;
editor.dataset.live = "";
const wrong = tabs.find((tab) => "wrong" in tab.dataset);
choose(wrong ? wrong.dataset.language : language);
void showDefaults();
// The frame may have been ready before this listened.
frame.src = editor.dataset.preview;
