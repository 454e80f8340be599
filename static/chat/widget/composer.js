import { button, element, icon } from "./dom.js";
import { ICONS } from "./icons.js";
import { lengthOf } from "./text.js";

const COUNT_FROM = 0.9;
const TYPING_PAUSE = 4_000;

/** Where the visitor writes. A draft survives a reload; nothing that was typed is cut off. */
export class Composer {
  /** @param {Widget.ComposerParts} parts */
  constructor({ words, storage, owner, onsend, onwriting }) {
    this.words = words;
    this.storage = storage;
    this.owner = owner;
    this.onsend = onsend;
    this.onwriting = onwriting;
    this.limit = 10_000;
    const { t } = words;
    this.text = element("textarea", {
      id: "text",
      rows: 1,
      placeholder: t("composer"),
      "aria-label": t("composerLabel"),
      "aria-describedby": "count",
      autocomplete: "off",
      enterkeyhint: "send",
      dir: "auto",
    });
    this.count = element("p", { id: "count", class: "count", "aria-live": "polite" });
    this.sendButton = button(
      { type: "submit", class: "send", "aria-label": t("send"), title: t("send") },
      () => {},
      icon(ICONS.send),
    );
    this.form = element(
      "form",
      { class: "composer" },
      element("div", { class: "field" }, this.text, this.sendButton),
      this.count,
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("input", () => this.changed());
    this.text.value = storage.get(this.draftName) ?? "";
    this.changed({ isTyping: false });
  }

  get draftName() {
    return this.owner ? `draft:${this.owner}` : "draft";
  }

  /** Show the draft of whoever writes from now on. What nobody in particular began goes along.
   *
   * @param {string} owner */
  belongTo(owner) {
    if (owner === this.owner) return;
    const begun = this.owner ? "" : this.text.value;
    if (!this.owner) this.storage.remove("draft");
    this.owner = owner;
    const kept = this.storage.get(this.draftName) ?? "";
    const text = [...new Set([kept, begun])].filter(Boolean).join("\n");
    if (text === this.text.value) this.changed({ isTyping: false });
    else this.set(text);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    // While an input method composes (Vietnamese!), Enter belongs to it; 229 is Safari's sign of it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229)
      return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const text = this.text.value.trim();
    if (!text || this.isTooLong || this.text.disabled) return;
    this.set("");
    this.onsend(text);
    this.text.focus();
  }

  /** @param {string} text */
  set(text) {
    this.text.value = text;
    this.changed({ isTyping: false });
  }

  changed({ isTyping = true } = {}) {
    const { value } = this.text;
    if (value) this.storage.set(this.draftName, value);
    else this.storage.remove(this.draftName);
    this.grow();
    this.showCount(lengthOf(value));
    this.sendButton.disabled = !value.trim() || this.isTooLong;
    if (!isTyping) return;
    clearTimeout(this.typingTimer);
    this.onwriting(Boolean(value));
    this.typingTimer = setTimeout(() => this.onwriting(false), TYPING_PAUSE);
  }

  /** @param {number} length */
  showCount(length) {
    const { t } = this.words;
    const left = this.limit - length;
    this.isTooLong = left < 0;
    this.count.classList.toggle("over", this.isTooLong);
    this.text.setAttribute("aria-invalid", String(this.isTooLong));
    if (this.isTooLong) this.count.textContent = t("tooLong", { count: -left });
    else
      this.count.textContent = length > this.limit * COUNT_FROM ? t("left", { count: left }) : "";
  }

  grow() {
    if (!this.text.isConnected) return;
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight}px`;
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  disable() {
    this.text.disabled = true;
    this.sendButton.disabled = true;
  }
}
