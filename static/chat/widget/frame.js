/** The chat inside its frame: puts the parts together. */
import { Api } from "./api.js";
import { Bridge } from "./bridge.js";
import { Chat } from "./chat.js";
import { chooseLanguage, loadWords } from "./i18n/index.js";
import { openOutbox } from "./outbox.js";
import { KeptByParent, KeyedStorage, ownStorage } from "./storage.js";
import { Tabs } from "./tabs.js";
import { View } from "./view.js";

const STORAGE_REFUSED = {
  code: "storage_refused",
  message:
    "this browser keeps no data for the chat, nor for the page: a reload ends the conversation. " +
    "Allow cookies and site data for this site to keep it.",
};

const page = document.documentElement;
const { siteKey, parentOrigin, color, language: given } = page.dataset;
let storage = null;
let language = chooseLanguage(given, navigator.languages ?? []);
let words = null;
let view = null;
let chat = null;
let isOpen = false;
let identity = null;
let kept = null; // set where the browser refuses storage to this frame

const bridge = new Bridge(parentOrigin, {
  init: (message) => {
    identity = message.identity ?? null;
    isOpen = message.isOpen;
    void start(message);
  },
  opened: () => opened(),
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

function opened({ wantsFocus = true } = {}) {
  isOpen = true;
  chat?.show(document.visibilityState === "visible");
  view?.keepBottom();
  if (wantsFocus) view?.composer.focus();
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
  /** @param {string} id */
  retry(id) {
    chat.retry(id);
    view.composer.focus();
  },
  /** @param {string} id */
  discard(id) {
    chat.discard(id);
    view.composer.focus();
  },
  /**
   * @param {string} id
   * @param {string} text
   */
  edit(id, text) {
    const draft = view.composer.text.value;
    view.composer.set(draft ? `${text}\n${draft}` : text);
    actions.discard(id);
  },
};

/** @param {string} wish */
async function speak(wish) {
  const wished = chooseLanguage(wish, language);
  try {
    words = await loadWords(wished);
  } catch (error) {
    // The words did not come: the chat goes on in the language that it has.
    bridge.tell("error", { code: "unreachable", message: error.message });
    return;
  }
  language = wished;
  page.lang = language;
  buildView();
  chat.setLanguage(language);
}

function buildView() {
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

function adoptDraft() {
  view.composer.adopt();
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

async function start({ kept: keptText = null, canKeep = false, wantsFocus = true } = {}) {
  const own = ownStorage();
  if (!own && canKeep) kept = new KeptByParent(keptText, tellParent);
  storage = new KeyedStorage(siteKey, own ?? kept);
  if (!storage.isPersistent) bridge.tell("error", STORAGE_REFUSED);
  const outbox = await openOutbox(siteKey, storage);
  chat = new Chat({
    api: new Api({ siteKey }),
    storage,
    outbox,
    tabs: new Tabs(siteKey),
    language,
    parentOrigin: parentOrigin || null,
    onchange: changed,
    /** @param {Stream.Event} event */
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
  buildView();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) close();
  });
  document.addEventListener("visibilitychange", () =>
    chat.show(isOpen && document.visibilityState === "visible"),
  );
  // A tab that was asleep has not heard what the others wrote.
  for (const name of ["storage", "focus", "pageshow"]) window.addEventListener(name, adoptDraft);
  await chat.start();
  if (isOpen) opened({ wantsFocus });
}

function begin(loaded) {
  words = loaded;
  if (bridge.isFramed) {
    bridge.tell("ready");
  } else {
    isOpen = true;
    void start();
  }
}

page.lang = language;
// Without its words there is no chat: should they not come, the launcher hears no "ready" and loads
// the whole frame once more.
loadWords(language).then(begin, (error) => console.error(error));
