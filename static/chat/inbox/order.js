// Which order of the open list a person chose, kept in this browser; an address may name another one.
import { me, state } from "./page.js";

const KEPT = `nextflow-order:${me.organization}:${me.id}`;
const ORDERS = ["wait", "newest"];

/** Return the order to begin with: the address's, else the one that was chosen last. */
export function keptOrder() {
  if (new URL(window.location.href).searchParams.has("order")) return state.order;
  try {
    const kept = /** @type {Inbox.Order} */ (localStorage.getItem(KEPT));
    return ORDERS.includes(kept) ? kept : state.order;
  } catch {
    return state.order; // storage is off
  }
}

/** @param {string} order */
export function keepOrder(order) {
  try {
    localStorage.setItem(KEPT, order);
  } catch {
    // Storage is full or off: the address alone says it.
  }
}
