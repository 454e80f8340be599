import { lengthOf } from "../../stream/text.js";
import { button, element, icon } from "./dom.js";
import { ICONS } from "./icons.js";

const COUNT_FROM = 0.9;
const TYPING_PAUSE = 4_000;

/** Where the visitor writes. A draft survives a reload; nothing that was typed is cut off.
 *
 * The tabs of a visitor share one draft. An empty one is kept as such: only that tells a draft that
 * was sent elsewhere from a storage that was cleared, which takes away nothing that stands here. */
export class Composer {
  /** @param {Widget.ComposerParts} parts */
  constructor({ words, storage, owner, onsend, onwriting }) {
    this.words = words;
    this.storage = storage;
    this.owner = owner;
    this.onsend = onsend;
    this.onwriting = onwriting;
    this.limit = 10_000;
    // The draft as this page wrote or read it last; what differs from it was typed since.
    this.known = storage.get(this.draftName) ?? "";
    // Whether the storage took it; one that is full holds an older one.
    this.isKept = true;
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
    this.text.value = this.known;
    this.refresh();
  }

  get draftName() {
    return this.owner ? `draft:${this.owner}` : "draft";
  }

  /** Show the draft of whoever writes from now on. What nobody in particular began goes along.
   *
   * @param {string} owner */
  belongTo(owner) {
    if (owner === this.owner) return;
    this.adopt();
    const begun = this.owner ? "" : this.text.value;
    if (begun) this.storage.set(this.draftName, "");
    this.owner = owner;
    this.known = this.storage.get(this.draftName) ?? "";
    this.set(joined(this.known, begun));
  }

  /** Show what another tab wrote or sent. */
  adopt() {
    const theirs = this.stored;
    if (theirs === this.known || this.text.value !== this.known) return;
    this.known = theirs;
    this.text.value = theirs;
    this.refresh();
  }

  get stored() {
    return (this.isKept ? this.storage.get(this.draftName) : null) ?? this.known;
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
    this.adopt(); // another tab may have sent it just now
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
    this.keep();
    this.refresh();
    if (!isTyping) return;
    clearTimeout(this.typingTimer);
    this.onwriting(Boolean(this.text.value));
    this.typingTimer = setTimeout(() => this.onwriting(false), TYPING_PAUSE);
  }

  /** Keep what was typed here, beside what another tab wrote and this one has not shown yet. */
  keep() {
    const { stored } = this;
    if (stored !== this.known) this.text.value = joined(stored, this.text.value);
    this.known = this.text.value;
    this.isKept = this.storage.set(this.draftName, this.known);
  }

  refresh() {
    const { value } = this.text;
    this.grow();
    this.showCount(lengthOf(value.trim()));
    this.sendButton.disabled = !value.trim() || this.isTooLong;
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

/**
 * @param {string} stored
 * @param {string} typed
 */
function joined(stored, typed) {
  return [...new Set([stored, typed])].filter(Boolean).join("\n");
}
