// The form in which a sent message is edited. What is typed in it is kept until it is saved or
// cancelled; a message that somebody else changes meanwhile leaves it as it is, and it says so.
import { newId } from "../../stream/ids.js";
import { lengthOf } from "../../stream/text.js";
import { element, setText, slot, state } from "./page.js";

export class EditForm {
  #entry;
  #edits;
  #save;
  #onleave;
  /** The text of the message that this edit began with. */
  #before;
  /** The edit as this page wrote or read it last; what differs from it was typed since. */
  #known;
  #isTyped = false;
  #key = newKey();
  #form = element("form", "edit-form");
  #field = element("textarea", "form-control");
  #notice = element("div", "edit-notice");
  #saveButton = element("button", "btn btn-sm btn-primary", gettext("Save"));

  /** parts: node and entry of the message; edits; save(text, key) answers whether it was saved;
   * onleave() is called when it is left with the focus in it. */
  constructor({ node, entry, edits, save, onleave }) {
    this.node = node;
    this.#entry = entry;
    this.#edits = edits;
    this.#save = save;
    this.#onleave = onleave;
    const kept = edits.of(entry.data.message_id);
    this.#before = kept?.before ?? textOf(entry);
    this.#known = kept?.text ?? this.#before;
    this.#build();
    this.meet(entry);
    // Its node may not be in the page yet.
    queueMicrotask(() => this.#refresh());
  }

  get isOpen() {
    return this.node.contains(this.#form);
  }

  #build() {
    const field = this.#field;
    field.setAttribute("aria-label", gettext("Edit the message"));
    field.dir = "auto";
    field.value = this.#known;
    field.rows = 1;
    this.#notice.setAttribute("role", "status");
    const cancel = element("button", "btn btn-sm", gettext("Cancel"));
    cancel.type = "button";
    cancel.addEventListener("click", () => this.#finish());
    const foot = element("div", "edit-foot");
    const hint = element("span", "edit-hint", gettext("Enter saves, Esc cancels"));
    foot.append(hint, cancel, this.#saveButton);
    this.#form.append(this.#notice, field, foot);
    field.addEventListener("input", () => this.#changed());
    field.addEventListener("keydown", (event) => this.#pressed(event));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
    this.node.dataset.editing = "";
    slot(this.node, "text").after(this.#form);
  }

  focus() {
    const { length } = this.#field.value;
    this.#field.focus();
    this.#field.setSelectionRange(length, length);
    this.#form.scrollIntoView({ block: "nearest" });
  }

  /** Take the message as it is by now. One that reads as was typed here needs no edit any more.
   *
   * @param {Stream.Event} entry */
  meet(entry) {
    if (!this.isOpen) return;
    this.#entry = entry;
    const isDeleted = Boolean(entry.data.deleted_at);
    const isUntouched = this.#field.value === this.#before;
    const text = textOf(entry);
    if (isUntouched && isDeleted) {
      this.#leave();
      return;
    }
    if (isUntouched && text !== this.#before) {
      this.#before = text;
      this.#known = text;
      this.#field.value = text;
    }
    const isChanged = !isDeleted && text !== this.#before;
    if (isChanged && text === this.#field.value.trim()) {
      this.#finish();
      return;
    }
    if (isChanged || isDeleted) this.#keep();
    this.#tell(isChanged, isDeleted);
    slot(this.node, "text").hidden = !isDeleted;
    this.#refresh();
  }

  /** Another tab wrote or dropped an edit of this message. What was typed here stays; a form that
   * only shows the other tab's text follows it, and closes with it. */
  adopt() {
    if (!this.isOpen) return;
    const theirs = this.#edits.of(this.#entry.data.message_id);
    if (this.#isTyped) {
      if (!theirs) this.#keep();
    } else if (theirs) {
      this.#known = theirs.text;
      this.#field.value = theirs.text;
      this.#refresh();
    } else if (this.#field.value !== this.#before) this.#leave();
  }

  #tell(isChanged, isDeleted) {
    const words = isDeleted
      ? gettext("This message was deleted while you were editing it. Your text can be copied.")
      : gettext("This message was changed while you were editing it. It now reads:");
    if (isDeleted) this.#notice.replaceChildren(element("p", "", words));
    else if (isChanged) {
      const now = element("blockquote", "", textOf(this.#entry));
      now.dir = "auto";
      this.#notice.replaceChildren(element("p", "", words), now);
    } else setText(this.#notice, "");
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.#finish();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void this.#submit();
    }
  }

  #changed() {
    // Another text is another edit; the same one sent again is the same.
    this.#key = newKey();
    this.#isTyped = true;
    this.#keep();
    this.#refresh();
  }

  #keep() {
    const id = this.#entry.data.message_id;
    this.#known = this.#field.value;
    if (this.#known === this.#before) this.#edits.drop(id);
    else this.#edits.keep(id, { text: this.#known, before: this.#before });
  }

  #refresh() {
    const text = this.#field.value.trim();
    this.#saveButton.disabled =
      !text || lengthOf(text) > state.max_text_length || Boolean(this.#entry.data.deleted_at);
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight + 2}px`;
  }

  async #submit() {
    const text = this.#field.value.trim();
    if (this.#saveButton.disabled) return;
    if (text === textOf(this.#entry)) {
      this.#finish();
      return;
    }
    this.#saveButton.disabled = true;
    if (await this.#save(text, this.#key)) this.#finish();
    else this.#refresh();
  }

  #finish() {
    const hadFocus = this.#form.contains(document.activeElement);
    this.#leave();
    if (hadFocus) this.#onleave();
  }

  /** Close the form; of what is kept only what it showed is dropped. */
  #leave() {
    if (!this.isOpen) return;
    const id = this.#entry.data.message_id;
    if (this.#edits.of(id)?.text === this.#known) this.#edits.drop(id);
    this.#form.remove();
    delete this.node.dataset.editing;
    slot(this.node, "text").hidden = false;
  }
}

const newKey = () => `edit-${newId()}`;

/** @param {Stream.Event} entry */
const textOf = (entry) => entry.data.content.text ?? "";
