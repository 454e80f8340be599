// What an agent does with a conversation as a whole, and how to take it back.
import { Refusal, get, post } from "./api.js";
import { byId, element, firstLetter, hueOf, icon, mayChange, root, setText } from "./page.js";
import { customerName, isCalled } from "./names.js";
import { AGENTS, CHANGED } from "./shapes.js";
import { fieldValue, fromFieldValue, inHours, momentWords, morningIn, nextMonday, now } from "./time.js";
import { toast } from "../../app/toasts.js";
import { isolate } from "./text.js";

/** Whether nobody has taken a conversation that waits or is with the bot.
 *
 * @param {Inbox.Row} row */
const isUntaken = (row) => row.status === "bot" || (row.status === "open" && !row.assignee);

/** What an undo finds, or leaves alone.
 *
 * @param {Inbox.Row} row */
const stateOf = ({ status, assignee, snoozed_until }) => ({
  status,
  assignee: assignee?.id ?? null,
  snoozed_until,
});

/** Give what leads from one state of a conversation back to an earlier one.
 *
 * @param {Inbox.Row} before
 * @param {Inbox.Row} left
 * @returns {Inbox.Step[]} */
function stepsBack(before, left) {
  /** @type {Inbox.Step[]} */
  const steps = left.status === "open" || left.status === before.status ? [] : [["reopen", {}]];
  if (before.status === "bot") return [...steps, ["return-to-bot", {}]];
  const { assignee, snoozed_until: until } = before;
  if (stateOf(before).assignee !== stateOf(left).assignee) {
    steps.push(["assign", { assignee: assignee?.id ?? null }]);
  }
  // The time may have come meanwhile.
  if (before.status === "snoozed" && until !== left.snoozed_until && new Date(until) > now()) {
    steps.push(["snooze", { until }]);
  }
  return steps;
}

/** Name whose conversation a message is about: by then another one may be open.
 *
 * @param {Inbox.Row} row
 * @param {string} words */
const about = (row, words) => `${isolate(customerName(row.customer))} · ${words}`;

/** As in chat/services/conversations.py. */
const LONGEST_SNOOZE_DAYS = 5 * 365;
const latestSnooze = () => inHours(LONGEST_SNOOZE_DAYS * 24);

/** @param {Date} until */
function snoozeError(until) {
  if (until <= now()) return gettext("Choose a time in the future.");
  // A year of too many digits is no date at all.
  return until <= latestSnooze() ? "" : gettext("Choose a time within the next five years.");
}

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
    show("return-to-bot", !isClosed && row.status !== "bot");
    root.querySelector("[data-menu=assign]").hidden = isClosed;
    root.querySelector("[data-menu=snooze]").hidden = isClosed || row.status === "snoozed";
  }

  takeOver() {
    const before = this.#current();
    if (!before || !isUntaken(before)) return Promise.resolve(false);
    const words =
      before.status === "bot"
        ? gettext("You took over. The bot keeps silent now.")
        : gettext("This conversation is yours now.");
    return this.#run("take-over", {}, words);
  }

  returnToBot() {
    return this.#run("return-to-bot", {}, gettext("The bot answers again."));
  }

  close() {
    const before = this.#current();
    if (!before || before.status === "closed") return Promise.resolve(false);
    return this.#run("close", {}, gettext("Closed."));
  }

  reopen() {
    return this.#run("reopen", {}, gettext("Open again."), { canUndo: false });
  }

  closeOrReopen() {
    return this.#current()?.status === "closed" ? this.reopen() : this.close();
  }

  /** @param {Date} until */
  snooze(until) {
    return this.#run(
      "snooze",
      { until: until.toISOString() },
      interpolate(gettext("Snoozed until %s."), [momentWords(until)]),
    );
  }

  /** @param {Stream.Person | null} assignee */
  assign(assignee) {
    const words = assignee
      ? interpolate(gettext("Assigned to %s."), [isolate(assignee.name)])
      : gettext("Assigned to nobody.");
    return this.#run("assign", { assignee: assignee?.id ?? null }, words);
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
      "return-to-bot": () => this.returnToBot(),
      close: () => this.close(),
      reopen: () => this.reopen(),
      "copy-link": () => this.#copyLink(),
    }[action];
  }

  /** Do one thing; answers whether it was done.
   *
   * @param {string} verb
   * @param {object} body
   * @param {string} words
   * @param {{canUndo?: boolean}} [options] */
  async #run(verb, body, words, { canUndo = true } = {}) {
    const before = this.#current();
    if (!before || this.#busy) return false;
    const after = await this.#inTurn(before, () => this.#call(before.id, verb, body));
    if (!after) return false;
    toast(about(before, words), {
      kind: "success",
      action: canUndo ? { label: gettext("Undo"), run: () => this.#undo(before, after) } : null,
    });
    return true;
  }

  /** Go back to a state, from the one that was left and from no other: what a colleague did since
   * then is theirs.
   *
   * @param {Inbox.Row} before
   * @param {Inbox.Row} left */
  #undo(before, left) {
    return this.#inTurn(before, async () => {
      let row = left;
      for (const [verb, body] of stepsBack(before, left)) {
        row = await this.#call(before.id, verb, { ...body, expected: stateOf(row) });
      }
      return row;
    });
  }

  /** Answer what the work gave, or null where it was refused.
   *
   * @param {Inbox.Row} row
   * @param {() => Promise<Inbox.Row>} work
   * @returns {Promise<Inbox.Row | null>} */
  async #inTurn(row, work) {
    this.#setBusy(true);
    try {
      return await work();
    } catch (error) {
      this.#refused(error, row);
      return null;
    } finally {
      this.#setBusy(false);
    }
  }

  /**
   * @param {string} id
   * @param {string} verb
   * @param {object} body
   * @returns {Promise<Inbox.Row>}
   */
  async #call(id, verb, body) {
    const { conversation } = await post(`conversations/${id}/${verb}`, CHANGED, body);
    this.#taken(conversation);
    return conversation;
  }

  /** @param {Inbox.Row} [row] */
  #refused(error, row) {
    if (!(error instanceof Refusal)) throw error;
    toast(row ? about(row, error.message) : error.message, { kind: "error" });
  }

  /** @param {boolean} isBusy */
  #setBusy(isBusy) {
    this.#busy = isBusy;
    // Not what opens a menu: one whose button is disabled is closed by nothing.
    for (const button of root.querySelectorAll("#conversation-actions button:not([data-bs-toggle])")) {
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
    const wanted = byId("assign-search").value.trim();
    const owner = this.#current()?.assignee?.id ?? null;
    const found = this.#agents
      .filter((agent) => isCalled(agent.name, wanted))
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
      const words = snoozeError(until);
      if (words) {
        event.preventDefault();
        const told = byId("snooze-error");
        setText(told, words);
        told.hidden = false;
        return;
      }
      dialog.close();
      void this.#snoozeOrAskAgain(until);
    });
  }

  /** What was refused is asked for again, with the time that was chosen.
   *
   * @param {Date} until */
  async #snoozeOrAskAgain(until) {
    if (!(await this.snooze(until))) this.#askUntil(until);
  }

  #askUntil(until = inHours(3)) {
    const field = byId("snooze-until");
    byId("snooze-error").hidden = true;
    field.min = fieldValue(now());
    field.max = fieldValue(latestSnooze());
    field.value = fieldValue(until);
    byId("snooze-dialog").showModal();
    field.focus();
  }
}
