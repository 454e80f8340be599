// Puts the parts of the inbox together.
import { Refusal, get } from "./api.js";
import { Actions } from "./actions.js";
import { Alerts, Gaze } from "./alerts.js";
import { Editing } from "./editing.js";
import { Composer } from "./composer.js";
import { Close, Connection } from "../connection.js";
import { OpenConversation } from "./conversation.js";
import { forgetOther, showOther } from "./details.js";
import { listenToKeys } from "./keyboard.js";
import { ConversationList } from "./list.js";
import { knownNow } from "./names.js";
import { Outbox } from "./outbox.js";
import { byId, conversationPath, mayChange, me, root, setText, state } from "./page.js";
import { Polling } from "./polling.js";
import { ROWS } from "./shapes.js";
import { SoundButton } from "./sound_button.js";
import { setTitle } from "./title.js";
import { toast } from "../../app/toasts.js";
import { matches } from "../../stream/response.js";
import { acknowledgementOf } from "../../stream/shapes.js";

const connection = new Connection("/ws/inbox/", me.organization, () =>
  conversation.position ? [conversation.position] : [],
);
const outbox = new Outbox((item) =>
  connection.send({
    type: "message.post",
    stream: item.stream,
    client_message_id: item.id,
    content: item.content,
  }),
);
const conversation = new OpenConversation(connection, outbox);
const alerts = new Alerts({
  isLookedAt: (row) => conversation.isLookedAt(row.id),
  open: (id) => openConversation(id),
});
const gaze = new Gaze();
new SoundButton();
const list = new ConversationList(
  (id) => openConversation(id),
  (row) => conversation.hasRead(row),
  (row, before) => alerts.consider(row, before),
);
const actions = new Actions(() => conversation.row, (row) => takeRow(row));
const editing = new Editing(conversation);
conversation.decorate = (node, entry) => editing.decorate(node, entry);
const composer = new Composer({ send, typing, editLast: () => editing.editLast() });

/* --- Which pane, which conversation --------------------------------------------------------- */

/** @param {string} pane */
function showPane(pane) {
  root.dataset.pane = pane;
  noteGaze();
}

function noteGaze() {
  gaze.follow(conversation.isLookedAt(conversation.id) ? conversation.id : null);
}

for (const kind of ["focus", "blur"]) window.addEventListener(kind, noteGaze);
document.addEventListener("visibilitychange", noteGaze);
conversation.addEventListener("begun", noteGaze);

async function openConversation(id, { isOwnStep = true } = {}) {
  if (conversation.id !== id) {
    if (isOwnStep) {
      history.pushState({ conversation: id }, "", conversationPath(id) + list.query());
    }
    composer.close();
    list.setOpened(id);
    showPane("conversation");
    composer.open(id);
    const opening = conversation.open(id, list.row(id));
    beginThere();
    // Whoever went elsewhere while it loaded is left there: the focus is moved only now.
    await opening;
    return;
  }
  showPane("conversation");
  beginThere();
}

/** A field would bring up a phone's keyboard; on a desk one may write at once. */
function beginThere() {
  if (matchMedia("(min-width: 768px) and (pointer: fine)").matches) composer.focus(composer.mode);
  else byId("log-scroll").focus({ preventScroll: true });
}

function closeConversation({ isOwnStep = true } = {}) {
  const id = conversation.id;
  if (root.dataset.details === "open") {
    root.dataset.details = "";
    return;
  }
  showPane("list");
  if (!id) return;
  composer.close();
  conversation.close();
  list.setOpened(null);
  setTitle(`${gettext("Inbox")} · NextFlow`);
  if (isOwnStep) {
    history.pushState({}, "", root.dataset.inboxUrl + list.query());
  }
  list.focusRow(id);
}

window.addEventListener("popstate", () => {
  const id = /([0-9a-f-]{36})\/$/.exec(window.location.pathname)?.[1];
  if (id) void openConversation(id, { isOwnStep: false });
  else closeConversation({ isOwnStep: false });
});

function toggleDetails() {
  root.dataset.details = root.dataset.details === "open" ? "" : "open";
}

root.addEventListener("click", (event) => {
  const target = /** @type {Element} */ (event.target).closest("[data-action], a[data-conversation]");
  if (!target) return;
  if (target.dataset.conversation) {
    event.preventDefault();
    root.dataset.details = "";
    void openConversation(target.dataset.conversation);
  } else if (target.dataset.action === "back") {
    event.preventDefault();
    closeConversation();
  } else if (target.dataset.action === "details") {
    toggleDetails();
  }
});
for (const button of document.querySelectorAll("[data-open-dialog]")) {
  button.addEventListener("click", () => byId(button.dataset.openDialog).showModal());
}

/* --- One row, wherever it came from --------------------------------------------------------- */

/** @param {Inbox.Row} row */
function takeRow(row) {
  const latest = list.upsert(row);
  conversation.setRow(latest);
  showOther(latest);
}

conversation.addEventListener("detail", ({ detail: row }) => list.upsert(row));
conversation.addEventListener("read", ({ detail: id }) => list.markRead(id));
conversation.addEventListener("gone", () => closeConversation());
conversation.addEventListener("colleague", ({ detail: name }) => composer.warn(name));
conversation.addEventListener("row", ({ detail: row }) => {
  actions.paint(row);
  composer.setBar(barFor(row));
});

/** @param {Inbox.Row} row */
function barFor(row) {
  if (!me.may_answer) {
    return { blocks: true, text: gettext("You may read here, but not write.") };
  }
  if (!mayChange(row)) {
    return { blocks: true, text: gettext("Somebody else answers here: your role may only read.") };
  }
  if (row.status === "closed") {
    return {
      blocks: true,
      text: gettext("This conversation is closed."),
      action: { label: gettext("Reopen"), run: () => actions.reopen() },
    };
  }
  const takeOver = { label: gettext("Take over"), run: () => actions.takeOver() };
  if (row.status === "bot") {
    const text = gettext("The bot answers here. A reply of yours takes over.");
    return { blocks: false, text, action: takeOver };
  }
  if (row.status === "open" && !row.assignee && row.escalated_at) {
    const text = gettext("Nobody has taken this yet; until then the bot answers what it is sure of. A reply of yours takes over.");
    return { blocks: false, text, action: takeOver };
  }
  return null;
}

/* --- Writing -------------------------------------------------------------------------------- */

/** Hand a message to the outbox; the server lets a reply take over what is nobody's.
 *
 * @param {Stream.Content} content */
function send(content) {
  const { row, stream } = conversation;
  if (!row) return false;
  outbox.add(stream, content);
  byId("log-scroll").scrollTop = byId("log-scroll").scrollHeight;
  return true;
}

/** @param {boolean} isTyping */
function typing(isTyping) {
  if (!conversation.stream) return;
  connection.send({ type: isTyping ? "typing.start" : "typing.stop", stream: conversation.stream });
}

/* --- What the server says ------------------------------------------------------------------- */

let wasWelcomed = false;

const on = (type, handle) => connection.addEventListener(type, ({ detail }) => handle(detail));
const ofOpen = (handle) => (frame) => {
  if (frame.stream === conversation.stream) handle(frame);
};

on("welcome", () => {
  // What was missed meanwhile: the events come by themselves, the list and the customer are asked for.
  if (wasWelcomed) {
    void list.reload();
    void conversation.refreshDetail();
  }
  wasWelcomed = true;
  outbox.pump();
});
on("notifications", ({ unread }) => {
  document.dispatchEvent(new CustomEvent("nextflow:notifications", { detail: unread }));
});
connection.addEventListener("lost", () => outbox.connectionLost());
on("conversation", ({ row }) => takeRow(row));
on("conversation.gone", ({ stream }) => {
  const id = stream.slice("conversation:".length);
  list.remove(id);
  forgetOther(id);
  if (conversation.id === id) {
    closeConversation();
    toast(gettext("This conversation is no longer yours to see."));
  }
});
on("event", ofOpen((frame) => conversation.receive(frame)));
on("stream.resumed", ofOpen((frame) => conversation.resumed(frame)));
on("receipts", ofOpen((frame) => conversation.receipts(frame)));
on("typing", ofOpen((frame) => {
  conversation.company.typing({ ...frame, sender: knownNow(frame.sender, conversation.row) });
}));
let isThere = true;
function tellPresence() {
  if (connection.isLive) connection.send({ type: isThere ? "presence.back" : "presence.away" });
}
document.addEventListener("nextflow:presence", (event) => {
  isThere = /** @type {CustomEvent} */ (event).detail;
  tellPresence();
});
on("welcome", () => {
  // A new socket takes it for granted that somebody is there.
  if (!isThere) tellPresence();
});
on("presence", (frame) => {
  if (frame.viewing && frame.stream === conversation.stream) conversation.company.viewing(frame.viewing);
});
on("message.ack", (ack) => {
  if (!matches(ack, acknowledgementOf(ack.client_message_id))) return;
  const item = outbox.get(ack.client_message_id);
  if (item?.stream === conversation.stream) conversation.acknowledged(ack, item.content);
  outbox.confirmed(ack.client_message_id);
});
on("refused", (refusal) => {
  if (refusal.client_message_id) {
    outbox.refused(
      refusal.client_message_id, refusal.code, refusal.message, refusal.retry_after ?? null,
    );
  }
});
on("heartbeat", ({ last_seqs, inbox }) => {
  const top = last_seqs[conversation.stream];
  if (top) conversation.behind(top);
  // The newest change of the organization: one that no row told of was a lost hint.
  if (inbox && list.catchUp(inbox)) void conversation.refreshDetail();
});

/* --- How the connection is ------------------------------------------------------------------ */

const LINK_WORDS = {
  connecting: () => gettext("Connecting"),
  live: () => gettext("Live"),
  polling: () => gettext("Every few seconds"),
  waiting: () => gettext("Connection lost. Trying again"),
  refused: () => gettext("Disconnected"),
};

function showLink(link) {
  const told = byId("link-state");
  told.dataset.linkState = link;
  setText(told.querySelector(".link-words"), LINK_WORDS[link]());
  composer.showLink(link);
}

let isPolling = false;
new Polling({
  connection,
  list,
  conversation,
  outbox,
  working(isWorking) {
    isPolling = isWorking;
    showLink(isWorking ? "polling" : "waiting");
  },
});

on("state", ({ state: link, code }) => {
  if (link === "live" || link === "refused") isPolling = false;
  if (!isPolling) showLink(link);
  if (link === "refused") void afterRefusal(code);
});

/** Say once that the page belongs to another organization; what is written stays in its drafts. */
let isSwitched = false;
document.addEventListener("nextflow:switched", ({ detail }) => {
  if (isSwitched) return;
  isSwitched = true;
  const run = () => window.location.assign(root.dataset.inboxUrl);
  toast(detail, { kind: "error", action: { label: gettext("Load again"), run } });
});

/** Find out why the socket was refused: logged out, another organization, or no permission.
 *
 * @param {number} code */
async function afterRefusal(code) {
  try {
    const { organization } = await get("inbox/conversations", ROWS, { limit: 1 });
    if (organization !== me.organization) {
      window.location.assign(root.dataset.inboxUrl);
      return;
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // Told already, with what to do.
    if (isSwitched) return;
    if (error.status === 401) {
      // Logged out elsewhere: what is on the screen is not theirs to see any more.
      window.location.reload();
      return;
    }
  }
  if (code === Close.ticket) {
    connection.connect();
    return;
  }
  toast(gettext("This page was disconnected. Load it again to go on."), {
    kind: "error",
    action: { label: gettext("Load again"), run: () => window.location.reload() },
  });
}

listenToKeys({
  step: (by) => list.step(by),
  search: () => {
    showPane("list");
    byId("list-search").focus();
  },
  back: () => closeConversation(),
  reply: () => composer.focus("reply"),
  note: () => composer.focus("note"),
  takeOver: () => actions.takeOver(),
  assign: () => actions.openMenu("assign"),
  snooze: () => actions.openMenu("snooze"),
  close: () => actions.closeOrReopen(),
});

if (state.open) {
  const { id } = state.open.detail.conversation;
  list.setOpened(id);
  composer.open(id);
  conversation.show(state.open);
}
connection.connect();
root.dataset.ready = "";
