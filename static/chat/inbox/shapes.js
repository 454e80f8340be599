// What the answers of the inbox's API hold at least, for `matches` of stream/response.js.
import { matches } from "../../stream/response.js";

const ROW = {
  id: "string",
  status: "string",
  customer: "object",
  last_message: "object",
  last_customer_message: "object",
  last_seq: "number",
};
const rowList = (value) => Array.isArray(value) && value.every((row) => matches(row, ROW));

export const CHANGED = { conversation: ROW };
export const DETAIL = { conversation: ROW, customer: "object", others: "array", seen_seq: "number" };
export const ROWS = { organization: "string", rows: rowList, next: "string?" };
export const COUNTS = { counts: "object", unread: "number", waiting: "number" };
export const ALERTS = { sound: "boolean" };
export const AGENTS = { agents: "array" };
