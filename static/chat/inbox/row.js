// One row of the list, filled from the same markup that the server rendered.
import { STATUSES } from "./details.js";
import { customerName, shortName } from "./names.js";
import { conversationPath, firstLetter, hueOf, setText, slot } from "./page.js";
import { absolute, duration, listTime, since, timeToCome } from "./time.js";
import { isolate } from "./text.js";

const WAITING_LATE_MS = 5 * 60_000;
const WAITING_VERY_LATE_MS = 15 * 60_000;
const CHANNELS = { website: () => gettext("Website") };

/**
 * isOpened: it is the one on the right; isMixed: the list holds rows of every status; isByWait:
 * whoever waits longest stands first in it, not the newest.
 */
export function fillRow(item, row, { isOpened, isMixed, isByWait }) {
  const link = item.firstElementChild;
  link.href = conversationPath(row.id);
  link.classList.toggle("is-unread", row.unread > 0);
  if (isOpened) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  const initials = slot(item, "initials");
  initials.dataset.hue = hueOf(row.customer.id);
  const name = customerName(row.customer);
  setText(initials, firstLetter(name));
  setText(slot(item, "name"), name);
  const last = lastWords(row, isByWait);
  setText(slot(item, "author"), lastAuthor(last, row.bot_name));
  setText(slot(item, "text"), last.is_deleted ? gettext("Message deleted") : last.text ?? "");
  slot(item, "unread").hidden = row.unread === 0;
  setText(slot(item, "unread-number"), row.unread > 99 ? "99+" : String(row.unread || ""));
  setText(slot(item, "channel"), (CHANNELS[row.channel] ?? (() => row.channel))());
  const owner = slot(item, "owner");
  owner.hidden = row.assignee === null;
  owner.dataset.hue = hueOf(row.assignee?.id);
  owner.title = row.assignee?.name ?? "";
  setText(owner, row.assignee ? firstLetter(row.assignee.name) : "");
  setText(slot(item, "owner-name"), row.assignee ? row.assignee.name : "");
  fillTimes(item, row, { isMixed, isByWait });
}

/** What goes on by itself: how long ago, and how long somebody waits. */
export function fillTimes(item, row, { isMixed, isByWait }) {
  const time = slot(item, "time");
  const saidAt = lastWords(row, isByWait).timestamp ?? row.last_message_at;
  time.dateTime = saidAt;
  time.title = absolute(saidAt);
  setText(time, listTime(saidAt));
  const wait = slot(item, "wait");
  const isPlain = isMixed && (row.status === "closed" || row.status === "bot");
  if (isPlain) {
    wait.hidden = false;
    wait.dataset.level = "calm";
    setText(wait, STATUSES[row.status]());
    wait.title = "";
    return;
  }
  const isSnoozed = row.status === "snoozed" && row.snoozed_until;
  wait.hidden = !isSnoozed && (!row.waiting_since || row.status === "closed");
  if (wait.hidden) return;
  if (isSnoozed) {
    wait.dataset.level = "calm";
    setText(wait, interpolate(gettext("until %s"), [timeToCome(row.snoozed_until)]));
    wait.title = absolute(row.snoozed_until);
    return;
  }
  const waited = since(row.waiting_since);
  wait.dataset.level =
    waited > WAITING_VERY_LATE_MS ? "very-late" : waited > WAITING_LATE_MS ? "late" : "calm";
  setText(wait, interpolate(gettext("waits %s"), [duration(waited)]));
  wait.title = interpolate(gettext("Waiting for an answer since %s"), [absolute(row.waiting_since)]);
}

/**
 * Return what was said last or, while the customer waits for a person, what they said last. In a list
 * of the newest, what a person of the team said after it is what put the row there.
 *
 * @param {Inbox.Row} row
 * @param {boolean} isByWait
 */
function lastWords(row, isByWait) {
  const isWaiting = row.waiting_since && row.status !== "bot";
  // Heads of older versions do not tell when the customer said it: it cannot stand with its time.
  if (!isWaiting || !row.last_customer_message?.timestamp) return row.last_message;
  const isOfTeam = row.last_message.sender_type === "agent";
  return !isByWait && isOfTeam ? row.last_message : row.last_customer_message;
}

/**
 * @param {Inbox.LastMessage} last
 * @param {string} botName
 */
function lastAuthor(last, botName) {
  if (last.type === "note") return `${gettext("Note")}: `;
  if (last.sender_type === "bot") return `${isolate(botName) || gettext("Bot")}: `;
  if (last.sender_type === "agent") return `${isolate(shortName(last.sender_name))}: `;
  return "";
}
