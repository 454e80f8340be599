// The board: cards are moved by pointer, by keyboard and by their menus; the server says where they
// are, and a move that it refuses is taken back.
import {
  board,
  cardsIn,
  columns,
  isSending,
  listOf,
  originOf,
  putBack,
  refresh,
  say,
  send,
  titleOf,
} from "./board_moves.js";

const DRAG_FROM_PX = 6;
const SCROLL_EDGE_PX = 56;
// A card may be taken by a grip that is in the edge zone already: the pointer goes towards the edge.
const SCROLL_FROM_PX = 16;
const SCROLL_PX_PER_MS = 0.8;
const LONGEST_FRAME_MS = 50;
const REFRESH_MS = 30_000;
const PAGE_SIZE = 20;

/** @typedef {import("./board_moves.js").Origin} Origin */

// --- The menus ----------------------------------------------------------------------------------

document.addEventListener(
  "submit",
  (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches("form.board-move")) return;
    const card = /** @type {HTMLElement | null} */ (form.closest("[data-card]"));
    const key = /** @type {HTMLButtonElement | null} */ (event.submitter)?.value;
    const list = columns().find(({ dataset }) => dataset.column === key);
    if (!card || !list) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const origin = originOf(card);
    /** @type {HTMLDetailsElement} */ (form.closest("details")).open = false;
    list.prepend(card);
    void send(origin);
  },
  { capture: true },
);

// --- The pointer --------------------------------------------------------------------------------

/** @typedef {{origin: Origin, ghost: HTMLElement | null, x: number, y: number, dx: number, dy: number, pointer: number, at: [number, number], isScrolling: boolean}} Drag */

/** @type {Drag | null} */
let drag = null;

document.addEventListener("pointerdown", (event) => {
  const target = /** @type {Element} */ (event.target);
  const card = /** @type {HTMLElement | null} */ (target.closest?.("[data-movable]"));
  if (!card || event.button !== 0 || drag || isSending() || lifted) return;
  const isGrip = target.closest("[data-grip]") !== null;
  // A finger that is put on a card scrolls the page; the grip moves the card.
  if (event.pointerType !== "mouse" && !isGrip) return;
  if (!isGrip && target.closest("button, summary, details[open], input")) return;
  const box = card.getBoundingClientRect();
  const [x, y] = [event.clientX, event.clientY];
  drag = {
    origin: originOf(card),
    ghost: null,
    x,
    y,
    dx: x - box.left,
    dy: y - box.top,
    pointer: event.pointerId,
    at: [x, y],
    isScrolling: false,
  };
});

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.pointer) return;
  const [x, y] = [event.clientX, event.clientY];
  if (!drag.ghost) {
    if (Math.hypot(x - drag.x, y - drag.y) < DRAG_FROM_PX) return;
    begin(drag);
  }
  event.preventDefault();
  follow(drag, x, y);
});

/** @param {Drag} of */
function begin(of) {
  const { card } = of.origin;
  const ghost = /** @type {HTMLElement} */ (card.cloneNode(true));
  ghost.removeAttribute("id");
  ghost.removeAttribute("data-card");
  ghost.classList.add("board-ghost");
  ghost.setAttribute("aria-hidden", "true");
  ghost.style.width = `${card.offsetWidth}px`;
  document.body.append(ghost);
  of.ghost = ghost;
  card.classList.add("is-dragged");
  document.body.classList.add("is-dragging");
}

/**
 * @param {Drag} of
 * @param {number} x
 * @param {number} y */
function follow(of, x, y) {
  if (of.ghost) of.ghost.style.transform = `translate(${x - of.dx}px, ${y - of.dy}px)`;
  of.at = [x, y];
  put(of);
  if (!of.isScrolling && edgeOf(of)) {
    of.isScrolling = true;
    scrollOn(of, performance.now());
  }
}

/** Return where the board is to scroll: 1 to its end, -1 to its start, 0 if the pointer is not at
 * an edge.
 *
 * @param {Drag} of */
function edgeOf({ x: from, at: [x] }) {
  const edges = board().getBoundingClientRect();
  if (x > edges.right - SCROLL_EDGE_PX && x > from + SCROLL_FROM_PX) return 1;
  if (x < edges.left + SCROLL_EDGE_PX && x < from - SCROLL_FROM_PX) return -1;
  return 0;
}

/** Scroll in each frame while the pointer is at an edge, whether it moves or rests.
 *
 * @param {Drag} of
 * @param {number} last when the frame before was */
function scrollOn(of, last) {
  requestAnimationFrame((now) => {
    const edge = drag === of ? edgeOf(of) : 0;
    of.isScrolling = edge !== 0;
    if (!edge) return;
    const passed = Math.min(Math.max(now - last, 1), LONGEST_FRAME_MS);
    board().scrollLeft += edge * Math.ceil(SCROLL_PX_PER_MS * passed);
    put(of);
    scrollOn(of, now);
  });
}

/** Put the card where the pointer is.
 *
 * @param {Drag} of */
function put({ origin: { card }, at: [x, y] }) {
  // A short column takes what is dropped below it; what is scrolled out of sight takes nothing.
  const edges = board().getBoundingClientRect();
  const within = Math.min(Math.max(x, edges.left), edges.right - 1);
  const list = columns().find((each) => {
    const box = each.closest(".board-column")?.getBoundingClientRect();
    return box && within >= box.left && within < box.right;
  });
  if (!list) return;
  const below = cardsIn(list).find((each) => {
    if (each === card) return false;
    const box = each.getBoundingClientRect();
    return y < box.top + box.height / 2;
  });
  const end = list.querySelector(".board-more");
  const next = below ?? end;
  if (card.parentElement !== list || card.nextElementSibling !== next) list.insertBefore(card, next);
}

/** @param {boolean} isDropped */
function finish(isDropped) {
  if (!drag) return;
  const { origin, ghost } = drag;
  drag = null;
  if (!ghost) return;
  ghost.remove();
  origin.card.classList.remove("is-dragged");
  document.body.classList.remove("is-dragging");
  // The click that ends a drag opens nothing.
  const swallow = (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
  if (isDropped) void send(origin);
  else putBack(origin);
}

document.addEventListener("pointerup", () => finish(true));
document.addEventListener("pointercancel", () => finish(false));

// --- The keyboard -------------------------------------------------------------------------------

/** @type {Origin | null} */
let lifted = null;

/** @param {boolean} isDropped */
function putDown(isDropped) {
  if (!lifted) return;
  const origin = lifted;
  const grip = /** @type {HTMLElement | null} */ (origin.card.querySelector("[data-grip]"));
  lifted = null;
  grip?.setAttribute("aria-pressed", "false");
  origin.card.classList.remove("is-lifted");
  if (isDropped) void send(origin);
  else {
    putBack(origin);
    say(gettext("The card is where it was."));
  }
  grip?.focus();
}

/** @type {Record<string, (card: HTMLElement) => void>} */
const STEPS = {
  ArrowUp: (card) => card.previousElementSibling?.before(card),
  ArrowDown: (card) => {
    const next = card.nextElementSibling;
    if (next?.matches("[data-card]")) next.after(card);
  },
  ArrowLeft: (card) => aside(card, -1),
  ArrowRight: (card) => aside(card, 1),
};

/**
 * @param {HTMLElement} card
 * @param {number} step */
function aside(card, step) {
  const all = columns();
  all[all.indexOf(listOf(card)) + step]?.prepend(card);
}

document.addEventListener(
  "keydown",
  (event) => {
    const grip = /** @type {Element} */ (event.target).closest?.("[data-grip]");
    const card = /** @type {HTMLElement | null} */ (grip?.closest("[data-card]"));
    if (!grip || !card) return;
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (lifted) putDown(true);
      else if (!isSending()) {
        lifted = originOf(card);
        card.classList.add("is-lifted");
        grip.setAttribute("aria-pressed", "true");
        say(gettext("Lifted. Move it with the arrow keys."));
      }
    } else if (lifted && event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      putDown(false);
    } else if (lifted && STEPS[event.key]) {
      event.preventDefault();
      STEPS[event.key](card);
      /** @type {HTMLElement} */ (grip).focus();
      card.scrollIntoView({ block: "nearest", inline: "nearest" });
      const place = cardsIn(listOf(card)).indexOf(card) + 1;
      say(interpolate(gettext("%s, place %s"), [titleOf(listOf(card)), place]));
    }
  },
  { capture: true },
);

document.addEventListener("focusout", ({ target, relatedTarget }) => {
  // Moving the element takes the focus for a moment; whoever goes elsewhere puts the card back.
  if (lifted && relatedTarget && lifted.card.contains(/** @type {Node} */ (target))) {
    if (!lifted.card.contains(/** @type {Node} */ (relatedTarget))) putDown(false);
  }
});

// --- What others do -----------------------------------------------------------------------------

/** Whether nobody would be disturbed, and no more cards were shown that would go. */
function isIdle() {
  return (
    !document.hidden &&
    !drag &&
    !lifted &&
    !isSending() &&
    !document.querySelector("dialog[open], details[open]") &&
    cardsIn(board()).length <= columns().length * PAGE_SIZE &&
    !board().contains(document.activeElement)
  );
}

setInterval(() => {
  if (isIdle()) refresh();
}, REFRESH_MS);
document.addEventListener("visibilitychange", () => {
  if (isIdle()) refresh();
});
