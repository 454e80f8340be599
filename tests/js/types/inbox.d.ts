// What the inbox's page, its API and its modules hand to each other.

declare namespace Inbox {
  type OpenConversation = import("../../../static/chat/inbox/conversation.js").OpenConversation;

  type Status = "open" | "bot" | "snoozed" | "closed";
  type Box = "mine" | "unassigned" | "all";
  type Order = "wait" | "newest";

  /** What a tab typed into the form of a sent message, and what the message read before. */
  interface Edit {
    by: string;
    text: string;
    before: string;
    /** When it was written, in ms. */
    at: number;
  }

  interface LastMessage {
    type?: string;
    text?: string;
    timestamp?: string;
    sender_type?: string;
    sender_name?: string;
    is_deleted?: boolean;
  }

  /** A conversation as the list shows it. */
  interface Row {
    id: string;
    status: Status;
    channel: string;
    customer: Stream.Person;
    assignee: Stream.Person | null;
    bot_name: string;
    last_message: LastMessage;
    last_customer_message: LastMessage | null;
    last_message_at: string;
    last_seq: number;
    customer_seen_seq: number;
    updated_at: string;
    inbound_total: number;
    answered_inbound_total: number;
    /** Hints to the whole team do not have it. */
    unread?: number;
    waiting_since: string | null;
    snoozed_until: string | null;
    escalated_at: string | null;
    created_at: string;
    language: string;
    is_over_quota?: boolean;
  }

  interface RowPage {
    organization: string;
    rows: Row[];
    next: string | null;
  }

  type Counts = Record<Box, Record<Status, number>>;

  interface Detail {
    conversation: Row;
    customer: any;
    others: any[];
    widget?: any;
    seen_seq: number;
  }

  interface Snapshot {
    detail: Detail;
    history: Stream.History;
  }

  interface Agent extends Stream.Person {
    role: string;
    is_me: boolean;
  }

  interface Me extends Stream.Person {
    organization: string;
    may_answer: boolean;
    may_open_customers: boolean;
    amend_window_seconds: number;
    change: { level: "all" | "team" | "none" | "own"; people: string[] };
    [member: string]: any;
  }

  /** What the server said when it made the page. */
  interface State {
    now: string;
    timezone: string;
    language: string;
    me: Me;
    box: Box;
    status: Status;
    order: Order;
    counts: Counts;
    unread: number;
    waiting: number;
    count_limit: number;
    page: RowPage;
    open: Snapshot | null;
    alerts: { sound: boolean; desktop: boolean };
    [member: string]: any;
  }

  /** A message that the server has not confirmed yet. */
  interface Item {
    id: string;
    stream: string;
    content: Stream.Content;
    created: number;
    state: "waiting" | "sending" | "held" | "failed";
    error: string;
    isKept: boolean;
  }

  /** One thing to do with a conversation: a verb of the API, and its body. */
  type Step = [verb: string, body: object];
}
