// A sound and a desktop notification when a customer waits for this person: once, whatever number of
// tabs is open, and not while the person looks at that conversation.
import { playSound, unlockSound } from "../sound.js";
import { customerName } from "./names.js";
import { me, state } from "./page.js";

const TOLD = `nextflow-alerted:${me.organization}:${me.id}`;
const KEPT = 50;
const LOOKING = `nextflow-looking:${me.organization}:${me.id}:`;
// Whoever looks says first that nothing is to be told; of the others, the tab in front is next.
const IN_FRONT_AFTER_MS = 150;
const BEHIND_AFTER_MS = 500;
const REST_MS = 2_000;

const started = new Date(state.now);
/** @param {string} iso */
const isRecent = (iso) => iso !== null && new Date(iso) > started;

export class Alerts {
  #isLookedAt;
  #open;
  #rangAt = 0;

  /** isLookedAt(row): whether it is before this person's eyes; open(id) shows a conversation. */
  constructor({ isLookedAt, open }) {
    this.#isLookedAt = isLookedAt;
    this.#open = open;
    // Also while it is switched off: it may be switched on at any time, in another tab as well.
    for (const kind of ["pointerdown", "keydown"]) {
      document.addEventListener(kind, unlockSound, { once: true, capture: true });
    }
  }

  /** Take note of a row; before: what was known of it, or undefined.
   *
   * @param {Inbox.Row} row
   * @param {Inbox.Row | undefined} before */
  consider(row, before) {
    if (!concernsMe(row) || !isNews(row, before)) return;
    if (this.#isLookedAt(row)) {
      void claim(row);
      return;
    }
    const isInFront = document.visibilityState === "visible" && document.hasFocus();
    setTimeout(() => this.#tell(row), isInFront ? IN_FRONT_AFTER_MS : BEHIND_AFTER_MS);
  }

  /** @param {Inbox.Row} row */
  async #tell(row) {
    if (await isLookedAtInSomeTab(row.id)) return;
    if (!(await claim(row))) return;
    if (state.alerts.sound && Date.now() - this.#rangAt > REST_MS && playSound()) {
      this.#rangAt = Date.now();
    }
    if (state.alerts.desktop && !document.hasFocus()) this.#notify(row);
  }

  /** @param {Inbox.Row} row */
  #notify(row) {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    try {
      const shown = new Notification(customerName(row.customer), {
        body: row.last_customer_message?.text ?? "",
        tag: row.id,
        renotify: true,
        silent: true,
      });
      shown.addEventListener("click", () => {
        window.focus();
        this.#open(row.id);
        shown.close();
      });
    } catch {
      // Phones show none from a page.
    }
  }
}

/** Holds a lock while a conversation is before this person's eyes, so that their other tabs know. */
export class Gaze {
  #id = null;
  /** @type {(value?: unknown) => void} */
  #letGo = () => {};

  /** Take note of which conversation that is now, or null.
   *
   * @param {string} id */
  follow(id) {
    if (id === this.#id || !navigator.locks) return;
    this.#letGo();
    this.#id = id;
    if (id === null) return;
    const held = new Promise((resolve) => {
      this.#letGo = resolve;
    });
    // Shared: the same conversation may be before one's eyes on two screens.
    void navigator.locks.request(LOOKING + id, { mode: "shared" }, () => held);
  }
}

/** Whether a tab of this person shows it, however late that tab gets to hear of the message.
 *
 * @param {string} id */
async function isLookedAtInSomeTab(id) {
  if (!navigator.locks) return false;
  const { held } = await navigator.locks.query();
  return held.some((lock) => lock.name === LOOKING + id);
}

/** @param {Inbox.Row} row */
function concernsMe(row) {
  if (row.status === "bot" || row.status === "closed") return false;
  return row.assignee ? row.assignee.id === me.id : row.status === "open";
}

/** Whether the customer wrote, or the bot handed over, since this was known or the page was made.
 *
 * @param {Inbox.Row} row
 * @param {Inbox.Row | undefined} before */
function isNews(row, before) {
  const hasWritten = before
    ? row.inbound_total > before.inbound_total
    : row.last_message.sender_type === "customer" && isRecent(row.last_message_at);
  const wasHandedOver = before
    ? before.status === "bot" && row.escalated_at !== null
    : isRecent(row.escalated_at);
  return hasWritten || wasHandedOver;
}

/** Be the one tab that tells of a row in this state; answer whether this is the one.
 *
 * @param {Inbox.Row} row */
async function claim(row) {
  const take = () => {
    const told = read();
    if ((told[row.id] ?? 0) >= row.last_seq) return false;
    delete told[row.id];
    const newest = Object.entries({ ...told, [row.id]: row.last_seq }).slice(-KEPT);
    try {
      localStorage.setItem(TOLD, JSON.stringify(Object.fromEntries(newest)));
    } catch {
      // Storage is full or off: each tab tells for itself.
    }
    return true;
  };
  // Plain HTTP in an office has no locks; then two tabs of the same moment may both tell.
  return navigator.locks ? navigator.locks.request(TOLD, take) : take();
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(TOLD)) ?? {};
  } catch {
    return {};
  }
}
