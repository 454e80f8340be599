// What an agent does with a conversation as a whole, and how to take it back.
import { Refusal, get, post } from "./api.js";
import { byId, element, firstLetter, hueOf, icon, mayChange, root, setText } from "./page.js";
import { AGENTS, CHANGED } from "./shapes.js";
import { fieldValue, fromFieldValue, inHours, momentWords, morningIn, nextMonday, now } from "./time.js";
import { toast } from "../../app/toasts.js";
import { isolate } from "./text.js";

/** Whether nobody has taken a conversation that waits or is with the bot.
 *
 * @param {Inbox.Row} row */
const isUntaken = (row) => row.status === "pending" || (row.status === "open" && !row.assignee);

export class Actions {
  #busy = false;
  #agents = [];
  #current;
  #taken;

  /** current() gives the open row or null; taken(row) is told each new row. */
  constructor(current, taken) {
    this.#current = current;
    this.#taken = taken;
    for (const button of root.querySelectorAll("#conversation-actions [data-action]")) {
      const run = this.#named(button.dataset.action);
      if (run) button.addEventListener("click", run);
    }
    this.#prepareAssign();
    this.#prepareSnooze();
  }

  /** Show the buttons that make sense for a conversation in this state.
   *
   * @param {Inbox.Row} row */
  paint(row) {
    byId("conversation-actions").hidden = !mayChange(row);
    const isClosed = row.status === "closed";
    const show = (action, isShown) => {
      for (const button of root.querySelectorAll(`#conversation-actions [data-action="${action}"]`)) {
        button.hidden = !isShown;
      }
    };
    show("take-over", isUntaken(row));
    show("close", !isClosed);
    show("reopen", isClosed || row.status === "snoozed");
    show("hand-back", !isClosed && row.status !== "pending");
    root.querySelector("[data-menu=assign]").hidden = isClosed;
    root.querySelector("[data-menu=snooze]").hidden = isClosed || row.status === "snoozed";
  }

  takeOver() {
    const before = this.#current();
    if (!before || !isUntaken(before)) return Promise.resolve(false);
    if (before.status !== "pending") {
      return this.#run("take-over", {}, gettext("This conversation is yours now."), [
        ["assign", { assignee: null }],
      ]);
    }
    return this.#run("take-over", {}, gettext("You took over. The bot keeps silent now."), [
      ["hand-back", {}],
    ]);
  }

  handBack() {
    const before = this.#current();
    /** @type {Inbox.Step} */
    const undo = before?.assignee ? ["assign", { assignee: before.assignee.id }] : ["reopen", {}];
    return this.#run("hand-back", {}, gettext("The bot answers again."), [undo]);
  }

  close() {
    const before = this.#current();
    if (!before || before.status === "closed") return Promise.resolve(false);
    /** @type {Inbox.Step[]} */
    const undo = [["reopen", {}]];
    if (before.status === "pending") undo.push(["hand-back", {}]);
    if (before.status === "snoozed") undo.push(["snooze", { until: before.snoozed_until }]);
    return this.#run("close", {}, gettext("Closed."), undo);
  }

  reopen() {
    return this.#run("reopen", {}, gettext("Open again."));
  }

  closeOrReopen() {
    return this.#current()?.status === "closed" ? this.reopen() : this.close();
  }

  /** @param {Date} until */
  snooze(until) {
    const before = this.#current();
    /** @type {Inbox.Step[]} */
    const undo = before?.status === "pending" ? [["hand-back", {}]] : [["reopen", {}]];
    return this.#run(
      "snooze",
      { until: until.toISOString() },
      interpolate(gettext("Snoozed until %s."), [momentWords(until)]),
      undo,
    );
  }

  /** @param {Stream.Person | null} assignee */
  assign(assignee) {
    const before = this.#current();
    /** @type {Inbox.Step[]} */
    const undo = [["assign", { assignee: before?.assignee?.id ?? null }]];
    if (before?.status === "pending") undo.push(["hand-back", {}]);
    const words = assignee
      ? interpolate(gettext("Assigned to %s."), [isolate(assignee.name)])
      : gettext("Assigned to nobody.");
    return this.#run("assign", { assignee: assignee?.id ?? null }, words, undo);
  }

  /** Open a menu by its name, as its button would.
   *
   * @param {string} name */
  openMenu(name) {
    const menu = root.querySelector(`[data-menu="${name}"]`);
    if (menu.hidden) return;
    menu.querySelector("[data-bs-toggle]").click();
  }

  #named(action) {
    return {
      "take-over": () => this.takeOver(),
      "hand-back": () => this.handBack(),
      close: () => this.close(),
      reopen: () => this.reopen(),
      "copy-link": () => this.#copyLink(),
    }[action];
  }

  /** Do one thing; answers whether it was done. undo: [[verb, body], …] run in order.
   *
   * @param {string} verb
   * @param {object} body
   * @param {string} words
   * @param {Inbox.Step[] | null} [undo] */
  async #run(verb, body, words, undo = null) {
    const row = this.#current();
    if (!row || this.#busy) return false;
    this.#setBusy(true);
    try {
      await this.#call(row.id, verb, body);
    } catch (error) {
      this.#refused(error);
      return false;
    } finally {
      this.#setBusy(false);
    }
    toast(words, {
      kind: "success",
      action: undo && { label: gettext("Undo"), run: () => this.#undo(row.id, undo) },
    });
    return true;
  }

  /**
   * @param {string} id
   * @param {Inbox.Step[]} steps
   */
  async #undo(id, steps) {
    this.#setBusy(true);
    try {
      for (const [verb, body] of steps) await this.#call(id, verb, body);
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#setBusy(false);
    }
  }

  /**
   * @param {string} id
   * @param {string} verb
   * @param {object} body
   */
  async #call(id, verb, body) {
    const { conversation } = await post(`conversations/${id}/${verb}`, CHANGED, body);
    this.#taken(conversation);
  }

  #refused(error) {
    if (!(error instanceof Refusal)) throw error;
    toast(error.message, { kind: "error" });
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.#busy = isBusy;
    for (const button of root.querySelectorAll("#conversation-actions button")) {
      /** @type {HTMLButtonElement} */ (button).disabled = isBusy;
    }
  }

  async #copyLink() {
    try {
      await navigator.clipboard.writeText(window.location.href);
      toast(gettext("The link is copied."));
    } catch {
      toast(window.location.href);
    }
  }

  #prepareAssign() {
    const menu = root.querySelector("[data-menu=assign]");
    const search = byId("assign-search");
    menu.addEventListener("shown.bs.dropdown", async () => {
      search.value = "";
      search.focus();
      this.#paintAgents();
      try {
        this.#agents = (await get("inbox/agents", AGENTS)).agents;
        this.#paintAgents();
      } catch (error) {
        this.#refused(error);
      }
    });
    search.addEventListener("input", () => this.#paintAgents());
    search.addEventListener("keydown", (event) => {
      const first = byId("assign-list").querySelector("button");
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault();
        first?.click();
      }
    });
  }

  #paintAgents() {
    const wanted = byId("assign-search").value.trim().toLocaleLowerCase();
    const owner = this.#current()?.assignee?.id ?? null;
    const found = this.#agents
      .filter((agent) => agent.name.toLocaleLowerCase().includes(wanted))
      .sort((a, b) => Number(b.is_me) - Number(a.is_me));
    const choices = found.map((agent) => this.#choice(agent, agent.id === owner));
    if (!wanted && owner) choices.push(this.#choice(null, false));
    byId("assign-list").replaceChildren(
      ...(choices.length ? choices : [element("p", "menu-none", gettext("Nobody of this name."))]),
    );
  }

  /**
   * @param {Inbox.Agent | null} agent
   * @param {boolean} isOwner
   */
  #choice(agent, isOwner) {
    const button = element("button", "dropdown-item");
    button.type = "button";
    if (agent) {
      const initials = element("span", "initials initials-small", firstLetter(agent.name));
      initials.dataset.hue = hueOf(agent.id);
      initials.setAttribute("aria-hidden", "true");
      const name = agent.is_me
        ? interpolate(gettext("%s (you)"), [isolate(agent.name)])
        : agent.name;
      button.append(initials, element("span", "menu-words", name), element("span", "menu-hint", agent.role));
    } else {
      button.append(icon("x"), element("span", "menu-words", gettext("Nobody")));
    }
    if (isOwner) {
      button.setAttribute("aria-current", "true");
      button.append(icon("check"));
    }
    button.addEventListener("click", () => {
      this.#hideMenu("assign");
      if (!isOwner) void this.assign(agent);
    });
    return button;
  }

  /** @param {string} name */
  #hideMenu(name) {
    const toggle = root.querySelector(`[data-menu="${name}"] [data-bs-toggle]`);
    if (toggle.getAttribute("aria-expanded") === "true") toggle.click();
    toggle.focus();
  }

  #prepareSnooze() {
    const list = byId("snooze-list");
    root.querySelector("[data-menu=snooze]").addEventListener("show.bs.dropdown", () => {
      /** @type {[string, Date][]} */
      const times = [
        [gettext("For one hour"), inHours(1)],
        [gettext("Until tomorrow"), morningIn(1)],
        [gettext("Until next week"), nextMonday()],
      ];
      const choices = times.map(([words, until]) => {
        const button = element("button", "dropdown-item");
        button.type = "button";
        button.append(element("span", "menu-words", words), element("span", "menu-hint", momentWords(until)));
        button.addEventListener("click", () => this.snooze(until));
        return button;
      });
      const other = element("button", "dropdown-item", gettext("Choose a time…"));
      other.type = "button";
      other.addEventListener("click", () => this.#askUntil());
      list.replaceChildren(...choices, other);
    });
    const dialog = byId("snooze-dialog");
    byId("snooze-form").addEventListener("submit", (event) => {
      if (event.submitter?.value !== "snooze") return;
      const until = fromFieldValue(byId("snooze-until").value);
      if (until <= now()) {
        event.preventDefault();
        const told = byId("snooze-error");
        setText(told, gettext("Choose a time in the future."));
        told.hidden = false;
        return;
      }
      dialog.close();
      void this.snooze(until);
    });
  }

  #askUntil() {
    const field = byId("snooze-until");
    byId("snooze-error").hidden = true;
    field.min = fieldValue(now());
    field.value = fieldValue(inHours(3));
    byId("snooze-dialog").showModal();
    field.focus();
  }
}
