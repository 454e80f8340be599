// Who else is there: colleagues who look at the conversation, and whoever is writing.
import { customerName, shortName } from "./names.js";
import { byId, element, firstLetter, hueOf, me } from "./page.js";
import { isolate } from "./text.js";

const TYPING_FADES_MS = 8_000;
const SHOWN = 4;

export class Company {
  #typing = new Map();
  #changed;

  /** changed() is called when the line under the log appears or goes. */
  constructor(changed) {
    this.#changed = changed;
  }

  clear() {
    for (const { timer } of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
    this.viewing([]);
    this.#paintTyping();
  }

  typing({ sender, is_typing: isTyping }) {
    if (sender.id === me.id) return;
    clearTimeout(this.#typing.get(sender.id)?.timer);
    this.#typing.delete(sender.id);
    if (isTyping) {
      // Whoever goes away while typing never says that they stopped.
      const timer = setTimeout(() => this.hasWritten(sender.id), TYPING_FADES_MS);
      this.#typing.set(sender.id, { ...sender, timer });
    }
    this.#paintTyping();
  }

  /** Their message is there: they are no longer writing it.
   *
   * @param {string} id */
  hasWritten(id) {
    if (this.#typing.delete(id)) this.#paintTyping();
  }

  viewing(people) {
    const others = people.filter((person) => person.id !== me.id);
    byId("watchers").replaceChildren(
      ...others.slice(0, SHOWN).map((person) => {
        const shown = element("span", "initials initials-small", firstLetter(person.name));
        shown.dataset.hue = hueOf(person.id);
        shown.title = interpolate(gettext("%s is looking at this conversation"), [isolate(person.name)]);
        shown.setAttribute("role", "img");
        shown.setAttribute("aria-label", shown.title);
        return shown;
      }),
    );
  }

  #paintTyping() {
    const line = byId("log-typing");
    const names = [...this.#typing.values()].map((sender) =>
      isolate(sender.type === "bot" ? sender.name : shortName(customerName(sender))),
    );
    const wasHidden = line.hidden;
    line.hidden = names.length === 0;
    if (names.length) {
      line.replaceChildren(
        element("span", "typing-dots"),
        interpolate(ngettext("%s is writing", "%s are writing", names.length), [names.join(", ")]),
      );
    }
    if (line.hidden !== wasHidden) this.#changed();
  }
}
