// The list: one box and status at a time, in the server's order, continued by cursor, kept true by the socket.
import { Refusal, get } from "./api.js";
import { emptyWords } from "./empty.js";
import { keptOrder, keepOrder } from "./order.js";
import { byId, fromTemplate, me, root, setText, state } from "./page.js";
import { fillRow, fillTimes } from "./row.js";
import { byAge, byWait, isOlder, momentOf } from "./sorting.js";
import { setUnread } from "./title.js";
import { COUNTS, ROWS } from "./shapes.js";
import { toast } from "../../app/toasts.js";

const PAGE = 30;
const MOST_AT_ONCE = 100;
const COUNTS_AFTER_MS = 700;
const SEARCH_AFTER_MS = 250;
const MAX_SEARCH_LENGTH = 200;
const FILTERS = "a[data-box], a[data-status], a[data-order]";

export class ConversationList {
  box = state.box;
  status = state.status;
  order = state.order;
  opened = null;
  #rows = new Map();
  #shown = new Map();
  #known = new Map();
  #next = null;
  /** @type {Promise<any> | null} */
  #loading = null;
  #generation = 0;
  #countsTimer = null;
  #caughtUpTo = null;
  #search = "";
  #isRead;
  #noted;
  #list = byId("rows");
  #scroll = byId("list-scroll");

  /**
   * isRead(row) says whether this reader has just read all of it: the server may not know yet;
   * noted(row, before) is told each row as it is now, and what was known of it.
   */
  constructor(openConversation, isRead, noted) {
    this.#isRead = isRead;
    this.#noted = noted;
    this.counts = state.counts;
    this.unread = state.unread;
    this.waiting = state.waiting;
    this.#list.replaceChildren();
    if (keptOrder() === this.order) {
      this.#take(state.page, []);
      this.#paint();
      this.#paintCounts();
    } else {
      void this.choose({ order: keptOrder() });
    }
    this.#scroll.addEventListener("scroll", () => this.#loadMoreNearTheEnd(), { passive: true });
    this.#list.addEventListener("click", (event) => {
      const link = /** @type {Element} */ (event.target).closest("a.row-link");
      if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
      event.preventDefault();
      openConversation(link.closest(".row-item").dataset.id);
    });
    for (const link of root.querySelectorAll(FILTERS)) {
      link.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        if (link.dataset.order) keepOrder(link.dataset.order);
        void this.choose(link.dataset);
      });
    }
    this.#listenToSearch(byId("list-search"));
    setInterval(() => this.#tick(), 10_000);
    void this.#loadMoreNearTheEnd();
  }

  /** Give the newest row known of a conversation, shown in this list or not.
   *
   * @param {string} id */
  row(id) {
    return this.#known.get(id) ?? null;
  }

  /** Take a row from the socket or from an answer; an older one than is known changes nothing.
   *
   * @param {Inbox.Row} row */
  upsert(row) {
    const known = this.#known.get(row.id);
    if (known && isOlder(row, known)) return known;
    const complete = this.#know({ ...row, unread: row.unread ?? this.#unreadOf(row, known) });
    this.#place(complete);
    this.#paint();
    this.#countSoon();
    return complete;
  }

  /** Forget a conversation that this reader does not see any more.
   *
   * @param {string} id */
  remove(id) {
    this.#known.delete(id);
    this.#rows.delete(id);
    this.#paint();
    this.#countSoon();
  }

  /** Everything up to inbound_total was read here: the badge goes at once.
   *
   * @param {string} id */
  markRead(id) {
    const row = this.#known.get(id);
    if (!row || !row.unread) return;
    const read = this.#know({ ...row, unread: 0 });
    if (this.#rows.has(id)) this.#rows.set(id, read);
    this.#paint();
    this.#countSoon();
  }

  /** @param {string} id */
  setOpened(id) {
    this.opened = id;
    this.#paint();
  }

  /** Return the part of an address that says what this list shows, with some of it changed. */
  query({ box = this.box, status = this.status, order = this.order } = {}) {
    const ordered = order === "newest" ? "&order=newest" : "";
    return `?box=${box}&status=${status}${ordered}`;
  }

  async choose({ box = this.box, status = this.status, order = this.order }) {
    Object.assign(this, { box, status, order });
    this.#search = "";
    byId("list-search").value = "";
    this.#paintFilters();
    history.replaceState(history.state, "", window.location.pathname + this.query());
    await this.#startAnew();
  }

  async #startAnew() {
    this.#rows.clear();
    this.#next = null;
    this.#list.replaceChildren();
    this.#shown.clear();
    byId("list-empty").hidden = true;
    byId("list-more").hidden = false;
    this.#scroll.scrollTop = 0;
    await this.reload();
  }

  #listenToSearch(field) {
    let timer = null;
    const searchSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const wanted = [...field.value.trim()].slice(0, MAX_SEARCH_LENGTH).join("");
        if (wanted === this.#search) return;
        this.#search = wanted;
        this.#paintFilters();
        void this.#startAnew();
      }, SEARCH_AFTER_MS);
    };
    field.addEventListener("input", searchSoon);
    // On a slow line a person types before this script runs.
    if (field.value) searchSoon();
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || (event.key !== "ArrowDown" && event.key !== "Enter")) return;
      event.preventDefault();
      this.#list.querySelector("a.row-link")?.focus();
    });
  }

  /** What the server is asked for: people of a name, or a box and status. */
  #question() {
    return this.#search
      ? { search: this.#search }
      : { box: this.box, status: this.status, order: this.order };
  }

  /** Ask the server again for what is shown: after a lost connection this equals a page reload. */
  async reload() {
    this.#generation += 1;
    const generation = this.#generation;
    const wanted = Math.min(MOST_AT_ONCE, Math.max(PAGE, this.#rows.size));
    const before = new Map(this.#known);
    let page;
    try {
      page = await get("inbox/conversations", ROWS, { ...this.#question(), limit: wanted });
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (generation !== this.#generation) return;
    if (page.organization !== me.organization) {
      window.location.assign(root.dataset.inboxUrl);
      return;
    }
    // A row that changed while the answer was on its way is newer than the answer.
    const newer = [...this.#known.values()].filter((row) => before.get(row.id) !== row);
    this.#take(page, newer);
    this.#paint();
    void this.countNow();
  }

  /** Load again if something changed at this moment that no row has told of; say whether it did.
   *
   * @param {string} changedAt */
  catchUp(changedAt) {
    if (changedAt === this.#caughtUpTo) return false;
    this.#caughtUpTo = changedAt;
    const since = momentOf(changedAt);
    const isKnown = [...this.#known.values()].some((row) => momentOf(row.updated_at) >= since);
    if (!isKnown) void this.reload();
    return !isKnown;
  }

  async countNow() {
    clearTimeout(this.#countsTimer);
    this.#countsTimer = null;
    try {
      const told = await get("inbox/counts", COUNTS);
      ({ counts: this.counts, unread: this.unread, waiting: this.waiting } = told);
      this.#paintCounts();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }

  /** Move the focus to the next (1) or previous (-1) row.
   *
   * @param {number} by */
  step(by) {
    const links = [...this.#list.querySelectorAll("a.row-link")];
    if (!links.length) return;
    const focused = links.findIndex((link) => link === document.activeElement);
    const current = focused >= 0
      ? focused
      : links.findIndex((link) => link.closest(".row-item").dataset.id === this.opened);
    const next = current < 0 ? 0 : Math.min(links.length - 1, Math.max(0, current + by));
    links[next].focus();
    links[next].scrollIntoView({ block: "nearest" });
  }

  /** @param {string} id */
  focusRow(id) {
    const item = this.#shown.get(id) ?? this.#list.firstElementChild;
    (item?.querySelector("a") ?? this.#scroll).focus();
  }

  /** @param {Inbox.Row} row */
  #know(row) {
    const told = row.unread && this.#isRead(row) ? { ...row, unread: 0 } : row;
    const before = this.#known.get(row.id);
    this.#known.set(row.id, told);
    this.#noted(told, before);
    return told;
  }

  /**
   * @param {Inbox.Row} row
   * @param {Inbox.Row} known
   */
  #unreadOf(row, known) {
    // The hint goes to the whole team and does not know what this reader has read.
    const seen = known ? known.inbound_total - known.unread : 0;
    return Math.max(0, row.inbound_total - Math.max(seen, row.answered_inbound_total));
  }

  /**
   * @param {Inbox.RowPage} page
   * @param {Inbox.Row[]} newer
   */
  #take(page, newer) {
    this.#rows.clear();
    this.#next = page.next;
    for (const row of page.rows) this.#rows.set(row.id, this.#know(row));
    for (const row of newer) {
      const told = this.#known.get(row.id);
      this.#place(this.#know(told && isOlder(row, told) ? told : row));
    }
  }

  /** @param {Inbox.Row} row */
  #belongs(row) {
    // Whom a search found stays found, whatever happens to the conversation.
    if (this.#search) return this.#rows.has(row.id);
    if (row.status !== this.status) return false;
    if (this.box === "mine") return row.assignee?.id === me.id;
    if (this.box === "unassigned") return row.assignee === null;
    return true;
  }

  /** As the server orders this list, so that a reload and a live change never differ.
   *
   * @param {Inbox.Row} a
   * @param {Inbox.Row} b */
  #compare(a, b) {
    return this.#isByWait ? byWait(a, b) : byAge(a, b);
  }

  get #isByWait() {
    return this.status === "open" && this.order === "wait" && !this.#search;
  }

  get #manner() {
    return { isMixed: this.#search !== "", isByWait: this.#isByWait };
  }

  /** @param {Inbox.Row} row */
  #place(row) {
    if (!this.#belongs(row)) {
      this.#rows.delete(row.id);
      return;
    }
    // Behind the last loaded row it comes with its own page.
    const isBeyond = this.#next !== null && !this.#rows.has(row.id)
      && [...this.#rows.values()].every((other) => this.#compare(other, row) < 0);
    if (!isBeyond) this.#rows.set(row.id, row);
  }

  async #loadMoreNearTheEnd() {
    if (this.#next === null || this.#loading !== null) return;
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    if (scrollHeight - scrollTop - clientHeight > 400) return;
    const generation = this.#generation;
    byId("list-more").hidden = false;
    this.#loading = get("inbox/conversations", ROWS, { ...this.#question(), cursor: this.#next });
    try {
      const page = await this.#loading;
      if (generation !== this.#generation) return;
      this.#next = page.next;
      for (const row of page.rows) {
        const known = this.#known.get(row.id);
        const latest = this.#know(known && isOlder(row, known) ? known : row);
        if (this.#belongs(latest)) this.#rows.set(latest.id, latest);
      }
      this.#paint();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#loading = null;
      byId("list-more").hidden = true;
    }
    void this.#loadMoreNearTheEnd();
  }

  #failed(error) {
    if (!(error instanceof Refusal)) throw error;
    byId("list-more").hidden = true;
    // While the connection is away its own words say so; the next one brings the list.
    if (!error.isTemporary) toast(error.message, { kind: "error" });
  }

  #paint() {
    const wanted = [...this.#rows.values()].sort((a, b) => this.#compare(a, b));
    for (const [id, item] of this.#shown) {
      if (this.#rows.has(id)) continue;
      item.remove();
      this.#shown.delete(id);
    }
    // A row that moves loses the focus, and with it the keyboard's place in the list.
    const active = /** @type {HTMLElement} */ (document.activeElement);
    const focused = this.#list.contains(active) ? active : null;
    let place = this.#list.firstElementChild;
    for (const row of wanted) {
      let item = this.#shown.get(row.id);
      if (!item) {
        item = fromTemplate("row-template");
        item.dataset.id = row.id;
        this.#shown.set(row.id, item);
      }
      fillRow(item, row, { isOpened: row.id === this.opened, ...this.#manner });
      if (item === place) place = place.nextElementSibling;
      else this.#list.insertBefore(item, place);
    }
    if (focused && focused !== document.activeElement) focused.focus({ preventScroll: true });
    byId("list-more").hidden = true;
    this.#paintEmpty(wanted.length === 0);
  }

  #tick() {
    for (const [id, item] of this.#shown) {
      fillTimes(item, this.#rows.get(id), this.#manner);
    }
  }

  /** @param {boolean} isEmpty */
  #paintEmpty(isEmpty) {
    const empty = byId("list-empty");
    empty.hidden = !isEmpty;
    if (!isEmpty) return;
    const [title, help] = this.#search
      ? [
          gettext("Nobody found"),
          gettext("Names and email addresses of customers are searched, in every state."),
        ]
      : emptyWords(this.box, this.status, this.counts);
    setText(empty.querySelector(".list-empty-title"), title);
    setText(empty.querySelector(".list-empty-help"), help);
  }

  #paintFilters() {
    for (const link of root.querySelectorAll(FILTERS)) {
      const [[name, value]] = Object.entries(link.dataset);
      const isChosen = this[name] === value && !this.#search;
      if (isChosen) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      /** @type {HTMLAnchorElement} */ (link).href = this.query(link.dataset);
    }
    // Of everything else the newest come first, whichever was chosen.
    byId("list-order").hidden = this.status !== "open" || this.#search !== "";
    this.#paintCounts();
  }

  #paintCounts() {
    /** @param {number} number */
    const words = (number) =>
      number >= state.count_limit ? `${state.count_limit - 1}+` : String(number || "");
    for (const link of root.querySelectorAll("a[data-box]")) {
      const count = link.querySelector(".box-count");
      setText(count, words(this.counts[link.dataset.box][this.status]));
    }
    for (const link of root.querySelectorAll("a[data-status]")) {
      setText(link.querySelector(".status-count"), words(this.counts[this.box][link.dataset.status]));
    }
    const count = document.querySelector("[data-sidebar-count]");
    count.hidden = this.waiting === 0;
    setText(count, words(this.waiting));
    setUnread(this.unread, words(this.unread));
    if (!this.#rows.size) this.#paintEmpty(true);
  }

  #countSoon() {
    this.#countsTimer ??= setTimeout(() => this.countNow(), COUNTS_AFTER_MS);
  }
}
