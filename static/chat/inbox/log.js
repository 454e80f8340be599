// Shows the entries of one conversation, by number, with day separators and what is still unsent.
import { changeWords } from "./changes.js";
import { customerName, knownNow, senderName } from "./names.js";
import { byId, element, firstLetter, fromTemplate, hueOf, icon, me, setText, slot } from "./page.js";
import { fillWithLinks, isolate, link } from "./text.js";
import { absolute, clock, dayKey, dayWords } from "./time.js";

const FOLLOWS_WITHIN_MS = 5 * 60_000;

export class Log {
  #list = byId("log");
  #nodes = new Map();

  clear() {
    this.#nodes.clear();
    this.#list.replaceChildren();
  }

  /**
   * Bring the list up to date. entries: events in order of seq; unsent: items of the outbox;
   * seenSeq: how far the customer has read; row: the conversation's, for present names; handlers:
   * {retry, discard} by item id, and decorate(node, entry) for each message that is new on the screen
   * or was amended.
   */
  show(entries, unsent, { seenSeq, row }, handlers) {
    const wanted = [];
    let day = "";
    let before = null;
    for (const entry of entries) {
      const today = dayKey(entry.data.timestamp);
      if (today !== day) {
        wanted.push(this.#once(`day-${today}`, () => dayLine(entry.data.timestamp)));
        before = null;
      }
      day = today;
      const node = this.#once(`seq-${entry.seq}`, () => entryNode(entry));
      if (!node) continue;
      if (entry.kind === "message.posted") {
        fillAuthor(node, entry.data.sender, row);
        fillMessage(node, entry, handlers);
        node.toggleAttribute("data-follows", follows(before, entry));
        before = entry;
      } else {
        setText(slot(node, "words"), changeWords(entry.data, row));
        before = null;
      }
      wanted.push(node);
    }
    for (const item of unsent) {
      const node = this.#once(`unsent-${item.id}`, () => unsentNode(item));
      fillUnsent(node, item, handlers);
      wanted.push(node);
    }
    this.#arrange(wanted);
    this.#showReceipt(entries, seenSeq);
  }

  /** @param {string} key */
  #once(key, make) {
    if (!this.#nodes.has(key)) this.#nodes.set(key, make());
    return this.#nodes.get(key);
  }

  #arrange(wanted) {
    const keep = new Set(wanted);
    for (const [key, node] of this.#nodes) {
      if (node && !keep.has(node)) {
        node.remove();
        this.#nodes.delete(key);
      }
    }
    let place = this.#list.firstElementChild;
    for (const node of wanted) {
      if (node === place) place = place.nextElementSibling;
      else this.#list.insertBefore(node, place);
    }
    while (place) {
      const next = place.nextElementSibling;
      place.remove();
      place = next;
    }
  }

  /** Say "Seen" once, under the newest of our messages that the customer has read.
   *
   * @param {Stream.Event[]} entries */
  #showReceipt(entries, seenSeq) {
    const ours = entries.filter(
      ({ kind, data }) =>
        kind === "message.posted"
        && data.sender.type !== "customer"
        && data.content.type !== "note"
        && !data.deleted_at,
    );
    const seen = ours.findLast((entry) => entry.seq <= seenSeq);
    const last = ours.at(-1);
    for (const entry of ours) {
      const state = slot(this.#nodes.get(`seq-${entry.seq}`), "state");
      const words =
        entry === seen ? gettext("Seen") : entry === last ? gettext("Sent") : "";
      if (state.dataset.words === words) continue;
      state.dataset.words = words;
      state.replaceChildren(...(words ? [icon(entry === seen ? "checks" : "check"), words] : []));
    }
  }
}

/**
 * @param {Stream.Event} before
 * @param {Stream.Event} entry
 */
function follows(before, entry) {
  return Boolean(
    before
      && before.data.sender.id === entry.data.sender.id
      && (before.data.content.type === "note") === (entry.data.content.type === "note")
      && Date.parse(entry.data.timestamp) - Date.parse(before.data.timestamp) < FOLLOWS_WITHIN_MS,
  );
}

/** @param {string} iso */
function dayLine(iso) {
  const line = element("li", "entry-day");
  line.append(element("span", "", dayWords(iso)));
  return line;
}

/** @param {Stream.Event} entry */
function entryNode(entry) {
  return entry.kind === "message.posted" ? messageNode(entry) : changeNode(entry);
}

/** @param {Stream.Event} entry */
function changeNode(entry) {
  if (!changeWords(entry.data)) return null;
  const line = element("li", "entry-change");
  line.dataset.seq = String(entry.seq);
  const time = element("time", "", clock(entry.data.timestamp));
  time.dateTime = entry.data.timestamp;
  time.title = absolute(entry.data.timestamp);
  const words = element("span");
  words.dataset.slot = "words";
  line.append(words, " ", time);
  return line;
}

function messageNode({ seq, data }) {
  const { sender, content } = data;
  const isNote = content.type === "note";
  const node = fromTemplate("message-template");
  node.dataset.seq = String(seq);
  node.dataset.side = sender.type === "customer" ? "in" : "out";
  node.dataset.kind = isNote ? "note" : sender.type;
  node.toggleAttribute("data-mine", sender.id === me.id);
  setText(slot(node, "tag"), isNote ? gettext("Private note") : "");
  const time = slot(node, "time");
  time.dateTime = data.timestamp;
  time.title = absolute(data.timestamp);
  setText(time, clock(data.timestamp));
  return node;
}

/**
 * @param {HTMLElement} node
 * @param {Stream.Sender} stored
 * @param {Inbox.Row} row
 */
function fillAuthor(node, stored, row) {
  const sender = knownNow(stored, row);
  setText(slot(node, "author"), sender.id === me.id ? gettext("You") : senderName(sender));
  const initials = slot(node, "initials");
  if (initials.dataset.of === sender.name) return;
  initials.dataset.of = sender.name;
  fillInitials(initials, sender);
}

/** Show what may change later: the text, that it was edited, or that it is gone. */
function fillMessage(node, entry, { decorate }) {
  const { content, sender, edited_at, deleted_at, deleted_by } = entry.data;
  const version = `${edited_at ?? ""} ${deleted_at ?? ""}`;
  if (node.dataset.version === version) return;
  node.dataset.version = version;
  node.toggleAttribute("data-deleted", Boolean(deleted_at));
  if (deleted_at) {
    const isByAuthor = !deleted_by || deleted_by.id === sender.id;
    const words = isByAuthor
      ? gettext("Message deleted")
      : interpolate(gettext("Message deleted by %s"), [isolate(deleted_by.name)]);
    slot(node, "text").replaceChildren(icon("trash"), words);
    slot(node, "text").title = absolute(deleted_at);
    slot(node, "state").replaceChildren();
    delete slot(node, "state").dataset.words;
  } else {
    fillWithLinks(slot(node, "text"), content.text ?? "");
  }
  fillSources(slot(node, "sources"), deleted_at ? [] : content.sources ?? []);
  const mark = slot(node, "edited");
  setText(mark, edited_at && !deleted_at ? gettext("edited") : "");
  mark.title = edited_at ? absolute(edited_at) : "";
  decorate(node, entry);
}

/**
 * @param {HTMLElement} target
 * @param {Stream.Sender} sender
 */
function fillInitials(target, sender) {
  target.dataset.hue = hueOf(sender.id);
  if (sender.type === "bot") target.replaceChildren(icon("robot"));
  else setText(target, firstLetter(customerName(sender)));
}

/**
 * @param {HTMLElement} target
 * @param {Stream.Source[]} sources
 */
function fillSources(target, sources) {
  target.hidden = sources.length === 0;
  target.replaceChildren(
    ...sources.map((source) => {
      const line = element("li");
      line.append(icon("book"), link(source.url ?? "", source.title || source.url));
      return line;
    }),
  );
}

/** @param {Inbox.Item} item */
function unsentNode(item) {
  const node = fromTemplate("message-template");
  const isNote = item.content.type === "note";
  node.dataset.side = "out";
  node.dataset.kind = isNote ? "note" : "agent";
  node.dataset.unsent = item.id;
  node.dataset.mine = "";
  setText(slot(node, "author"), gettext("You"));
  setText(slot(node, "tag"), isNote ? gettext("Private note") : "");
  fillInitials(slot(node, "initials"), { ...me, type: "agent" });
  fillWithLinks(slot(node, "text"), item.content.text);
  return node;
}

function fillUnsent(node, item, { retry, discard }) {
  const state = slot(node, "state");
  const words = `${item.state}|${item.error}|${item.isKept}`;
  if (state.dataset.words === words) return;
  state.dataset.words = words;
  node.toggleAttribute("data-failed", item.state === "failed");
  if (item.state === "sending") {
    state.replaceChildren(icon("clock"), gettext("Sending…"));
    return;
  }
  if (item.state !== "failed") {
    const waiting = item.isKept
      ? gettext("Not sent yet: waits for the connection")
      : gettext("Not sent yet: keep this page open until it is sent");
    state.replaceChildren(icon("clock"), waiting);
    return;
  }
  const again = element("button", "link-button", gettext("Try again"));
  again.type = "button";
  again.addEventListener("click", () => retry(item.id));
  const remove = element("button", "link-button", gettext("Discard"));
  remove.type = "button";
  remove.addEventListener("click", () => discard(item.id));
  state.replaceChildren(
    icon("alert-triangle"),
    element("span", "", interpolate(gettext("Not sent. %s"), [item.error])),
    again,
    remove,
  );
}
