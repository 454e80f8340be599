// Whether a form can be sent at all, asked before it is: the browser leaves the page for an error
// page of its own or of the server's, from which no way leads back to what was typed.

import { stampHeaders } from "./stamp.js";
import { Unreachable, requestJson } from "../stream/response.js";

const HEALTH = { status: "string" };
const AWAY = new Set([502, 503, 504]);
// What a part of a multipart body has beside its name and value, at most.
const PART_BYTES = 200;
const encoder = new TextEncoder();
const said = document.querySelector('meta[name="nextflow-stamp"]')?.dataset ?? {};

/** Return why the form cannot be sent, in words; empty where it can.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter */
export async function refusalToSend(form, submitter) {
  const most = Number(said.maxBytes);
  if (most && bytesOf(form, submitter) > most) {
    return gettext("This is too large to be sent. Shorten it, or send it in several smaller parts.");
  }
  if (await isReachable()) return "";
  return gettext("No connection to the server. Check the network and try again.");
}

/** The size of the body that the browser would send.
 *
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter */
function bytesOf(form, submitter) {
  const fields = [...new FormData(form, submitter)];
  if (form.enctype !== "multipart/form-data") {
    // Each letter beyond ASCII is three or more of them.
    const texts = new URLSearchParams();
    for (const [name, value] of fields) {
      texts.append(name, typeof value === "string" ? lineEnded(value) : value.name);
    }
    return texts.toString().length;
  }
  let total = 0;
  for (const [name, value] of fields) {
    const size =
      typeof value === "string" ? encoder.encode(lineEnded(value)).length : value.size;
    total += size + name.length + PART_BYTES;
  }
  return total;
}

/** Line ends as browsers send them.
 *
 * @param {string} text */
const lineEnded = (text) => text.replace(/\r\n?|\n/g, "\r\n");

/** Whether the server answers. A proxy that refuses this question may pass on a form all the same;
 * one that has nobody behind it, and a network that wants a log-in of its own, do not. */
async function isReachable() {
  try {
    const headers = stampHeaders();
    await requestJson("/health", { headers, credentials: "same-origin", shape: HEALTH });
    return true;
  } catch (error) {
    if (!(error instanceof Unreachable)) return true;
    return error.status !== null && error.status >= 400 && !AWAY.has(error.status);
  }
}
