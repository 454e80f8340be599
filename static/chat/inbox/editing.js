// Editing and deleting messages: what the log says of it, and what a person may do.
import { Refusal, call } from "./api.js";
import { Edits } from "./edits.js";
import { EditForm } from "./edit_form.js";
import { byId, element, icon, mayChange, me, setText, state } from "./page.js";
import { now } from "./time.js";
import { toast } from "../../app/toasts.js";
import { EVENT } from "../../stream/shapes.js";

export const isAmendment = ({ kind }) => kind === "message.edited" || kind === "message.deleted";

/** Put what edits and deletions say into the messages they are about; entries: events by number.
 *
 * @param {Map<number, Stream.Event>} entries */
export function amend(entries) {
  const amendments = [...entries.values()].filter(isAmendment).sort((a, b) => a.seq - b.seq);
  for (const { data } of amendments) {
    const target = entries.get(data.target_seq);
    // One above what was loaded comes amended when somebody scrolls up to it.
    if (target?.kind !== "message.posted") continue;
    if (data.deleted_at) {
      const { type } = target.data.content;
      const { deleted_at, sender: deleted_by } = data;
      target.data = { ...target.data, content: { type }, deleted_at, deleted_by };
    } else if (data.content && !target.data.deleted_at && !(target.data.edited_at > data.edited_at)) {
      const content = { ...target.data.content, ...data.content };
      target.data = { ...target.data, content, edited_at: data.edited_at };
    }
  }
}

export class Editing {
  #conversation;
  /** The forms that were opened, by the id of their message. @type {Map<string, EditForm>} */
  #forms = new Map();
  #edits = new Edits((id) => this.#forms.get(id)?.adopt());
  #doomed = null;
  #dialog = byId("delete-dialog");

  /** @param {Inbox.OpenConversation} conversation */
  constructor(conversation) {
    this.#conversation = conversation;
    this.#dialog.addEventListener("close", () => {
      if (this.#dialog.returnValue === "delete") void this.#delete(this.#doomed);
      this.#doomed = null;
    });
  }

  /** Give a message's node its menu, if this person may ever do something with it, and the form of
   * an edit that was begun and not saved.
   *
   * @param {HTMLElement} node
   * @param {Stream.Event} entry */
  decorate(node, entry) {
    node.querySelector(".message-menu")?.remove();
    const { sender, deleted_at, message_id: id } = entry.data;
    const form = this.#forms.get(id);
    if (form?.node === node) form.update(entry);
    else if (this.#edits.of(id).length) this.#open(node, entry);
    const { row } = this.#conversation;
    if (deleted_at || !(row ? mayChange(row) : me.may_answer)) return;
    if (sender.id !== me.id && !me.may_delete.includes(sender.type)) return;
    const menu = element("div", "dropdown message-menu");
    const button = element("button", "icon-button");
    button.type = "button";
    button.dataset.bsToggle = "dropdown";
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-label", gettext("What to do with this message"));
    button.append(icon("dots-vertical"));
    const list = element("div", "dropdown-menu dropdown-menu-end");
    menu.append(button, list);
    menu.addEventListener("show.bs.dropdown", () => this.#fill(list, node, entry));
    node.append(menu);
  }

  /** Edit the newest message of one's own that may be edited; answers whether there is one. */
  editLast() {
    const entry = this.#conversation.messages().findLast((each) => this.#mayEdit(each));
    const node = entry && byId("log").querySelector(`[data-seq="${entry.seq}"]`);
    if (!node) return false;
    this.#edit(node, entry);
    return true;
  }

  #isOwnAndNew({ data }) {
    const age = now().getTime() - Date.parse(data.timestamp);
    return data.sender.id === me.id && age < state.me.amend_window_seconds * 1000;
  }

  /** @param {Stream.Event} entry */
  #mayEdit(entry) {
    const isClosed = this.#conversation.row?.status === "closed";
    return me.may_answer && !isClosed && !entry.data.deleted_at && this.#isOwnAndNew(entry);
  }

  /** @param {Stream.Event} entry */
  #mayDelete(entry) {
    return me.may_delete.includes(entry.data.sender.type) || this.#isOwnAndNew(entry);
  }

  /**
   * @param {HTMLElement} node
   * @param {Stream.Event} entry
   */
  #fill(list, node, entry) {
    // What holds now: time goes on, and the conversation may have been closed meanwhile.
    const items = [];
    if (this.#mayEdit(entry)) {
      items.push(item(icon("pencil"), gettext("Edit"), () => this.#edit(node, entry)));
    }
    if (this.#mayDelete(entry)) {
      items.push(item(icon("trash"), gettext("Delete"), () => this.#ask(entry)));
    }
    list.replaceChildren(
      ...(items.length
        ? items
        : [element("p", "menu-none", gettext("It is too late to change this message."))]),
    );
  }

  /**
   * @param {HTMLElement} node
   * @param {Stream.Event} entry
   */
  #edit(node, entry) {
    const open = this.#forms.get(entry.data.message_id);
    (open?.isOpen && open.node === node ? open : this.#open(node, entry)).focus();
  }

  /**
   * @param {HTMLElement} node
   * @param {Stream.Event} entry
   */
  #open(node, entry) {
    const form = new EditForm({
      node,
      entry,
      edits: this.#edits,
      save: (text, key, before) =>
        this.#call("PATCH", entry, { text, before }, { "Idempotency-Key": key }),
      onleave: () => this.#backToWriting(node),
    });
    this.#forms.set(entry.data.message_id, form);
    return form;
  }

  /** @param {HTMLElement} node */
  #backToWriting(node) {
    const field = byId("composer-text");
    if (field.offsetParent && matchMedia("(pointer: fine)").matches) field.focus();
    else node.querySelector(".message-menu button")?.focus();
  }

  /** @param {Stream.Event} entry */
  #ask(entry) {
    this.#doomed = entry;
    this.#dialog.returnValue = "";
    setText(byId("delete-text"), entry.data.content.text ?? "");
    byId("delete-seen").hidden = entry.data.content.type === "note";
    this.#dialog.showModal();
  }

  /** @param {Stream.Event} entry */
  async #delete(entry) {
    if (await this.#call("DELETE", entry)) toast(gettext("Message deleted"), { kind: "success" });
    byId("log-scroll").focus({ preventScroll: true });
  }

  /** Do it and show it, without waiting for the event to come by the socket. */
  async #call(method, entry, body, headers = {}) {
    const { stream } = this.#conversation;
    const path = `streams/${encodeURIComponent(stream)}/messages/${entry.data.message_id}`;
    try {
      const event = await call(method, path, { shape: EVENT, body, headers });
      if (stream === this.#conversation.stream) this.#conversation.receive(event);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      toast(error.message, { kind: "error" });
      return false;
    }
  }
}

/** @param {string} words */
function item(picture, words, run) {
  const button = element("button", "dropdown-item");
  button.type = "button";
  button.append(picture, words);
  button.addEventListener("click", run);
  return button;
}
