/** What stands on the screen, top to bottom, as plain rows; `view.js` turns them into elements. */
import { startOfDay } from "./i18n/index.js";

const SAME_GROUP_WITHIN = 5 * 60_000;
const BOT_THINKS_FOR = 20_000;

/**
 * @param {Widget.ShownChat} chat
 * @param {Widget.Words} words
 * @param {Date} now
 * @returns {Widget.Row[]}
 */
export function rowsOf(chat, words, now = new Date()) {
  const logs = [...chat.past, ...(chat.log ? [chat.log] : [])];
  /** @type {Widget.Row[]} */
  const rows = [];
  const { t } = words;
  if (chat.log?.floor > 0 && !chat.past.length) rows.push({ kind: "older", key: "older" });
  else rows.push(greetingRow(chat, words));
  const builder = new Builder(rows, words, now, chat);
  logs.forEach((log, index) => {
    if (index > 0)
      rows.push({ kind: "notice", key: `start-${log.stream}`, text: t("changes.started") });
    for (const event of log.entries) builder.event(event);
  });
  const unsent = chat.sender.items();
  for (const item of unsent) builder.unsent(item);
  builder.finish();
  const questions = chat.settings?.texts.suggestions?.split("\n").filter(Boolean) ?? [];
  if (rows.length === 1 && questions.length) {
    rows.push({ kind: "suggestions", key: "suggestions", questions });
  }
  const typing = typingRow(chat, words, now, unsent);
  if (typing) rows.push(typing);
  return rows;
}

/**
 * @param {Widget.ShownChat} chat
 * @param {Widget.Words} words
 * @returns {Widget.Row}
 */
function greetingRow(chat, { t }) {
  const { texts = {}, name } = chat.settings ?? {};
  return {
    kind: "message",
    key: "greeting",
    side: "other",
    sender: { type: "system", name: texts.title || name || t("team") },
    text: texts.greeting || t("greeting"),
    isFirst: true,
    isLast: true,
    sources: [],
  };
}

/**
 * @param {Widget.ShownChat} chat
 * @param {Widget.Words} words
 * @param {Date} now
 * @param {Widget.ShownItem[]} unsent
 * @returns {Widget.Row | null}
 */
function typingRow(chat, { t }, now, unsent) {
  if (chat.typing) {
    const name = chat.typing.type === "bot" ? botName(chat, t, chat.typing) : chat.typing.name;
    return {
      kind: "typing",
      key: "typing",
      sender: { ...chat.typing, name: name || t("team") },
      text: name ? t("typing", { name }) : t("someoneTyping"),
    };
  }
  const last = chat.log?.entries.findLast(
    ({ kind, data }) => kind === "message.posted" || data.change?.name === "handed_back",
  );
  // Given back to it, the bot looks at what nobody has answered.
  const isAsked =
    last?.data.change?.open_question ??
    (last?.data.sender?.type === "customer" && !last.data.deleted_at);
  const isThinking =
    chat.isLive &&
    chat.conversation?.status === "bot" &&
    isAsked &&
    now.getTime() - Date.parse(last.data.timestamp) < BOT_THINKS_FOR &&
    !unsent.length;
  if (!isThinking) return null;
  /** @type {Stream.Sender} */
  const sender = { type: "bot", name: botName(chat, t) };
  return { kind: "typing", key: "typing", sender, text: t("thinking", { name: sender.name }) };
}

/** What the bot is called: by the widget's texts, else as the message says.
 *
 * @param {Widget.ShownChat} chat
 * @param {Widget.Translate} t
 * @param {Stream.Sender | null} [sender] */
export function botName(chat, t, sender = null) {
  return chat.settings?.texts?.bot_name || sender?.name || t("bot");
}

class Builder {
  /**
   * @param {Widget.Row[]} rows
   * @param {Widget.Words} words
   * @param {Date} now
   * @param {Widget.ShownChat} chat
   */
  constructor(rows, words, now, chat) {
    this.rows = rows;
    this.words = words;
    this.now = now;
    this.chat = chat;
    /** @type {number | null} */
    this.day = null;
    /** @type {Widget.Row | null} */
    this.last = null;
  }

  /** @param {Stream.Event} event */
  event(event) {
    if (event.kind === "conversation.changed") this.change(event);
    else if (event.kind === "message.posted") this.message(event);
  }

  /** @param {Stream.Event} event */
  message({ seq, data }) {
    const own = data.sender.type === "customer";
    const { content } = data;
    const isText = content.type === "text";
    this.add({
      kind: "message",
      key: (own && data.client_message_id) || data.message_id,
      side: own ? "own" : "other",
      sender: { type: data.sender.type, name: this.nameOf(data.sender) },
      text: data.deleted_at
        ? this.words.t("deleted")
        : isText
          ? content.text
          : content.text || this.words.t("unsupported"),
      isDeleted: Boolean(data.deleted_at),
      isEdited: Boolean(data.edited_at && !data.deleted_at),
      sources: data.deleted_at ? [] : (content.sources ?? []),
      timestamp: data.timestamp,
      seq,
      status: own ? (this.chat.teamSeen >= seq ? "seen" : "sent") : null,
    });
  }

  /** @param {Widget.ShownItem} item */
  unsent(item) {
    this.add({
      kind: "message",
      key: item.id,
      id: item.id,
      side: "own",
      sender: { type: "customer", name: this.words.t("you") },
      text: item.text,
      sources: [],
      timestamp: new Date(item.order).toISOString(),
      status: item.status,
      failure: item.failure ?? null,
      isUnsent: item.status !== "sent",
    });
  }

  /** @param {Widget.Row} row */
  add(row) {
    this.separateDays(row.timestamp);
    const { last } = this;
    row.time = this.words.time(row.timestamp);
    row.isFirst = !(
      last &&
      !last.failure &&
      !row.failure &&
      last.side === row.side &&
      last.sender.type === row.sender.type &&
      last.sender.name === row.sender.name &&
      Date.parse(row.timestamp) - Date.parse(last.timestamp) < SAME_GROUP_WITHIN
    );
    row.isLast = true;
    if (last && !row.isFirst) last.isLast = false;
    this.rows.push(row);
    this.last = row;
  }

  /** @param {Stream.Event} event */
  change({ seq, data }) {
    const { change } = data;
    const text = change && this.changeText(change);
    if (!text) return;
    // The bot's own words, just above, have said who will come and when.
    if (change.name === "escalated" && this.last?.sender.type === "bot") return;
    this.separateDays(data.timestamp);
    this.last = null;
    const hint = change.name === "closed" ? this.words.t("changes.closedHint") : null;
    this.rows.push({ kind: "notice", key: `change-${this.chat.log.stream}-${seq}`, text, hint });
  }

  /** @param {Stream.Change} change */
  changeText(change) {
    const { t } = this.words;
    // Somebody of the team wrote for the first time; whose it is in the team is not told.
    if (change.joined) return t("changes.joined", { name: change.joined.name });
    return {
      escalated: t("changes.escalated"),
      handed_back: t("changes.handedBack"),
      closed: t("changes.closed"),
      reopened: t("changes.reopened"),
    }[change.name];
  }

  /** @param {string} timestamp */
  separateDays(timestamp) {
    const day = startOfDay(new Date(timestamp));
    if (day === this.day) return;
    this.day = day;
    this.last = null;
    const text = this.words.day(timestamp, this.now);
    this.rows.push({ kind: "day", key: `day-${day}`, text });
  }

  /** @param {Stream.Sender} sender */
  nameOf(sender) {
    if (sender.type === "customer") return this.words.t("you");
    if (sender.type === "bot") return botName(this.chat, this.words.t, sender);
    return sender.name || this.words.t("team");
  }

  /** Only the newest of the sent messages says "sent" or "seen"; of older ones it is no news. */
  finish() {
    const sent = this.rows.filter((row) => row.status === "sent" || row.status === "seen");
    for (const row of sent.slice(0, -1)) row.status = null;
  }
}
