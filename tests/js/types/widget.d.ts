// What the widget's modules hand to each other inside the frame.

declare namespace Widget {
  type Api = import("../../../static/chat/widget/api.js").Api;
  type Backoff = import("../../../static/stream/backoff.js").Backoff;
  type Chat = import("../../../static/chat/widget/chat.js").Chat;
  type Outbox = import("../../../static/chat/widget/outbox.js").Outbox;
  type Refused = import("../../../static/stream/response.js").Refused;
  type Storage = import("../../../static/chat/widget/storage.js").KeyedStorage;
  type Tabs = import("../../../static/chat/widget/tabs.js").Tabs;
  type Words = import("../../../static/chat/widget/i18n/index.js").Words;

  type Log = import("../../../static/chat/widget/log.js").StreamLog;

  /** What stands on the screen: of a chat, or of a picture of one. */
  type ShownChat = Pick<
    Chat,
    | "settings" | "conversation" | "state" | "agent" | "typing" | "teamSeen"
    | "isOpen" | "isLoaded" | "isLive" | "isTeamOnline" | "hasUnkept" | "owner"
  > & {
    past: Pick<Log, "stream" | "floor" | "entries">[];
    log: Pick<Log, "stream" | "floor" | "entries"> | null;
    sender: { items(): ShownItem[] };
  };

  type LinkState = "connecting" | "online" | "offline";
  type Translate = Words["t"];

  interface Settings {
    name: string;
    color: string;
    bot_enabled: boolean;
    texts: Record<string, string>;
    maxTextLength?: number;
    [member: string]: any;
  }

  interface Conversation {
    status: string;
    person: { name?: string } | null;
  }

  interface Failure {
    code: string;
    message: string;
  }

  /** A message that the server has not acknowledged. */
  interface Item {
    id: string;
    text: string;
    /** Whom the site had proved its writer to be. */
    owner?: string;
    /** The stream that it was written in. */
    stream: string | null;
    /** The stream that it was sent to first. */
    sentTo?: string | null;
    order: number;
    failure?: Failure | null;
    /** Of one that is acknowledged. */
    seq?: number;
  }

  interface ShownItem extends Item {
    status: "sending" | "waiting" | "retrying" | "slow" | "sent" | "failed";
  }

  interface Store {
    kind: string;
    isDurable: boolean;
    all(): Promise<Item[]>;
    put(item: Item): Promise<unknown>;
    remove(id: string): Promise<unknown>;
    clear(): Promise<unknown>;
  }

  /** What localStorage can do, as far as the widget asks for it. */
  interface Backend {
    getItem(key: string): string | null;
    setItem(key: string, value: string): void;
    removeItem(key: string): void;
  }

  /** What is needed to come in: the answer to a session, or a fresh ticket beside an older one. */
  interface Entry {
    ticket: string;
    websocket_path: string;
    heartbeat_seconds?: number;
  }

  interface SessionAnswer extends Entry {
    visitor_token: string;
    is_new: boolean;
    is_verified?: boolean;
    settings: Settings;
    conversation: Stream.Head | null;
    max_text_length: number;
  }

  /** What one tab tells the others. */
  type Told =
    | { type: "outbox" | "reset" }
    | { type: "stream"; conversation: Stream.Head; owner: string };

  /** What the site says of the visitor: a signed token, alone or with what it claims beside. */
  type Identity = string | { token?: string; name?: string; email?: string; phone?: string };

  /** A socket, or what stands in for it. */
  interface Way {
    send(frame: Stream.Sent): boolean;
    close(): void;
  }

  interface SenderParts {
    outbox: Outbox;
    post(frame: Stream.Sent): boolean;
    target(): string | null;
    onchange(): void;
  }

  interface SessionParts {
    api: Api;
    storage: Storage;
    language: string;
    parentOrigin: string | null;
    onsession(answer: SessionAnswer, isCurrent: () => boolean): void | Promise<void>;
    onVisitorChanged(): void;
    onOwnerChanged(): void;
    onwarning(error: Refused): void;
  }

  interface ConnectionParts {
    api: Api;
    enter(): Promise<Entry | null>;
    resume(): Stream.Position[];
    position(): Stream.Position | null;
    onframe(frame: Stream.Frame): void;
    onready(): void;
    onstate(state: LinkState): void;
    onforbidden(error: Refused): void;
    backoff?: Backoff;
  }

  interface PollParts {
    api: Api;
    position(): Stream.Position | null;
    onframe(frame: Stream.Frame): void;
    onend(how: { wasWelcomed: boolean; error: unknown }): void;
  }

  interface ChatParts {
    api: Api;
    storage: Storage;
    outbox: Outbox;
    tabs: Tabs;
    language: string;
    parentOrigin: string | null;
    onchange(): void;
    onarrival(event: Stream.Event): void;
    onrefused(error: Refused): void;
    onwarning(error: Refused): void;
  }

  /** What a composer keeps its draft in. */
  type Drafts = Pick<Storage, "get" | "set">;

  interface ComposerParts {
    words: Words;
    storage: Drafts;
    /** Whose drafts these are; "" is nobody in particular. */
    owner: string;
    onsend(text: string): void;
    onwriting(isWriting: boolean): void;
  }

  interface Actions {
    send(text: string): void;
    writing(isWriting: boolean): void;
    close(): void;
    older(): void;
    talkToPerson(): void;
    retry(id: string): void;
    discard(id: string): void;
    edit(id: string, text: string): void;
  }

  interface ViewParts {
    root: Element;
    chat: ShownChat;
    words: Words;
    title: string;
    color: string;
    storage: Drafts;
    isFramed: boolean;
    actions: Actions;
  }

  /** One line of the timeline. */
  interface Row {
    kind: "message" | "notice" | "day" | "older" | "suggestions" | "typing";
    key: string;
    text?: string;
    hint?: string | null;
    questions?: string[];
    id?: string;
    side?: "own" | "other";
    sender?: Stream.Sender;
    sources?: Stream.Source[];
    timestamp?: string;
    time?: string;
    seq?: number;
    status?: string | null;
    failure?: Failure | null;
    isFirst?: boolean;
    isLast?: boolean;
    isDeleted?: boolean;
    isEdited?: boolean;
    isUnsent?: boolean;
  }
}
