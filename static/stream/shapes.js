/** What the answers and frames of the stream protocol hold at least, for `matches`. */
import { matches } from "./response.js";

const EVENT = { seq: Number.isSafeInteger, kind: "string", data: "object" };
/** @param {unknown} value */
const eventList = (value) =>
  Array.isArray(value) && value.every((event) => matches(event, EVENT));

export const HEAD = {
  stream: "string",
  epoch: "string",
  last_seq: Number.isSafeInteger,
  status: "string",
};

/** A page of the stream that was asked for: one of another stream answers another question.
 *
 * @param {string} stream */
export const eventPage = (stream) => ({
  stream: (/** @type {unknown} */ value) => value === stream,
  epoch: "string",
  from: Number.isSafeInteger,
  to: Number.isSafeInteger,
  recovered: "boolean",
  events: eventList,
});

/** The acknowledgement of one message: it names the message by the id that it was sent under.
 *
 * @param {string} clientMessageId */
export const acknowledgementOf = (clientMessageId) => ({
  client_message_id: (/** @type {unknown} */ value) => value === clientMessageId,
  message_id: "string",
  seq: (/** @type {number} */ value) => Number.isSafeInteger(value) && value > 0,
});

/** The same over HTTP, where the answer also names the stream that the message went into.
 *
 * @param {string} clientMessageId */
export const postedMessage = (clientMessageId) => ({
  ...acknowledgementOf(clientMessageId),
  stream: "string",
  epoch: "string",
  timestamp: "string",
});

export const SEEN = { stream: "string", seq: Number.isSafeInteger };

export const TICKET = { ticket: "string", websocket_path: "string" };

export const SESSION = {
  ...TICKET,
  visitor_token: "string",
  is_new: "boolean",
  settings: { texts: "object" },
  conversation: (/** @type {unknown} */ value) => value === null || matches(value, HEAD),
  max_text_length: "number",
};

export const HISTORY = {
  stream: "string",
  epoch: "string",
  events: eventList,
  has_more: "boolean",
};

export { EVENT };
