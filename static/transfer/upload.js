// The file of an import is sent in parts: a request's body has a limit, and a lost connection costs
// one part. Without this script the form sends the whole file, if it is small enough.
import { freshToken, stampHeaders } from "../app/stamp.js";
import { Refused, requestJson } from "../stream/response.js";

const ATTEMPTS = 4;
const PAUSE_MS = 1_000;
// Of one part, on a slow line.
const PATIENCE_MS = 60_000;

for (const form of document.forms) {
  if (!("upload" in form.dataset)) {
    continue;
  }
  form.addEventListener("submit", (event) => {
    const input = form.elements.namedItem("file");
    const file = input instanceof HTMLInputElement ? input.files?.[0] : null;
    if (!file) {
      return;
    }
    event.preventDefault();
    void upload(form, file);
  });
}

/**
 * Send a file and go to the page of its import.
 * @param {HTMLFormElement} form
 * @param {File} file
 */
async function upload(form, file) {
  const progress = form.querySelector("progress");
  const button = form.querySelector("button");
  const error = form.querySelector("[data-upload-error]");
  const partBytes = Number(form.dataset.partBytes);
  error.hidden = true;
  button.disabled = true;
  progress.hidden = false;
  try {
    const begun = await post(form, form.action, { file_name: file.name, size: String(file.size) });
    for (let number = 0; number * partBytes < file.size; number += 1) {
      const part = file.slice(number * partBytes, (number + 1) * partBytes);
      await post(form, begun.parts, { number: String(number), part });
      progress.value = Math.round((100 * Math.min(file.size, (number + 1) * partBytes)) / file.size);
    }
    location.assign(begun.page);
  } catch (failure) {
    error.textContent = wordsOf(failure);
    error.hidden = false;
    button.disabled = false;
    progress.hidden = true;
  }
}

/** @param {unknown} failure */
function wordsOf(failure) {
  if (!(failure instanceof Refused)) {
    return gettext("No connection to the server. Check the network and try again.");
  }
  return failure.code === "not_authenticated"
    ? gettext("You were logged out. Log in in another tab, and go on here.")
    : failure.message;
}

/**
 * Post fields with those that guard the form; try again while the connection is lost.
 * @param {HTMLFormElement} form
 * @param {string} address
 * @param {Record<string, string | Blob>} fields
 * @returns {Promise<{parts: string, page: string}>}
 */
async function post(form, address, fields) {
  const body = new FormData(form);
  body.delete("file");
  const token = freshToken();
  if (token) body.set("csrfmiddlewaretoken", token);
  if (address !== form.action) {
    // It goes once, to be refused beside a file.
    body.delete("text");
  }
  for (const [name, value] of Object.entries(fields)) {
    body.append(name, value);
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await requestJson(address, {
        method: "POST",
        body,
        headers: stampHeaders(),
        credentials: "same-origin",
        redirect: "follow",
        patience: PATIENCE_MS,
        shape: { parts: "string", page: "string" },
      });
    } catch (failure) {
      const isOver = failure instanceof Refused && failure.status < 500;
      if (isOver || attempt === ATTEMPTS) {
        throw failure;
      }
    }
    await new Promise((resolve) => {
      setTimeout(resolve, PAUSE_MS * attempt);
    });
  }
}
