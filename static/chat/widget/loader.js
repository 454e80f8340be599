// Starts the chat's launcher, which comes with the settings. See docs/widget.md.
(() => {
  const w = window;
  const d = document;
  const stub = w.nextflow;
  if (stub?.loaded) return;

  const path = "/widget/loader.js";
  /** @type {any[]} */
  const scripts = [d.currentScript, ...d.querySelectorAll(`script[src*="${path}"]`)].filter(
    (/** @type {any} */ one) => one?.src?.includes(path),
  );
  const log = (message) => console.error(`NextFlow chat: ${message}`);
  if (!scripts.length) {
    log(`load ${path} by a script element of its own; it cannot be a part of another file.`);
    return;
  }
  const script = scripts.find(keyOf) || scripts[0];
  const base = new URL(".", script.src);
  const { origin } = base;
  // Tag managers drop attributes: the key may stand in the address, or come by a call.
  function keyOf(one) {
    return one.dataset.siteKey || new URL(one.src).searchParams.get("key");
  }

  const listeners = {};
  const options = { siteKey: keyOf(script), theme: "auto", language: "", ...script.dataset };
  let calls = [...(stub?.q || [])];
  let launch;
  let isStarted = false;
  let isReady, isAnswered, isBlocked, policy, timer;
  let pause = 5000;

  const emit = (name, data) =>
    (listeners[name] || []).slice().forEach((listener) => {
      try {
        listener(data);
      } catch (error) {
        console.error(error);
      }
    });
  const fail = (code, message) => {
    log(message);
    emit("error", { code, message });
  };
  const address = (file, query) => {
    const url = new URL(file, base);
    for (const key in query) if (query[key]) url.searchParams.set(key, query[key]);
    return url.href;
  };
  // A site may demand Trusted Types for scripts: this policy knows the chat's own address alone.
  const trusted = (url) => {
    try {
      policy ||= w.trustedTypes?.createPolicy("nextflow", { createScriptURL: (own) => own });
    } catch {
      // Not among the names that the site allows; it may have a default policy.
    }
    return policy ? policy.createScriptURL(url) : url;
  };
  const load = () => {
    clearTimeout(timer);
    const { siteKey, language } = options;
    if (!siteKey || isBlocked) return;
    isAnswered = false;
    const tag = d.createElement("script");
    const file = address("settings.js", { site_key: siteKey, origin: w.origin, language });
    tag.nonce = script.nonce;
    try {
      tag.src = trusted(file);
    } catch {
      fail("csp", "add nextflow to trusted-types of the page's Content-Security-Policy.");
      return;
    }
    // A page of somebody else in the answer's place loads as well, and answers nothing.
    tag.onload = tag.onerror = () => {
      tag.remove();
      timer = setTimeout(() => {
        if (isAnswered || isBlocked) return;
        fail("unreachable", `${origin} does not answer; trying again.`);
        timer = setTimeout(load, (pause = Math.min(2 * pause, 300000)));
      }, 100);
    };
    d.head.append(tag);
  };
  d.addEventListener("securitypolicyviolation", (event) => {
    const directive = event.effectiveDirective.replace(/-elem$/, "");
    if (event.disposition !== "enforce" || !event.blockedURI.startsWith(origin)) return;
    if (directive !== "script-src" && directive !== "frame-src") return;
    isBlocked = true;
    fail("csp", `add ${origin} to ${directive} of the page's Content-Security-Policy.`);
  });

  const commands = {
    init(given) {
      Object.assign(options, given);
      if (isStarted) load();
    },
    on(name, listener) {
      (listeners[name] ||= []).push(listener);
      if (name === "ready" && isReady) listener();
    },
    off(name, listener) {
      listeners[name] = (listeners[name] || []).filter((one) => listener && one !== listener);
    },
    launcher(start) {
      launch ||= start({ options, origin, address, emit, fail, load });
    },
    settings(given) {
      isAnswered = true;
      if (given.error) return fail(given.error.code, given.error.message);
      launch.settings(given);
      if (isReady) return;
      isReady = true;
      Object.assign(commands, launch.commands);
      emit("ready");
      const waiting = calls;
      calls = [];
      waiting.forEach((call) => api(...call));
      launch.ready();
    },
  };
  const api = (command, ...rest) => {
    if (Object.hasOwn(commands, command)) return commands[command](...rest);
    if (isReady) log(`there is no command "${command}".`);
    else calls.push([command, ...rest]);
    return 0;
  };
  api.loaded = true;
  w.nextflow = api;

  const early = calls.filter(([name]) => name in commands);
  calls = calls.filter(([name]) => !(name in commands));
  early.forEach((call) => api(...call));
  isStarted = true;
  load();
  if (!options.siteKey) {
    log("no site key: set data-site-key, load loader.js?key=…, or call nextflow('init', {siteKey}).");
  }
})();
