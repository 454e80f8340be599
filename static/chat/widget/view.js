/** The chat's window. It shows what `Chat` knows and reports what the visitor does. */
import { inkOn } from "./color.js";
import { Composer } from "./composer.js";
import { button, element, icon, Reconciler } from "./dom.js";
import { ICONS } from "./icons.js";
import { RowMaker } from "./rows.js";
import { initials } from "./text.js";
import { botName, rowsOf } from "./timeline.js";

const NEAR_BOTTOM = 80;
const ANNOUNCED = 5;
const STATE_IS_NEWS_AFTER = 1_500;

export class View {
  /** @param {Widget.ViewParts} parts */
  constructor({ root, chat, words, title, color, storage, isFramed, actions }) {
    this.chat = chat;
    this.words = words;
    this.title = title;
    this.setColor(color);
    this.composer = new Composer({
      words,
      storage,
      owner: chat.owner,
      onsend: actions.send,
      onwriting: actions.writing,
    });
    const { t } = words;
    this.heading = element("h1", {}, title);
    this.stateLine = element("p", { class: "state" });
    this.face = element("span", { class: "avatar face", "aria-hidden": "true" });
    this.list = element("ol", { class: "rows" });
    this.scroller = element(
      "div",
      { class: "scroller", tabindex: 0, role: "region", "aria-label": t("messages") },
      this.list,
    );
    this.live = element("div", { class: "unseen", role: "log", "aria-live": "polite" });
    this.jump = button(
      { class: "jump", hidden: true },
      () => this.toBottom(),
      icon(ICONS.down),
      t("newMessages"),
    );
    this.person = button(
      { class: "chip person", hidden: true },
      actions.talkToPerson,
      icon(ICONS.person),
      t("talkToPerson"),
    );
    this.bar = element("p", { class: "bar", role: "status" });
    this.keepOpen = element("p", { class: "bar keep-open", role: "status" });
    const close = button(
      { class: "close", "aria-label": t("close") },
      actions.close,
      icon(ICONS.collapse),
    );
    root.replaceChildren(
      element(
        "header",
        {},
        this.face,
        element("div", { class: "who" }, this.heading, this.stateLine),
        isFramed ? close : null,
      ),
      element("main", {}, this.scroller, this.jump),
      element("footer", {}, this.bar, this.keepOpen, this.person, this.composer.form),
      this.live,
    );
    this.rows = new Reconciler(this.list, new RowMaker(words, actions).make);
    this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.keepBottom()).observe(this.scroller);
    this.said = new WeakMap();
    this.isAtBottom = true;
    this.composer.grow();
    this.render();
  }

  /** @param {string} color */
  setColor(color) {
    const style = document.documentElement.style;
    style.setProperty("--accent", color);
    style.setProperty("--ink", inkOn(color));
  }

  render() {
    const { chat } = this;
    // What was read out to one person is not for the next.
    if (chat.owner !== this.composer.owner) this.live.replaceChildren();
    this.composer.belongTo(chat.owner);
    const heightBelow = this.scroller.scrollHeight - this.scroller.scrollTop;
    const first = this.list.firstElementChild;
    this.rows.show(rowsOf(chat, this.words));
    // What was deleted is nowhere to be read any more.
    for (const line of Array.from(this.live.children)) {
      if (this.said.get(line)?.data.deleted_at) line.remove();
    }
    if (this.isAtBottom) this.toBottom();
    else if (first && first !== this.list.firstElementChild) {
      this.scroller.scrollTop = this.scroller.scrollHeight - heightBelow;
    }
    this.showState();
    this.composer.limit = chat.settings?.maxTextLength ?? this.composer.limit;
    this.person.hidden = !this.mayAskForPerson();
  }

  mayAskForPerson() {
    const { chat } = this;
    if (!chat.settings?.bot_enabled) return false;
    return !chat.isOpen || chat.conversation.status === "bot";
  }

  showState() {
    const { chat } = this;
    const { t } = this.words;
    const texts = chat.settings?.texts ?? {};
    this.heading.textContent = texts.title || chat.settings?.name || this.title;
    this.composer.text.placeholder = texts.placeholder || t("composer");
    const { agent } = chat;
    this.face.replaceChildren(agent ? initials(agent.name) : icon(ICONS.store));
    this.stateLine.textContent = this.stateText(agent, t);
    this.stateLine.dataset.state = chat.state === "online" ? this.presenceName() : chat.state;
    this.showBar(t);
    this.showKeepOpen(t);
  }

  /** Mostly such a message is sent before anybody could read this.
   *
   * @param {Widget.Translate} t */
  showKeepOpen(t) {
    if (!this.chat.hasUnkept) {
      clearTimeout(this.keepOpenTimer);
      this.keepOpenTimer = null;
      this.keepOpen.textContent = "";
      return;
    }
    this.keepOpenTimer ??= setTimeout(() => {
      this.keepOpen.textContent = t("notices.keepOpen");
      this.keepBottom();
    }, STATE_IS_NEWS_AFTER);
  }

  /** @param {Widget.Translate} t */
  stateText(agent, t) {
    const { chat } = this;
    if (chat.state !== "online")
      return t(chat.state === "offline" ? "state.offline" : "state.connecting");
    if (agent) return t("state.agent", { name: agent.name });
    if (chat.conversation?.status === "closed") return t("state.closed");
    const away = this.presenceName() === "away" ? chat.settings?.texts?.offline : "";
    if (chat.isOpen && chat.conversation.status !== "bot") return away || t("state.waiting");
    if (chat.settings?.bot_enabled) {
      const name = chat.settings.texts?.bot_name;
      return name ? t("state.botNamed", { name }) : t("state.bot");
    }
    return away || t(this.presenceName() === "away" ? "state.away" : "state.online");
  }

  presenceName() {
    return this.chat.isTeamOnline === false ? "away" : "online";
  }

  /** A short break is no news; a longer one is told, and so is its end.
   *
   * @param {Widget.Translate} t */
  showBar(t) {
    const { state } = this.chat;
    if (state === this.barState) return;
    this.barState = state;
    clearTimeout(this.barTimer);
    if (state === "online") {
      if (this.bar.textContent) {
        this.tellBar(t("notices.online"), "online");
        this.barTimer = setTimeout(() => this.tellBar("", ""), 2 * STATE_IS_NEWS_AFTER);
      }
      return;
    }
    const delay = state === "offline" || !this.chat.settings ? 0 : STATE_IS_NEWS_AFTER;
    if (!this.chat.settings && state !== "offline") return;
    this.barTimer = setTimeout(() => this.tellBar(t(`notices.${state}`), state), delay);
  }

  /**
   * @param {string} text
   * @param {Widget.LinkState | ""} state
   */
  tellBar(text, state) {
    this.bar.textContent = text;
    this.bar.dataset.state = state;
    this.keepBottom();
  }

  showRefusal(error) {
    const key = `refusals.${error.code}`;
    const { t } = this.words;
    this.tellBar(t(this.words.has(key) ? key : "refusals.other"), "offline");
    this.stateLine.textContent = "";
    this.composer.disable();
  }

  /** A screen reader says what is new, and only that.
   *
   * @param {Stream.Event} event */
  announce(event) {
    const { sender, content } = event.data;
    if (sender.type === "customer") return;
    const { t } = this.words;
    const name = sender.type === "bot" ? botName(this.chat, t, sender) : sender.name || t("team");
    const line = element("p", {}, t("said", { name, text: content.text ?? "" }));
    this.said.set(line, event);
    this.live.append(line);
    while (this.live.children.length > ANNOUNCED) this.live.firstChild.remove();
    if (!this.isAtBottom) this.jump.hidden = false;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.isAtBottom = scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM;
    if (this.isAtBottom) this.jump.hidden = true;
  }

  keepBottom() {
    if (this.isAtBottom) this.toBottom();
  }

  toBottom() {
    this.isAtBottom = true;
    this.jump.hidden = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }
}
