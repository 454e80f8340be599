"""What the widget shows of a stream: its log and the rows of its timeline."""

import pytest
from playwright.sync_api import Page

from tests.browser.widget_modules import run

pytestmark = pytest.mark.browser


TIMELINE = """
const { loadWords } = await import("/chat/widget/i18n/index.js");
const { StreamLog } = await import("/chat/widget/log.js");
const words = await loadWords("en");
const now = new Date("2026-03-05T12:00:00+07:00");
let seq = 0;
const posted = (type, name, text, timestamp, more = {}) => ({
  seq: ++seq, kind: "message.posted",
  data: { message_id: `m${seq}`, sender: { id: type, type, name }, timestamp,
          content: { type: "text", text, ...more } },
});
const change = (name, more, timestamp) => ({
  seq: ++seq, kind: "conversation.changed",
  data: name ? { change: { name, ...more }, timestamp } : {},
});
const chat = (events, more = {}) => {
  const log = new StreamLog({ stream: "s", epoch: "e" });
  log.take(events);
  return { log, past: [], settings: { texts: { greeting: "Hello" }, name: "Shop" }, isLive: true,
           conversation: { status: "open" }, teamSeen: 0, typing: null,
           sender: { items: () => more.unsent ?? [] }, ...more };
};
"""


def test_hand_over_that_the_bot_has_told_is_not_told_twice(page: Page) -> None:
    rows = run(
        page,
        "timeline.js",
        f"""{TIMELINE}
        return m.rowsOf(chat([
          posted("customer", "", "Hi", "2026-03-05T09:00:00+07:00"),
          posted("bot", "", "Somebody will answer you here", "2026-03-05T09:00:01+07:00"),
          change("escalated", {{ status: "open" }}, "2026-03-05T09:00:01+07:00"),
        ]), words, now).filter((row) => row.kind !== "day").map((row) => row.text);
        """,
    )
    assert rows == ["Hello", "Hi", "Somebody will answer you here"]


def test_timeline_tells_days_people_and_changes(page: Page) -> None:
    rows = run(
        page,
        "timeline.js",
        f"""{TIMELINE}
        const linh = {{ status: "open", joined: {{ name: "Linh" }} }};
        return m.rowsOf(chat([
          posted("customer", "", "Hi", "2026-03-03T10:00:00+07:00"),
          posted("bot", "", "Here", "2026-03-04T10:00:00+07:00"),
          posted("customer", "", "A person, please", "2026-03-05T08:59:00+07:00"),
          change("escalated", {{ status: "open" }}, "2026-03-05T09:00:00+07:00"),
          change("assigned", {{ status: "open" }}, "2026-03-05T09:00:30+07:00"),
          change("taken_over", linh, "2026-03-05T09:01:00+07:00"),
          change(null),
          posted("agent", "Linh", "a", "2026-03-05T09:02:00+07:00"),
          posted("agent", "Linh", "b", "2026-03-05T09:03:00+07:00"),
          posted("customer", "", "Thanks", "2026-03-05T09:04:00+07:00"),
          change("closed", {{ status: "closed" }}, "2026-03-05T09:05:00+07:00"),
        ]), words, now).map((row) => [
          row.kind, row.text, row.isFirst ?? null, row.isLast ?? null, row.status ?? null,
        ]);
        """,
    )
    assert rows == [
        ["message", "Hello", True, True, None],
        ["day", "Tuesday 3 March", None, None, None],
        ["message", "Hi", True, True, None],
        ["day", "Yesterday", None, None, None],
        ["message", "Here", True, True, None],
        ["day", "Today", None, None, None],
        ["message", "A person, please", True, True, None],
        [
            "notice",
            "We are bringing in a person. Please stay, or come back later: "
            "the answer will be here.",
            None,
            None,
            None,
        ],
        ["notice", "Linh joined", None, None, None],
        ["message", "a", True, False, None],
        ["message", "b", False, True, None],
        ["message", "Thanks", True, True, "sent"],
        ["notice", "Conversation closed", None, None, None],
    ]


def test_timeline_keeps_an_own_message_in_place_from_unsent_to_seen(page: Page) -> None:
    result = run(
        page,
        "timeline.js",
        f"""{TIMELINE}
        const at = now.getTime();
        const unsent = [{{ id: "c1", text: "Hi", order: at, status: "sending" }}];
        const before = m.rowsOf(chat([], {{ unsent }}), words, now).at(-1);
        const event = posted("customer", "", "Hi", now.toISOString());
        event.data.client_message_id = "c1";
        const after = m.rowsOf(chat([event]), words, now).at(-1);
        const seen = m.rowsOf(chat([event], {{ teamSeen: seq }}), words, now).at(-1);
        return [before, after, seen].map((row) => [row.key, row.status]);
        """,
    )
    assert result == [["c1", "sending"], ["c1", "sent"], ["c1", "seen"]]


def test_edited_and_deleted_messages_change_where_they_stand(page: Page) -> None:
    rows = run(
        page,
        "chat.js",
        f"""{TIMELINE}
        const {{ rowsOf }} = await import("/chat/widget/timeline.js");
        const {{ Outbox }} = await import("/chat/widget/outbox.js");
        const {{ KeyedStorage }} = await import("/chat/widget/storage.js");
        const outbox = new Outbox([{{ kind: "none" }}]);
        const live = new m.Chat({{
          api: {{}}, storage: new KeyedStorage("chat", null), outbox, tabs: {{ tell() {{}} }},
          language: "en", parentOrigin: null, onchange() {{}}, onarrival() {{}},
        }});
        live.beginLog({{ stream: "s", epoch: "e", seq: 0 }});
        const at = "2026-03-05T09:00:00+07:00";
        const amended = (kind, id, told) => ({{
          seq: ++seq, kind,
          data: {{ message_id: id, sender: {{ type: "agent", name: "Linh" }}, ...told }},
        }});
        const content = {{ type: "text", text: "one, mended" }};
        live.take([
          posted("agent", "Linh", "one", at), posted("agent", "Linh", "two", at),
          amended("message.edited", "m1", {{ content, edited_at: at }}),
          amended("message.deleted", "m2", {{ deleted_at: at }}),
          amended("message.deleted", "m-of-long-ago", {{ deleted_at: at }}),
        ]);
        return rowsOf(live, words, now)
          .filter((row) => row.kind === "message")
          .slice(1)
          .map((row) => [row.text, row.isEdited, row.isDeleted]);
        """,
    )
    assert rows == [
        ["one, mended", True, False],
        ["This message was deleted.", False, True],
    ]


def test_two_rows_of_one_key_are_shown_once_and_leave_nothing_behind(page: Page) -> None:
    shown = run(
        page,
        "dom.js",
        """
        const list = document.createElement("ol");
        const make = ({ text: textContent }) =>
          Object.assign(document.createElement("li"), { textContent });
        const reconciler = new m.Reconciler(list, make);
        const texts = () => [...list.children].map((node) => node.textContent);
        const stored = [{ key: "a", text: "one" }, { key: "b", text: "two" }];
        reconciler.show([...stored, { key: "a", text: "one, unsent" }]);
        const first = texts();
        reconciler.show([...stored, { key: "c", text: "three" }]);
        return [first, texts()];
        """,
    )
    assert shown == [["one", "two"], ["one", "two", "three"]]
