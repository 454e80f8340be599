// The chat's launcher; the chat itself loads when it is first opened. See docs/widget.md.
(() => {
  const w = window;
  const d = document;
  const script =
    d.currentScript || d.querySelector("script[data-site-key][src*='/widget/loader.js']");
  const stub = w.nextflow;
  if (!script || stub?.loaded) return;

  const base = new URL(".", script.src);
  const origin = base.origin;
  const { siteKey = "", theme = "auto" } = script.dataset;
  let language = script.dataset.language || "";
  const flag = `nextflow-${siteKey}`;
  const listeners = {};
  let settings, host, button, badge, panel, frame;
  let isReady = false;
  let isOpen = false;
  let wantsOpen = false;
  let wantsReset = false;
  let unread = 0;
  let pause = 5000;
  let identity = null;

  // "1" while a conversation is open. Only where browsers refuse storage to frames, their data.
  const keep = (value) => {
    try {
      if (value) localStorage.setItem(flag, value);
      else if (value === null) localStorage.removeItem(flag);
      return localStorage.getItem(flag);
    } catch {
      return null; // storage is forbidden
    }
  };
  const emit = (name, data) =>
    (listeners[name] || []).slice().forEach((listener) => {
      try {
        listener(data);
      } catch (error) {
        console.error(error);
      }
    });
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
  const address = (path, query) => {
    const url = new URL(path, base);
    for (const key in query) if (query[key]) url.searchParams.set(key, query[key]);
    return url.href;
  };

  const loadSettings = () => {
    const tag = make("script", {
      src: address("settings.js", { site_key: siteKey, origin: location.origin, language }),
    });
    tag.onerror = () => fail("unreachable", "The chat's server does not answer.");
    tag.onload = () => tag.remove();
    d.head.append(tag);
  };
  const fail = (code, message) => {
    console.error(`NextFlow chat: ${message}`);
    emit("error", { code, message });
  };

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
    button.onclick = () => api("toggle");
    root.addEventListener("keydown", (event) => event.key === "Escape" && isOpen && api("close"));
    // Beside <body>, which some single-page sites replace.
    d.documentElement.append(host);
    w.visualViewport?.addEventListener("resize", fit);
    w.visualViewport?.addEventListener("scroll", fit);
  };
  // A frame does not learn of the on-screen keyboard.
  const fit = () => {
    const view = w.visualViewport;
    const isFull = isOpen && w.matchMedia("(max-width:480px)").matches && view.scale < 1.1;
    panel.style.top = isFull ? `${view.offsetTop}px` : "";
    panel.style.height = isFull ? `${view.height}px` : "";
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

  const createFrame = () => {
    if (frame) return;
    frame = make("iframe", {
      src: address("frame/", { site_key: siteKey, origin: location.origin, language, theme }),
      title: settings.labels.chat,
    });
    panel.append(frame);
    paint();
    const tried = frame;
    // A frame that did not load stays an error page: try again, ever more seldom.
    setTimeout(
      () => {
        if (isReady || frame !== tried) return;
        removeFrame();
        if (isOpen || keep()) createFrame();
      },
      (pause *= 2),
    );
  };
  const removeFrame = () => {
    frame?.remove();
    frame = null;
    isReady = false;
  };

  const show = (open) => {
    if (open === isOpen) return;
    isOpen = open;
    if (open) createFrame();
    paint();
    tell(open ? "opened" : "closed");
    if (open) frame.focus();
    else button.focus();
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
      tell("init", { isOpen, identity, kept: keep() });
      if (isOpen) frame.focus();
      if (wantsReset) tell("reset");
    } else if (data.type === "close") show(false);
    else if (data.type === "unread") setUnread(data.count);
    else if (data.type === "keep") keep(data.value);
    else if (data.type === "message") emit("message", { seq: data.seq, sender: data.sender });
    else if (data.type === "error") emit("error", { code: data.code, message: data.message });
    else if (data.type === "reset") {
      wantsReset = false;
      keep(null);
      removeFrame();
      setUnread(0);
      if (isOpen) createFrame();
    }
  });

  const commands = {
    open: () => (settings ? show(true) : (wantsOpen = true)),
    close: () => (settings ? show(false) : (wantsOpen = false)),
    toggle: () => (settings ? show(!isOpen) : (wantsOpen = !wantsOpen)),
    on(name, listener) {
      (listeners[name] = listeners[name] || []).push(listener);
      if (name === "ready" && settings) listener();
    },
    off(name, listener) {
      listeners[name] = (listeners[name] || []).filter((one) => listener && one !== listener);
    },
    unread(callback) {
      callback?.(unread);
      return unread;
    },
    identify(who) {
      identity = who;
      tell("identify", { identity });
    },
    setLanguage(code) {
      language = code;
      loadSettings();
      tell("language", { language });
    },
    reset() {
      identity = null;
      wantsReset = true;
      if (!settings) return;
      createFrame();
      tell("reset");
    },
    settings(given) {
      if (given.error) return fail(given.error.code, given.error.message);
      const isFirst = !settings;
      settings = given;
      if (isFirst) build();
      paint();
      if (!isFirst) return;
      emit("ready");
      if (wantsOpen) show(true);
      else if (wantsReset) createFrame();
      else if (keep()) (w.requestIdleCallback || setTimeout)(createFrame);
    },
  };
  const api = (command, ...rest) => {
    if (Object.hasOwn(commands, command)) return commands[command](...rest);
    console.error(`NextFlow chat: there is no command "${command}".`);
  };
  api.loaded = true;
  w.nextflow = api;

  loadSettings();
  (stub?.q || []).forEach((call) => api(...call));
})();
