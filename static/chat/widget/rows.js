/** One element for each row of the timeline. Every text of people goes in as a text node. */
import { button, element, icon } from "./dom.js";
import { ICONS } from "./icons.js";
import { initials } from "./text.js";
import { linkify, safeHref } from "../../stream/links.js";

// For these the same text is refused again, so only editing helps.
const NEEDS_EDIT = new Set([
  "text_too_long",
  "empty_text",
  "control_characters",
  "invalid_content",
]);

export class RowMaker {
  /** @param {Widget.Words} words */
  constructor(words, actions) {
    this.words = words;
    this.actions = actions;
  }

  make = (row) => this[row.kind](row);

  /** @param {Widget.Row} row */
  day({ text }) {
    return element("li", { class: "day" }, element("span", {}, text));
  }

  /** @param {Widget.Row} row */
  notice({ text, hint }) {
    return element("li", { class: "notice" }, text, hint && element("small", {}, hint));
  }

  older() {
    const label = this.words.t("older");
    return element(
      "li",
      { class: "older" },
      button({ class: "quiet" }, () => this.actions.older(), label),
    );
  }

  /** @param {Widget.Row} row */
  suggestions({ questions }) {
    const chips = questions.map((question) =>
      button({ class: "chip" }, () => this.actions.send(question), question),
    );
    return element(
      "li",
      { class: "suggestions" },
      element("div", { role: "group", "aria-label": this.words.t("suggestions") }, ...chips),
    );
  }

  /** @param {Widget.Row} row */
  typing({ sender, text }) {
    const dots = element("span", { class: "dots", "aria-hidden": "true" });
    for (let dot = 0; dot < 3; dot += 1) dots.append(element("i"));
    return element(
      "li",
      { class: "row other last typing" },
      this.avatar(sender),
      element(
        "div",
        { class: "stack" },
        element("div", { class: "bubble" }, dots),
        element("div", { class: "meta" }, text),
      ),
    );
  }

  /** @param {Widget.Row} row */
  message(row) {
    const own = row.side === "own";
    const classes = ["row", row.side, row.isFirst && "first", row.isLast && "last"];
    if (row.isUnsent) classes.push("unsent");
    if (row.failure) classes.push("failed");
    const stack = element(
      "div",
      { class: "stack" },
      element("span", { class: "unseen" }, this.context(row)),
      this.bubble(row),
      this.sources(row),
      this.meta(row),
      this.failure(row),
    );
    const avatar = own
      ? null
      : row.isLast
        ? this.avatar(row.sender)
        : element("span", { class: "avatar-space" });
    return element("li", { class: classes.filter(Boolean).join(" ") }, avatar, stack);
  }

  /** @param {Widget.Row} row */
  context({ sender, time }) {
    return time ? this.words.t("at", { name: sender.name, time }) : sender.name;
  }

  /** @param {Widget.Row} row */
  bubble({ text, isDeleted }) {
    const bubble = element("div", { class: isDeleted ? "bubble deleted" : "bubble", dir: "auto" });
    for (const part of isDeleted ? [{ text }] : linkify(text)) {
      bubble.append(part.href ? this.link(part.href, part.text) : part.text);
    }
    return bubble;
  }

  /**
   * @param {string} href
   * @param {string} text
   */
  link(href, text) {
    const attributes = { href, target: "_blank", rel: "noopener noreferrer nofollow" };
    return element(
      "a",
      attributes,
      text,
      element("span", { class: "unseen" }, ` (${this.words.t("newTab")})`),
    );
  }

  /** @param {Widget.Row} row */
  sources({ sources }) {
    const links = sources
      .map(({ title, url }) => ({ title, href: safeHref(url) }))
      .filter(({ title }) => title);
    if (!links.length) return null;
    const items = links.map(({ title, href }) => {
      if (!href) return element("li", {}, title);
      const link = this.link(href, title);
      link.prepend(icon(ICONS.link));
      return element("li", {}, link);
    });
    const label = this.words.t(links.length > 1 ? "sources" : "source");
    return element(
      "div",
      { class: "sources" },
      element("span", {}, label),
      element("ul", {}, ...items),
    );
  }

  /** @param {Widget.Row} row */
  meta(row) {
    const { t } = this.words;
    const parts = [];
    if (row.isLast && row.side === "other" && row.time) parts.push(row.sender.name);
    if (row.time && (row.isLast || row.isUnsent)) parts.push(row.time);
    if (row.isEdited) parts.push(t("edited"));
    if (row.status && !row.failure) parts.push(t(`status.${row.status}`));
    if (!parts.length) return null;
    const mark = { sent: "✓", seen: "✓✓" }[row.status];
    const node = element("div", { class: "meta", "data-status": row.status }, parts.join(" · "));
    if (mark) node.append(element("span", { "aria-hidden": "true" }, ` ${mark}`));
    return node;
  }

  /** @param {Widget.Row} row */
  failure({ failure, id, text }) {
    if (!failure) return null;
    const { t, has } = { t: this.words.t, has: (key) => this.words.has(key) };
    const key = `failures.${failure.code}`;
    const reason = has(key) ? t(key) : t("failures.other");
    const retry = NEEDS_EDIT.has(failure.code)
      ? null
      : button({ class: "quiet" }, () => this.actions.retry(id), t("retry"));
    return element(
      "div",
      { class: "failure" },
      icon(ICONS.warning),
      element("p", {}, element("strong", {}, `${t("status.failed")}. `), reason),
      element(
        "div",
        { class: "actions" },
        retry,
        button({ class: "quiet" }, () => this.actions.edit(id, text), t("edit")),
        button({ class: "quiet" }, () => this.actions.discard(id), t("remove")),
      ),
    );
  }

  /** @param {Stream.Sender} sender */
  avatar({ type, name }) {
    const shape = { bot: ICONS.bot, system: ICONS.store }[type];
    const inside = shape ? icon(shape) : initials(name);
    return element("span", { class: `avatar ${type}`, "aria-hidden": "true" }, inside);
  }
}
