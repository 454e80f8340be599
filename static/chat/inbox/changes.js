// How a change to a conversation reads as a quiet line of its log.
import { knownNow } from "./names.js";
import { momentWords } from "./time.js";
import { isolate } from "./text.js";

const WORDS = {
  taken_over: () => gettext("%(actor)s took over"),
  assigned: () => gettext("%(actor)s assigned this to %(assignee)s"),
  unassigned: () => gettext("%(actor)s removed the assignment"),
  handed_back: () => gettext("%(actor)s handed back to the bot"),
  escalated: () => gettext("The bot handed over to the team"),
  closed: () => gettext("%(actor)s closed the conversation"),
  reopened: () => gettext("%(actor)s reopened the conversation"),
  snoozed: () => gettext("%(actor)s snoozed this until %(until)s"),
  identified: () => gettext("%(actor)s proved who they are"),
  prioritized: () => gettext("%(actor)s set the priority: %(priority)s"),
  labelled: (change) =>
    change.labels?.length
      ? gettext("%(actor)s set the labels: %(labels)s")
      : gettext("%(actor)s removed the labels"),
  woken: () => gettext("The conversation is open again"),
};
const PRIORITIES = {
  low: () => gettext("low"),
  medium: () => gettext("medium"),
  high: () => gettext("high"),
};
const REASONS = {
  asked: () => gettext("the customer asked for a person"),
  unknown: () => gettext("it does not know the answer"),
  failed: () => gettext("it failed"),
  left: () => gettext("whoever had it no longer works here"),
  too_many: () => gettext("too many questions came from one place"),
  quota: () => gettext("the bot answers of the plan are used up"),
};

/** Give the sentence of a change, or "" for one that this page does not know.
 *
 * @param {Stream.Data} data
 * @param {Inbox.Row | null} [row] the conversation's */
export function changeWords(data, row) {
  const change = data.change ?? /** @type {Stream.Change} */ ({});
  const sender = knownNow(data.sender ?? /** @type {Stream.Sender} */ ({}), row);
  const words = WORDS[change.name]?.(change);
  if (!words) return "";
  const sentence = interpolate(
    words,
    {
      actor: isolate(sender.name) || gettext("The system"),
      priority: PRIORITIES[change.priority]?.() ?? "",
      labels: (change.labels ?? []).map(isolate).join(", "),
      assignee: isolate(change.assignee?.name),
      until: change.until ? momentWords(new Date(change.until)) : "",
    },
    true,
  );
  const reason = REASONS[change.reason]?.();
  return reason ? `${sentence}: ${reason}` : sentence;
}
