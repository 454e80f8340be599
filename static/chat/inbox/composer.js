// Where an agent writes: a reply or a private note, with the draft kept per conversation.
import { lengthOf } from "../../app/lengths.js";
import { byId, me, root, setText, state } from "./page.js";

const DRAFT_PREFIX = `nextflow-draft:${me.organization}:${me.id}:`;
const TYPING_EVERY_MS = 3_000;
const TYPING_ENDS_MS = 5_000;
const COUNT_FROM = 0.9;

export class Composer {
  mode = "reply";
  #id = null;
  #form = byId("composer-form");
  #text = byId("composer-text");
  #sendButton = byId("composer-send");
  #typingSaid = 0;
  #typingTimer = null;
  #handlers;

  /** handlers: send(content), may answer with a promise of whether it was taken; typing(isTyping);
   * editLast(), answers whether there is something to edit. */
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
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) {
        return;
      }
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("blur", () => this.#stopTyping());
    for (const button of this.#form.querySelectorAll("button[data-mode]")) {
      button.addEventListener("click", () => {
        this.setMode(button.dataset.mode);
        this.#text.focus();
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

  /** Show the draft of a conversation. */
  open(id) {
    this.#id = id;
    byId("composer-warning").hidden = true;
    const draft = this.#draft();
    this.#text.value = draft.text;
    this.setMode(draft.mode);
    this.#refresh();
  }

  close() {
    this.#stopTyping();
    this.#id = null;
    this.#text.value = "";
  }

  setMode(mode) {
    this.mode = mode;
    this.#form.dataset.mode = mode;
    for (const button of this.#form.querySelectorAll("button[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    const isNote = mode === "note";
    this.#text.placeholder = isNote
      ? gettext("Write a note that only your team sees")
      : gettext("Write a reply");
    this.#text.setAttribute("aria-label", this.#text.placeholder);
    setText(
      this.#sendButton.querySelector(".composer-send-label"),
      isNote ? gettext("Add the note") : gettext("Send"),
    );
    if (isNote) this.#stopTyping();
    this.#keep();
  }

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

  /** A colleague answered while this person was writing: say so before two answers go out. */
  warn(name) {
    if (this.mode !== "reply" || !this.hasText) return;
    const warning = byId("composer-warning");
    setText(
      warning.querySelector("span"),
      interpolate(gettext("%s replied while you were writing. Read it before you send yours."), [name]),
    );
    warning.hidden = false;
  }

  async #submit() {
    const text = this.#text.value.trim();
    if (!text || this.#sendButton.disabled || lengthOf(text) > state.max_text_length) return;
    const id = this.#id;
    const content = { type: this.mode === "note" ? "note" : "text", text };
    this.#sendButton.disabled = true;
    const wasTaken = await this.#handlers.send(content);
    if (!wasTaken || id !== this.#id) {
      this.#refresh();
      return;
    }
    this.#text.value = "";
    byId("composer-warning").hidden = true;
    this.setMode("reply");
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
    this.#keep();
    // Grow with the text, up to a part of the pane; the style sheet sets the limits.
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
    root.dataset.writing = String(length > 0);
  }

  #draft() {
    try {
      const kept = JSON.parse(localStorage.getItem(DRAFT_PREFIX + this.#id));
      return { mode: kept?.mode ?? "reply", text: kept?.text ?? "" };
    } catch {
      return { mode: "reply", text: "" };
    }
  }

  #keep() {
    if (this.#id === null) return;
    try {
      if (this.hasText) {
        const draft = { mode: this.mode, text: this.#text.value };
        localStorage.setItem(DRAFT_PREFIX + this.#id, JSON.stringify(draft));
      } else {
        localStorage.removeItem(DRAFT_PREFIX + this.#id);
      }
    } catch {
      // Storage is full or off: the draft lives as long as this page.
    }
  }
}
