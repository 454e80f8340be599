// What docs/stream-protocol.md says of the frames and entries that a client gets and sends.

declare namespace Stream {
  /** What `matches` of stream/response.js looks for. */
  type Shape = string | ((value: any) => boolean) | { [member: string]: Shape };

  /** How requestJson asks, and what it takes for an answer. */
  interface Request {
    shape: Shape;
    method?: string;
    body?: object;
    headers?: Record<string, string>;
    credentials?: RequestCredentials;
    /** Pages may redirect a form; the API never does. */
    redirect?: RequestRedirect;
    signal?: AbortSignal | null;
    /** Milliseconds. */
    patience?: number;
    fetcher?: typeof fetch;
  }

  /** What stream/socket.js is made of. */
  interface SocketParts {
    url: string;
    hello(): Sent;
    onwelcome(frame: Frame): void;
    onframe(frame: Frame): void;
    onend(how: { wasWelcomed: boolean; code: number }): void;
    heartbeatSeconds?: number;
  }

  interface Person {
    id: string;
    name: string;
  }

  interface Sender {
    id?: string;
    type: "customer" | "agent" | "bot" | "system";
    name?: string;
  }

  interface Source {
    title?: string;
    url?: string;
  }

  interface Content {
    type: string;
    text?: string;
    sources?: Source[];
  }

  interface Change {
    name: string;
    status?: string;
    joined?: { name: string };
    assignee?: Person | null;
    labels?: string[];
    priority?: string;
    reason?: string;
    until?: string;
    open_question?: boolean;
  }

  interface Data {
    message_id?: string;
    client_message_id?: string;
    target_seq?: number;
    sender?: Sender;
    content?: Content;
    timestamp?: string;
    edited_at?: string;
    deleted_at?: string;
    deleted_by?: Sender;
    change?: Change;
  }

  interface Event {
    seq: number;
    kind: string;
    data: Data;
  }

  interface Position {
    stream: string;
    epoch: string;
    seq: number;
  }

  interface Page {
    stream: string;
    epoch: string;
    from: number;
    to: number;
    recovered: boolean;
    events: Event[];
  }

  interface History {
    stream: string;
    epoch: string;
    events: Event[];
    has_more: boolean;
  }

  interface Head {
    stream: string;
    epoch: string;
    last_seq: number;
    status: string;
    customer_seen_seq?: number;
    agents_seen_seq?: number;
  }

  interface Acknowledgement {
    client_message_id: string;
    message_id: string;
    seq: number;
    stream?: string;
    epoch?: string;
    timestamp?: string;
  }

  interface Refusal {
    code: string;
    message: string;
    client_message_id?: string;
    retry_after?: number | null;
    stream?: string;
  }

  interface Receipts {
    stream: string;
    customer_seen_seq?: number;
    agents_seen_seq?: number;
  }

  interface Typing {
    stream: string;
    sender: Sender;
    is_typing?: boolean;
  }

  interface Presence {
    users?: Person[];
    agents_online?: boolean;
    stream?: string;
    viewing?: Person[];
  }

  /** Any frame of the server: `type` says which of the members it has. */
  interface Frame {
    type: string;
    [member: string]: any;
  }

  /** A frame of the client. */
  type Sent =
    | { type: "hello"; protocol: number; resume: Position[]; ticket?: string; organization?: string }
    | { type: "message.post"; stream: string | null; client_message_id: string; content: Content }
    | { type: "stream.pull"; stream: string; after: number }
    | { type: "stream.seen"; stream: string; seq: number }
    | { type: "typing.start" | "typing.stop"; stream: string }
    | { type: "presence.away" | "presence.back" };
}
