// Fragments that htmx fetches count only when they are ours.
//
// A captive portal or a proxy answers in the server's place, with status 200 and a page of its own,
// which must not be put into ours. The server repeats the X-Request-ID of each request; nobody else
// does. A fragment that loads by itself is asked for again; whatever a person did is reported.
import { newId } from "../stream/ids.js";
import { hasTyped } from "./leaving.js";
import { toast } from "./toasts.js";

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
const WHOLE_PAGE = /^\s*(<!doctype|<html)/i;

const ids = new WeakMap();
const failures = new WeakMap();

document.addEventListener("htmx:configRequest", ({ detail }) => {
  detail.headers["X-Request-ID"] = newId();
});

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  ids.set(detail.xhr, detail.requestConfig.headers["X-Request-ID"]);
});

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, elt } = event.detail;
  const isOurs = xhr.getResponseHeader("X-Request-ID") === ids.get(xhr);
  if (!isOurs) {
    // Nothing of it counts: no swap, no headers that htmx would obey, no new address.
    event.preventDefault();
    unreachable(event.detail);
  } else if (xhr.status < 300 && WHOLE_PAGE.test(xhr.responseText)) {
    // The session ended: the request was led to the log-in, which is a page and no fragment.
    event.preventDefault();
    if (hasTyped()) {
      const words = gettext("You were logged out. Log in in another tab, and go on here.");
      toast(words, { kind: "error", action: logIn() });
    } else window.location.assign(logInAddress(xhr.responseURL));
  } else {
    failures.delete(elt);
  }
});

document.addEventListener("htmx:sendError", ({ detail }) => unreachable(detail));
document.addEventListener("htmx:timeout", ({ detail }) => unreachable(detail));
document.addEventListener("htmx:responseError", ({ detail }) => {
  if (isByItself(detail.elt)) {
    if (detail.xhr.status >= 500) askAgain(detail.elt);
  } else {
    report(detail.xhr);
  }
});

/** A toast's button: in another tab, since something stands on this page. */
function logIn() {
  const run = () => window.open("/login/", "_blank", "noopener");
  return { label: gettext("Log in"), run };
}

/** Say in the server's words why it refused; the page stays, with what was typed.
 *
 * @param {XMLHttpRequest} xhr */
function report(xhr) {
  /** @type {{detail?: string}} */
  let problem = {};
  try {
    problem = JSON.parse(xhr.responseText);
  } catch {
    // No words of the server's: the general ones follow.
  }
  const words = problem.detail || gettext("The server did not answer as expected. Try again.");
  toast(words, { kind: "error", action: xhr.status === 401 ? logIn() : null });
}

/** @param {HtmxDetail} detail */
function unreachable({ elt }) {
  if (isByItself(elt)) askAgain(elt);
  else {
    const words = gettext("No connection to the server. Check the network and try again.");
    toast(words, { kind: "error" });
  }
}

/** @param {HTMLElement} elt */
function isByItself(elt) {
  return (elt.getAttribute("hx-trigger") ?? "").startsWith("load");
}

/** @param {HTMLElement} elt */
function askAgain(elt) {
  const count = failures.get(elt) ?? 0;
  failures.set(elt, count + 1);
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** count);
  setTimeout(() => {
    if (!elt.isConnected) return;
    const swap = elt.getAttribute("hx-swap") ?? "innerHTML";
    const address = elt.getAttribute("hx-get");
    if (address !== null) void window.htmx.ajax("GET", address, { source: elt, target: elt, swap });
  }, pause);
}

/** Where the request was led, with the page that is open as what comes after the log-in.
 *
 * @param {string} address */
function logInAddress(address) {
  const url = new URL(address, window.location.href);
  const here = window.location.pathname + window.location.search;
  if (url.searchParams.has("next")) url.searchParams.set("next", here);
  return url.href;
}
