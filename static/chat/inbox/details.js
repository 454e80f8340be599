// The customer of the open conversation, and what else was talked about with them.
import { byId, conversationPath, element, firstLetter, hueOf, icon, me } from "./page.js";
import { link } from "./text.js";
import { absolute, dateWords, listTime } from "./time.js";

const LANGUAGES = { en: "English", vi: "Tiếng Việt", ru: "Русский" };
const CLAIMS = {
  name: () => gettext("Name"),
  email: () => gettext("Email"),
  phone: () => gettext("Phone"),
};
const STAGES = { visitor: () => gettext("Visitor"), customer: () => gettext("Customer") };
export const STATUSES = {
  bot: () => gettext("With the bot"),
  open: () => gettext("Open"),
  snoozed: () => gettext("Snoozed"),
  closed: () => gettext("Closed"),
};

// What is shown: the conversation's id, its customer's, and their other conversations.
let shown = { id: null, customerId: null, others: [] };
const OTHERS = 5;

/** @param {Inbox.Detail} detail */
export function showDetails({ customer, conversation, others, widget }) {
  shown = { id: conversation.id, customerId: customer.id, others };
  const head = element("div", "details-who");
  const initials = element("span", "initials initials-large", firstLetter(customer.name));
  initials.dataset.hue = hueOf(customer.id);
  initials.setAttribute("aria-hidden", "true");
  const words = element("div", "details-who-words");
  words.append(
    own(nameOf(customer)),
    element("span", "chip", (STAGES[customer.stage] ?? (() => customer.stage))()),
  );
  if (conversation.is_over_quota) {
    words.append(element("span", "chip chip-over", gettext("Beyond the plan")));
  }
  head.append(initials, words);
  const facts = element("dl", "facts");
  fact(facts, "mail", gettext("Email"), customer.email && mail(customer.email));
  fact(facts, "phone", gettext("Phone"), customer.phone);
  const language = customer.language || conversation.language;
  fact(facts, "language", gettext("Language"), LANGUAGES[language] ?? language);
  fact(facts, "world", gettext("Came through"), widget || gettext("Website"));
  fact(facts, "robot", gettext("Bot"), conversation.bot_name);
  fact(facts, "clock", gettext("First seen"), dated(customer.created_at));
  fact(facts, "messages", gettext("Conversation began"), dated(conversation.created_at));
  /** @type {HTMLElement[]} */
  const parts = [head, facts];
  const claims = claimed(customer.claimed ?? {});
  if (claims) parts.push(claims);
  parts.push(element("h3", "details-title", gettext("Other conversations")));
  parts.push(otherList());
  if (me.may_explain) parts.push(reasons(conversation.id, customer.id));
  byId("details-body").replaceChildren(...parts);
}

/** Another conversation of the shown customer began or changed: show it as it is now.
 *
 * @param {Inbox.Row} row */
export function showOther(row) {
  if (row.customer.id !== shown.customerId || row.id === shown.id) return;
  const other = {
    id: row.id,
    status: row.status,
    text: row.last_message.text ?? "",
    is_deleted: row.last_message.is_deleted ?? false,
    last_message_at: row.last_message_at,
  };
  paintOthers([other, ...shown.others.filter(({ id }) => id !== row.id)]);
}

/** Another conversation moved out of this reader's reach.
 *
 * @param {string} id */
export function forgetOther(id) {
  if (shown.others.some((other) => other.id === id)) {
    paintOthers(shown.others.filter((other) => other.id !== id));
  }
}

function paintOthers(others) {
  // Ids are made in order of time: the newest first, as many as a reload would show.
  shown.others = others.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, OTHERS);
  byId("details-body").querySelector("[data-others]")?.replaceWith(otherList());
}

/** Let the text of people run in its own direction. */
function own(made) {
  made.dir = "auto";
  return made;
}

/** The customer's name, which leads to their page. */
function nameOf(customer) {
  if (!me.may_open_customers) return element("div", "details-name", customer.name);
  const name = element("a", "details-name", customer.name);
  name.href = `/app/customers/${customer.id}/`;
  return name;
}

/** Where an administrator is told who sees this, and why. */
function reasons(conversationId, customerId) {
  const list = element("ul", "details-reasons");
  for (const [href, words] of [
    [`${conversationPath(conversationId)}access/`, gettext("Who sees this conversation, and why?")],
    [`/app/customers/${customerId}/access/`, gettext("Who sees this customer, and why?")],
  ]) {
    const line = element("li");
    const made = element("a", "", words);
    made.href = href;
    line.append(made);
    list.append(line);
  }
  return list;
}

/** @param {string} name */
function fact(list, iconName, name, value) {
  if (!value) return;
  const line = element("div");
  const term = element("dt", "", name);
  term.prepend(icon(iconName));
  const told = own(element("dd"));
  told.append(value);
  line.append(term, told);
  list.append(line);
}

/** @param {string} iso */
function dated(iso) {
  const time = element("time", "", dateWords(iso));
  time.dateTime = iso;
  time.title = absolute(iso);
  return time;
}

/** @param {string} address */
function mail(address) {
  const made = element("a", "", address);
  made.href = `mailto:${encodeURIComponent(address)}`;
  return made;
}

/** What the browser says of itself: shown as a claim, because nobody checked it. */
function claimed(claims) {
  const told = Object.entries(claims).filter(
    ([, value]) => ["string", "number", "boolean"].includes(typeof value) && value !== "",
  );
  if (!told.length) return null;
  const part = element("section");
  part.append(element("h3", "details-title", gettext("What the visitor's page says (not checked)")));
  const list = element("dl", "facts facts-plain");
  for (const [name, value] of told.slice(0, 12)) {
    const line = element("div");
    const claim = own(element("dd"));
    const text = String(value).slice(0, 300);
    claim.append(/^https?:\/\//.test(text) ? link(text, text) : text);
    line.append(element("dt", "", CLAIMS[name]?.() ?? name), claim);
    list.append(line);
  }
  part.append(list);
  return part;
}

function otherList() {
  if (!shown.others.length) {
    const none = element("p", "details-none", gettext("This is the first one."));
    none.dataset.others = "";
    return none;
  }
  const list = element("ul", "others");
  list.dataset.others = "";
  for (const other of shown.others) {
    const line = element("li");
    const made = element("a");
    made.href = conversationPath(other.id);
    made.dataset.conversation = other.id;
    const time = element("time", "", listTime(other.last_message_at));
    time.dateTime = other.last_message_at;
    time.title = absolute(other.last_message_at);
    made.append(
      own(element("span", "others-text", other.is_deleted ? gettext("Message deleted") : other.text)),
      element("span", "others-status", STATUSES[other.status]()),
      time,
    );
    line.append(made);
    list.append(line);
  }
  return list;
}
