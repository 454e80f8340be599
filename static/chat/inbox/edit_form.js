// The form in which a sent message is edited. What is typed in it is kept until it is saved or
// cancelled; a message that somebody else changes meanwhile leaves it as it is, and it says so. Each
// tab keeps its own text; what was typed in another one is shown beside it, to be taken instead.
import { newId } from "../../stream/ids.js";
import { lengthOf } from "../../stream/text.js";
import { element, slot, state } from "./page.js";

export class EditForm {
  #entry;
  #edits;
  #save;
  #onleave;
  /** The text of the message that this edit began with. */
  #before;
  /** The edit of another tab that this form shows, until something is typed here.
   * @type {Inbox.Edit | null} */
  #theirs;
  #isTyped;
  #isSaving = false;
  #key = newKey();
  #form = element("form", "edit-form");
  #field = element("textarea", "form-control");
  #notice = element("div", "edit-notice");
  #saveButton = element("button", "btn btn-sm btn-primary", gettext("Save"));

  /** parts: node and entry of the message; edits; save(text, key, before) answers whether it was saved;
   * onleave() is called when it is left with the focus in it. */
  constructor({ node, entry, edits, save, onleave }) {
    this.node = node;
    this.#entry = entry;
    this.#edits = edits;
    this.#save = save;
    this.#onleave = onleave;
    const own = edits.own(this.#id);
    this.#isTyped = Boolean(own);
    // One that reads as the message does by now is about to be dropped by its own tab.
    const others = edits.of(this.#id).filter(({ text }) => text !== textOf(entry));
    this.#theirs = own ? null : (others.at(-1) ?? null);
    const kept = own ?? this.#theirs;
    this.#before = kept?.before ?? textOf(entry);
    this.#build(kept?.text ?? this.#before);
    this.update(entry);
    // Its node may not be in the page yet.
    queueMicrotask(() => this.#refresh());
  }

  get isOpen() {
    return this.node.contains(this.#form);
  }

  get #id() {
    return this.#entry.data.message_id;
  }

  /** @param {string} text */
  #build(text) {
    const field = this.#field;
    field.setAttribute("aria-label", gettext("Edit the message"));
    field.dir = "auto";
    field.value = text;
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
  update(entry) {
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
      this.#field.value = text;
    }
    const isChanged = !isDeleted && text !== this.#before;
    if (isChanged && text === this.#field.value.trim()) {
      this.#finish();
      return;
    }
    this.#tell();
    slot(this.node, "text").hidden = !isDeleted;
    this.#refresh();
  }

  /** Another tab wrote or dropped an edit of this message. What was typed here stays, as what is being
   * saved does; a form that only shows the other tab's text follows it, and closes with it. */
  adopt() {
    if (!this.isOpen || this.#isSaving) return;
    if (this.#isTyped) {
      if (!this.#edits.own(this.#id)) this.#keep();
    } else {
      const edits = this.#edits.of(this.#id);
      const shown = edits.find(({ by }) => by === this.#theirs?.by) ?? edits.at(-1);
      if (shown) this.#show(shown);
      else if (this.#theirs) {
        this.#leave();
        return;
      }
    }
    this.#tell();
  }

  /** @param {Inbox.Edit} edit */
  #show(edit) {
    this.#theirs = edit;
    this.#before = edit.before;
    this.#key = newKey();
    if (this.#field.value !== edit.text) this.#field.value = edit.text;
    this.#refresh();
  }

  /** Go on with what was typed in another tab; what was typed here is offered from then on.
   *
   * @param {Inbox.Edit} edit */
  #take(edit) {
    this.#edits.setAside(this.#id);
    this.#isTyped = false;
    this.#show(edit);
    this.#tell();
    this.focus();
  }

  #tell() {
    const parts = [];
    if (this.#entry.data.deleted_at) {
      const words = gettext(
        "This message was deleted while you were editing it. Your text can be copied.",
      );
      parts.push(element("p", "", words));
    } else if (textOf(this.#entry) !== this.#before) {
      const words = gettext("This message was changed while you were editing it. It now reads:");
      parts.push(element("p", "", words), quote(textOf(this.#entry)));
    }
    const shown = new Set([this.#field.value, textOf(this.#entry)]);
    for (const edit of this.#edits.of(this.#id)) {
      if (shown.has(edit.text)) continue;
      shown.add(edit.text);
      const words = gettext("You began another change of this message in another tab:");
      const button = element("button", "btn btn-sm", gettext("Use this text"));
      button.type = "button";
      button.addEventListener("click", () => this.#take(edit));
      parts.push(element("p", "", words), quote(edit.text), button);
    }
    this.#notice.replaceChildren(...parts);
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
    const text = this.#field.value;
    if (text === this.#before) this.#edits.drop(this.#id);
    else this.#edits.keep(this.#id, { text, before: this.#before });
    // This tab goes on with it. Where it is still being typed, that tab puts it back.
    if (this.#theirs) this.#edits.drop(this.#id, this.#theirs);
    this.#theirs = null;
  }

  #refresh() {
    const text = this.#field.value.trim();
    const isTooLong = lengthOf(text) > state.max_text_length;
    const isDeleted = Boolean(this.#entry.data.deleted_at);
    this.#saveButton.disabled = this.#isSaving || !text || isTooLong || isDeleted;
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
    this.#isSaving = this.#saveButton.disabled = true;
    const isSaved = await this.#save(text, this.#key, textOf(this.#entry));
    this.#isSaving = false;
    if (isSaved && this.#field.value.trim() === text) {
      this.#finish();
      return;
    }
    // What was typed meanwhile is an edit of what was saved.
    if (isSaved) this.#before = text;
    this.#tell();
    this.#refresh();
  }

  #finish() {
    const hadFocus = this.#form.contains(document.activeElement);
    this.#leave();
    if (hadFocus) this.#onleave();
  }

  /** Close the form; of what is kept only what it showed is dropped. */
  #leave() {
    if (!this.isOpen) return;
    this.#edits.drop(this.#id);
    if (this.#theirs) this.#edits.drop(this.#id, this.#theirs);
    this.#form.remove();
    delete this.node.dataset.editing;
    slot(this.node, "text").hidden = false;
  }
}

const newKey = () => `edit-${newId()}`;

/** @param {string} text */
function quote(text) {
  const made = element("blockquote", "", text);
  made.dir = "auto";
  return made;
}

/** @param {Stream.Event} entry */
const textOf = (entry) => entry.data.content.text ?? "";
