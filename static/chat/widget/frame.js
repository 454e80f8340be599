/** The chat inside its frame: puts the parts together. */
import { Api } from "./api.js";
import { Bridge } from "./bridge.js";
import { Chat } from "./chat.js";
import { chooseLanguage, loadWords } from "./i18n/index.js";
import { openOutbox } from "./outbox.js";
import { KeptByParent, KeyedStorage, ownStorage } from "./storage.js";
import { Tabs } from "./tabs.js";
import { View } from "./view.js";

const page = document.documentElement;
const { siteKey, parentOrigin, color, language: given } = page.dataset;
let storage = null;
let language = chooseLanguage(given, navigator.languages ?? []);
let view = null;
let chat = null;
let isOpen = false;
let identity = null;
let kept = null; // set where the browser refuses storage to this frame

const bridge = new Bridge(parentOrigin, {
  init: (message) => {
    identity = message.identity ?? null;
    isOpen = message.isOpen;
    start(message.kept);
  },
  opened,
  closed() {
    isOpen = false;
    chat?.show(false);
  },
  identify(message) {
    identity = message.identity;
    chat?.identify(identity);
  },
  language: (message) => chat && speak(message.language),
  async reset() {
    await chat.reset();
    bridge.tell("reset");
  },
});

function opened() {
  isOpen = true;
  chat?.show(document.visibilityState === "visible");
  view?.keepBottom();
  view?.composer.focus();
}

function close() {
  chat.writing(false);
  bridge.tell("close");
}

const actions = {
  send: (text) => chat.send(text),
  writing: (isWriting) => chat?.writing(isWriting),
  close,
  older: () =>
    chat
      .loadOlder()
      .catch((error) => bridge.tell("error", { code: "unreachable", message: error.message })),
  talkToPerson() {
    chat.send(view.words.t("talkToPersonText"));
    view.composer.focus();
  },
  retry(id) {
    chat.retry(id);
    view.composer.focus();
  },
  discard(id) {
    chat.discard(id);
    view.composer.focus();
  },
  edit(id, text) {
    const draft = view.composer.text.value;
    view.composer.set(draft ? `${text}\n${draft}` : text);
    actions.discard(id);
  },
};

async function speak(wish) {
  language = chooseLanguage(wish, language);
  page.lang = language;
  const words = await loadWords(language);
  buildView(words);
  chat.setLanguage(language);
}

function buildView(words) {
  document.title = words.t("chat");
  view = new View({
    root: document.querySelector("#chat"),
    chat,
    words,
    title: document.querySelector("#chat").dataset.title,
    color,
    storage,
    isFramed: bridge.isFramed,
    actions,
  });
}

const told = { unread: null, kept: null };

function tellParent() {
  if (!chat) return;
  const { unread } = chat;
  if (unread !== told.unread) bridge.tell("unread", { count: unread });
  told.unread = unread;
  if (!chat.isLoaded && !chat.hasUnsent) return;
  // What is kept makes the launcher load this frame again on the next page, unopened.
  const isWanted = chat.isOpen || chat.hasUnsent || unread > 0;
  const value = isWanted ? (kept?.text ?? "1") : null;
  if (value !== told.kept) bridge.tell("keep", { value });
  told.kept = value;
}

let isRendering = false;

function changed() {
  tellParent();
  if (isRendering || !view) return;
  isRendering = true;
  // Many events in one go are one rendering. A hidden page has no animation frames, so no rAF here.
  setTimeout(() => {
    isRendering = false;
    view.render();
  });
}

async function start(keptText = null) {
  page.lang = language;
  const own = ownStorage();
  if (!own && bridge.isFramed) kept = new KeptByParent(keptText, tellParent);
  storage = new KeyedStorage(siteKey, own ?? kept);
  const [words, outbox] = await Promise.all([loadWords(language), openOutbox(siteKey, storage)]);
  chat = new Chat({
    api: new Api({ siteKey }),
    storage,
    outbox,
    tabs: new Tabs(siteKey),
    language,
    parentOrigin: parentOrigin || null,
    onchange: changed,
    onarrival(event) {
      view.announce(event);
      bridge.tell("message", { seq: event.seq, sender: event.data.sender.type });
    },
    onrefused(error) {
      view.showRefusal(error);
      bridge.tell("error", { code: error.code, message: error.message });
    },
    onwarning: (error) => bridge.tell("error", { code: error.code, message: error.message }),
  });
  chat.session.identity = identity;
  buildView(words);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) close();
  });
  document.addEventListener("visibilitychange", () =>
    chat.show(isOpen && document.visibilityState === "visible"),
  );
  await chat.start();
  if (isOpen) opened();
}

if (bridge.isFramed) {
  bridge.tell("ready");
} else {
  isOpen = true;
  start();
}
