// Where an agent writes: a reply or a private note, each with a draft of its own per conversation,
// so that the text of a note never stands where the next key sends it to the customer.
import { lengthOf } from "../../stream/text.js";
import { Drafts } from "./drafts.js";
import { announce, byId, root, setText, state } from "./page.js";
import { isolate } from "./text.js";

const TYPING_EVERY_MS = 3_000;
const TYPING_ENDS_MS = 5_000;
const COUNT_FROM = 0.9;

export class Composer {
  mode = "reply";
  #id = null;
  #drafts = new Drafts((id) => id === this.#id && this.#adopt());
  /** The draft as this page wrote or read it last; what differs from it was typed since. */
  #known = "";
  #form = byId("composer-form");
  #text = byId("composer-text");
  #sendButton = byId("composer-send");
  #early = this.#text.value;
  #typingSaid = 0;
  #typingTimer = null;
  #handlers;

  /** handlers: send(content), answers whether it was taken; typing(isTyping); editLast(), answers
   * whether there is something to edit. */
  constructor(handlers) {
    this.#handlers = handlers;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "ArrowUp" && !this.#text.value && this.#handlers.editLast()) {
        event.preventDefault();
        return;
      }
      // An input method's Enter chooses a word; it must not send the message.
      if (event.isComposing || event.keyCode === 229) return;
      if (isSwitch(event)) {
        event.preventDefault();
        this.#switchTo(this.mode === "note" ? "reply" : "note");
        return;
      }
      if (event.key !== "Enter" || event.shiftKey) return;
      event.preventDefault();
      // A key that is held opened this conversation; it must not send what was begun here.
      if (!event.repeat) this.#submit();
    });
    this.#text.addEventListener("input", () => this.#changed());
    // A tab that was asleep has not heard what the others wrote.
    for (const name of ["focus", "pageshow"]) window.addEventListener(name, () => this.#adopt());
    this.#text.addEventListener("blur", () => this.#stopTyping());
    for (const button of this.#form.querySelectorAll("button[data-mode]")) {
      button.addEventListener("click", () => {
        this.#switchTo(button.dataset.mode);
      });
    }
    byId("composer-warning").querySelector("button").addEventListener("click", () => {
      byId("composer-warning").hidden = true;
      this.#text.focus();
    });
  }

  get hasText() {
    return this.#text.value.trim() !== "";
  }

  /** Show the draft of a conversation, in the mode in which it was begun.
   *
   * @param {string} id */
  open(id) {
    this.#id = id;
    byId("composer-warning").hidden = true;
    this.#keepEarly();
    this.#show(this.#drafts.of(id).mode);
  }

  close() {
    this.#stopTyping();
    this.#id = null;
    this.#text.value = "";
  }

  /** Write the other kind of message; what was begun of this one is kept beside it.
   *
   * @param {string} mode */
  setMode(mode) {
    if (mode === this.mode || this.#id === null) return;
    this.#drafts.change(this.#id, { mode });
    this.#show(mode);
    announce(this.#text.getAttribute("aria-label"));
  }

  /** @param {string} mode */
  #switchTo(mode) {
    this.setMode(mode);
    this.#text.focus();
  }

  /** @param {string} mode */
  #show(mode) {
    this.mode = mode;
    this.#form.dataset.mode = mode;
    this.#known = this.#drafts.of(this.#id)[mode];
    this.#text.value = this.#known;
    for (const button of this.#form.querySelectorAll("button[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    const isNote = mode === "note";
    this.#text.placeholder = isNote
      ? gettext("Write a note that only your team sees")
      : gettext("Write a reply");
    this.#text.setAttribute(
      "aria-label",
      isNote ? gettext("Private note: only your team sees it") : gettext("Reply to the customer"),
    );
    setText(
      this.#sendButton.querySelector(".composer-send-label"),
      isNote ? gettext("Save note") : gettext("Send to customer"),
    );
    this.#sendButton.classList.toggle("btn-primary", !isNote);
    this.#sendButton.classList.toggle("btn-note", isNote);
    setText(
      byId("composer-hint"),
      isNote
        ? gettext("Enter saves the note, Shift+Enter starts a new line, Alt+N switches between reply and note")
        : gettext("Enter sends, Shift+Enter starts a new line, Alt+N switches between reply and note"),
    );
    byId("composer-private").hidden = !isNote;
    this.#stopTyping();
    this.#refresh();
  }

  /** @param {string} mode */
  focus(mode) {
    if (this.#form.hidden) return;
    this.setMode(mode);
    this.#text.focus();
  }

  /** Say why one cannot write here, with one button that changes it; null lets one write. */
  setBar(bar) {
    const box = byId("composer-bar");
    box.hidden = bar === null;
    this.#form.hidden = bar?.blocks ?? false;
    if (!bar) return;
    box.dataset.kind = bar.blocks ? "closed" : "bot";
    setText(box.querySelector("span"), bar.text);
    const button = box.querySelector("button");
    button.hidden = !bar.action;
    if (bar.action) {
      setText(button, bar.action.label);
      button.onclick = bar.action.run;
    }
  }

  /** Say what becomes of what is sent while there is no connection; a phone shows nothing else of it.
   *
   * @param {string} link */
  showLink(link) {
    const line = byId("composer-link");
    // Each attempt to come back is "connecting" for a moment.
    if (link !== "connecting") line.hidden = link === "live" || link === "polling";
    const words =
      link === "refused"
        ? gettext("This page is disconnected. What you send is kept and goes out when you load it again.")
        : gettext("No connection. What you send is kept and goes out by itself when it is back.");
    if (!line.hidden) setText(line.querySelector("span"), words);
  }

  /** A colleague answered while this person was writing: say so before two answers go out.
   *
   * @param {string} name */
  warn(name) {
    if (this.mode !== "reply" || !this.hasText) return;
    const warning = byId("composer-warning");
    setText(
      warning.querySelector("span"),
      interpolate(gettext("%s replied while you were writing. Read it before you send yours."), [isolate(name)]),
    );
    warning.hidden = false;
  }

  #submit() {
    const text = this.#text.value.trim();
    if (!text || this.#sendButton.disabled || lengthOf(text) > state.max_text_length) return;
    const content = { type: this.mode === "note" ? "note" : "text", text };
    if (!this.#handlers.send(content)) return;
    // The next one is of the same kind, until the person says otherwise.
    this.#text.value = "";
    this.#keep();
    byId("composer-warning").hidden = true;
    this.#stopTyping();
    this.#refresh();
  }

  #changed() {
    this.#keep();
    this.#refresh();
    if (this.mode !== "reply" || !this.hasText) {
      this.#stopTyping();
      return;
    }
    if (Date.now() - this.#typingSaid > TYPING_EVERY_MS) {
      this.#typingSaid = Date.now();
      this.#handlers.typing(true);
    }
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.#stopTyping(), TYPING_ENDS_MS);
  }

  #stopTyping() {
    clearTimeout(this.#typingTimer);
    if (this.#typingSaid) this.#handlers.typing(false);
    this.#typingSaid = 0;
  }

  #refresh() {
    const length = lengthOf(this.#text.value.trim());
    const isTooLong = length > state.max_text_length;
    this.#sendButton.disabled = length === 0 || isTooLong;
    const count = byId("composer-count");
    count.toggleAttribute("data-over", isTooLong);
    setText(
      count,
      length > state.max_text_length * COUNT_FROM ? `${length} / ${state.max_text_length}` : "",
    );
    this.#markDrafts();
    // Grow with the text, up to a part of the pane; the style sheet sets the limits.
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
    root.dataset.writing = String(length > 0);
  }

  /** On a slow line a person writes before this script runs: that stands below what was kept. */
  #keepEarly() {
    const early = this.#early.trim() && this.#early;
    this.#early = "";
    const { reply } = this.#drafts.of(this.#id);
    // A browser that restores its fields gives back the kept text itself.
    if (!early || early === reply) return;
    const whole = reply ? `${reply}\n${early}` : early;
    this.#drafts.change(this.#id, { mode: "reply", reply: whole });
  }

  /** Keep what a person typed here, and only that. */
  #keep() {
    if (this.#id === null) return;
    this.#known = this.hasText ? this.#text.value : "";
    this.#drafts.change(this.#id, { mode: this.mode, [this.mode]: this.#known });
  }

  /** Show what another tab of this person wrote, unless something else stands here. */
  #adopt() {
    if (this.#id === null) return;
    const theirs = this.#drafts.of(this.#id)[this.mode];
    const isUntouched = (this.hasText ? this.#text.value : "") === this.#known;
    if (theirs !== this.#known && isUntouched) {
      this.#known = theirs;
      this.#text.value = theirs;
    }
    this.#refresh();
  }

  #markDrafts() {
    if (this.#id === null) return;
    const draft = this.#drafts.of(this.#id);
    for (const button of this.#form.querySelectorAll("button[data-mode]")) {
      const isLeft = button.dataset.mode !== this.mode && draft[button.dataset.mode] !== "";
      button.toggleAttribute("data-draft", isLeft);
      button.querySelector(".composer-mode-draft").hidden = !isLeft;
    }
  }
}

/** Alt+N, by its place on the keyboard: other layouts write other letters there. */
function isSwitch(event) {
  const isAlone = !event.ctrlKey && !event.metaKey && !event.getModifierState("AltGraph");
  return event.altKey && isAlone && event.code === "KeyN";
}
