/** The chat as a picture of its settings: no visitor, no server, nothing stored.
 *
 * The settings page posts `{nextflow: 1, type: "preview", language, scene, settings}`; `scene` is
 * "start", "talk" or "away". */
import { loadWords } from "../widget/i18n/index.js";
import { View } from "../widget/view.js";

const nowhere = { get: () => null, set: () => true, remove() {} };
const nothing = () => {};
/** @type {Widget.Actions} */
const actions = {
  send: nothing,
  writing: nothing,
  close: nothing,
  older: nothing,
  talkToPerson: nothing,
  retry: nothing,
  discard: nothing,
  edit: nothing,
};

/** @implements {Widget.ShownChat} */
class PreviewChat {
  hasUnkept = false;
  /** @type {Widget.LinkState} */
  state = "online";
  constructor({ settings, scene, samples }) {
    this.settings = settings;
    this.past = [];
    this.isLoaded = true;
    this.isLive = false;
    this.isTeamOnline = scene !== "away";
    this.typing = null;
    this.owner = "";
    this.agent = null;
    this.teamSeen = 2;
    this.sender = { items: () => [] };
    /** @type {Widget.ShownChat["log"]} */
    this.log = null;
    /** @type {Widget.Conversation | null} */
    this.conversation = null;
    if (scene === "away") this.conversation = { status: "open", person: null };
    if (scene !== "start") this.log = { stream: "preview", floor: 0, entries: entries(samples) };
    if (scene === "talk") this.conversation = { status: "bot", person: null };
  }

  get isOpen() {
    return this.log !== null;
  }
}

/** @returns {Stream.Event[]} */
function entries({ question, answer }) {
  const timestamp = new Date().toISOString();
  /**
   * @param {number} seq
   * @param {Stream.Sender} sender
   * @param {string} text
   */
  const entry = (seq, sender, text) => ({
    kind: "message.posted",
    seq,
    data: { message_id: String(seq), sender, timestamp, content: { type: "text", text } },
  });
  return [
    entry(1, { type: "customer", name: "" }, question),
    entry(2, { type: "bot", name: "" }, answer),
  ];
}

let latest = 0;

async function show({ language, scene, settings, samples }) {
  latest += 1;
  const mine = latest;
  const words = await loadWords(language);
  if (mine !== latest) return;
  document.documentElement.lang = language;
  const chat = new PreviewChat({ settings, scene, samples });
  new View({
    root: document.querySelector("#chat"),
    chat,
    words,
    title: settings.name,
    color: settings.color,
    storage: nowhere,
    isFramed: true,
    actions,
  });
}

window.addEventListener("message", ({ origin, source, data }) => {
  if (origin !== location.origin || source !== window.parent) return;
  if (data?.nextflow === 1 && data.type === "preview") void show(data);
});
window.parent.postMessage({ nextflow: 1, type: "ready" }, location.origin);
