// The button on the site and the panel that holds the chat's frame. It travels in settings.js.
nextflow("launcher", ({ options, origin, address, emit, fail, load }) => {
  const w = window;
  const d = document;
  const { siteKey, theme } = options;
  const flag = `nextflow-${siteKey}`;
  const marked = "nextflow"; // the member of history.state that marks the entry of an open panel
  let settings, host, button, badge, panel, frame;
  let isReady = false;
  let isOpen = false;
  let wantsFocus = true;
  let wantsReset = false;
  let unread = 0;
  let pause = 5000;
  let identity = null;
  let hasEntry = false; // in the history, for Back on a phone

  /**
   * @param {"localStorage" | "sessionStorage"} area
   * @param {string} name
   * @param {string | null} [value]
   */
  const stored = (area, name, value) => {
    try {
      if (value) w[area].setItem(name, value);
      else if (value === null) w[area].removeItem(name);
      return w[area].getItem(name);
    } catch {
      return null; // storage is forbidden
    }
  };
  // "1" while a conversation is open. Only where browsers refuse storage to frames, their data.
  const keep = (value) => stored("localStorage", flag, value);
  const rememberOpen = (value) => stored("sessionStorage", `${flag}-open`, value);
  const canKeep = () => {
    const isKept = stored("localStorage", `${flag}-probe`, "1");
    stored("localStorage", `${flag}-probe`, null);
    return Boolean(isKept);
  };
  const tell = (type, data) =>
    isReady && frame.contentWindow.postMessage({ nextflow: 1, type, ...data }, origin);
  const make = (name, attributes, ...children) => {
    const node = name.startsWith("svg:")
      ? d.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
      : d.createElement(name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    node.append(...children);
    return node;
  };

  // --- The button and the panel -----------------------------------------------------------------

  const icon = (className, path) =>
    make(
      "svg:svg",
      { class: className, viewBox: "0 0 24 24", "aria-hidden": "true" },
      make("svg:path", { d: path }),
    );
  const build = () => {
    badge = make("span", { class: "badge", hidden: "" });
    button = make(
      "button",
      { type: "button", class: "launcher", "aria-haspopup": "dialog" },
      icon(
        "bubble",
        "M12 3c5 0 9 3.4 9 7.8s-4 7.8-9 7.8c-.9 0-1.8-.1-2.6-.3L4.6 21l.9-4.2C3.9 15.4 3 13.2 3 10.8 3 6.4 7 3 12 3z",
      ),
      icon("cross", "M6 9.5l6 6 6-6"),
      badge,
    );
    panel = make("div", { class: "panel", role: "dialog" });
    host = make("div", { id: "nextflow-chat" });
    const style = new CSSStyleSheet(); // a <style> would need a looser CSP
    style.replaceSync(settings.style);
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [style];
    root.append(panel, button);
    button.onclick = () => (isOpen ? leave() : show(true));
    root.addEventListener("keydown", (event) => event.key === "Escape" && isOpen && leave());
    // Beside <body>, which some single-page sites replace; some replace all that <html> holds.
    const page = d.documentElement;
    page.append(host);
    new MutationObserver(() => {
      if (host.isConnected) return;
      isReady = false; // a frame that is moved loads anew
      wantsFocus = false;
      page.append(host);
    }).observe(page, { childList: true });
    w.visualViewport?.addEventListener("resize", fit);
    w.visualViewport?.addEventListener("scroll", fit);
  };
  const isFull = () => w.matchMedia("(max-width:480px)").matches;
  // A frame does not learn of the on-screen keyboard.
  const fit = () => {
    const view = w.visualViewport;
    const isFitted = isOpen && isFull() && view.scale < 1.1;
    panel.style.top = isFitted ? `${view.offsetTop}px` : "";
    panel.style.height = isFitted ? `${view.height}px` : "";
  };
  const paint = () => {
    const { color, ink, position, labels } = settings;
    host.style.setProperty("--color", color);
    host.style.setProperty("--ink", ink);
    host.dataset.side = position;
    host.dataset.theme = theme;
    panel.classList.toggle("open", isOpen);
    panel.inert = !isOpen;
    panel.setAttribute("aria-label", labels.chat);
    button.classList.toggle("open", isOpen);
    button.setAttribute("aria-expanded", isOpen);
    const label = isOpen ? labels.close : labels.open;
    button.setAttribute(
      "aria-label",
      unread && !isOpen ? `${label} (${unread} ${labels.unread})` : label,
    );
    badge.hidden = !unread || isOpen;
    badge.textContent = unread > 9 ? "9+" : unread;
    fit();
  };

  // --- The frame --------------------------------------------------------------------------------

  const createFrame = () => {
    if (frame) return;
    const { language } = options;
    frame = make("iframe", {
      src: address("frame/", { site_key: siteKey, origin: w.origin, language, theme }),
      title: settings.labels.chat,
    });
    panel.append(frame);
    paint();
    const tried = frame;
    // A frame that did not load stays an error page: try again, ever more seldom.
    setTimeout(
      () => {
        if (isReady || frame !== tried) return;
        fail("unreachable", `the chat's page at ${origin} did not load; trying again.`);
        removeFrame();
        if (isOpen || keep()) createFrame();
      },
      (pause = Math.min(2 * pause, 300000)),
    );
  };
  const removeFrame = () => {
    frame?.remove();
    frame = null;
    isReady = false;
  };

  const show = (open, { isRestored = false } = {}) => {
    if (open === isOpen) return;
    isOpen = open;
    // A page that was loaded again must not take the focus, which may bring up a keyboard.
    wantsFocus = !isRestored;
    if (open) {
      createFrame();
      if (isFull()) addEntry();
    }
    rememberOpen(open ? (hasEntry ? "entry" : "1") : null);
    paint();
    tell(open ? "opened" : "closed");
    if (!open) button.focus();
    else if (wantsFocus) frame.focus();
    emit(open ? "opened" : "closed");
  };
  const setUnread = (count) => {
    if (count === unread) return;
    unread = count;
    paint();
    emit("unread", count);
  };

  w.addEventListener("message", ({ origin: from, source, data }) => {
    if (from !== origin || !frame || source !== frame.contentWindow || data?.nextflow !== 1) return;
    if (data.type === "ready") {
      isReady = true;
      tell("init", { isOpen, wantsFocus, identity, kept: keep(), canKeep: canKeep() });
      if (isOpen && wantsFocus) frame.focus();
      if (wantsReset) tell("reset");
    } else if (data.type === "close") leave();
    else if (data.type === "unread") setUnread(data.count);
    else if (data.type === "keep") keep(data.value);
    else if (data.type === "message") emit("message", { seq: data.seq, sender: data.sender });
    else if (data.type === "error") fail(data.code, data.message);
    else if (data.type === "reset") {
      wantsReset = false;
      keep(null);
      removeFrame();
      setUnread(0);
      if (isOpen) createFrame();
    }
  });

  // --- Back on a phone --------------------------------------------------------------------------
  // There the panel fills the screen, and whoever presses Back means the panel. While it is open the
  // history has one more entry, of the same address and with the site's own state: a router that is
  // told of a step to it or back finds nothing new. Wrappers of pushState, which count pages, are
  // passed by.

  const isMarked = () => Boolean(history.state?.[marked]);
  const change = (method, state) => {
    try {
      History.prototype[method].call(history, state, "");
    } catch {
      // Refused in some embedded views and after too many calls: Back does then what it always does.
    }
  };
  const addEntry = () => {
    const { state } = history;
    if (!isMarked() && (state === null || typeof state === "object")) {
      change("pushState", { ...state, [marked]: 1 });
    }
    hasEntry = isMarked();
  };
  /** Close it as the visitor does: its entry in the history goes, too. */
  const leave = () => {
    show(false);
    if (isMarked()) history.back();
    else hasEntry = false;
  };
  /** Close it for the site, which may be about to go elsewhere: no step back may come in between. */
  const close = () => {
    show(false);
    hasEntry = false;
    if (!isMarked()) return;
    const { [marked]: _, ...state } = history.state;
    change("replaceState", Object.keys(state).length ? state : null);
  };
  w.addEventListener("popstate", () => {
    if (isMarked() || !hasEntry) return;
    hasEntry = false;
    show(false);
  });
  /** Whether a reload found the panel open; on a phone its entry, whose mark the site may have lost. */
  const wasOpen = () => {
    const before = rememberOpen();
    if (!isFull()) return Boolean(before);
    const [{ type } = /** @type {any} */ ({})] = performance.getEntriesByType("navigation");
    if (before !== "entry" || (type !== "reload" && !isMarked())) return false;
    if (!isMarked()) change("replaceState", { ...history.state, [marked]: 1 });
    return true;
  };

  return {
    settings(given) {
      const isFirst = !settings;
      settings = given;
      if (isFirst) build();
      paint();
    },
    /** Called once, after the calls that were made before. */
    ready() {
      if (isOpen) return;
      if (wasOpen()) show(true, { isRestored: true });
      else {
        rememberOpen(null);
        if (keep() && !frame) (w.requestIdleCallback || setTimeout)(createFrame);
      }
    },
    commands: {
      open: () => show(true),
      close,
      toggle: () => (isOpen ? close() : show(true)),
      unread(callback) {
        callback?.(unread);
        return unread;
      },
      identify(who) {
        identity = who;
        tell("identify", { identity });
      },
      setLanguage(language) {
        options.language = language;
        load();
        tell("language", { language });
      },
      reset() {
        identity = null;
        wantsReset = true;
        createFrame();
        tell("reset");
      },
    },
  };
});
