"""What the widget shows of a stream: its log and the rows of its timeline."""

import pytest
from playwright.sync_api import Page

from tests.browser.widget_modules import run

pytestmark = pytest.mark.browser


def test_log_shows_each_event_once_and_in_order(page: Page) -> None:
    result = run(
        page,
        "log.js",
        """
        const log = new m.StreamLog({ stream: "s", epoch: "e" });
        const given = [];
        const steps = [[1, 2], [4], [2, 4, 6], [3], [5, 6, 1], [7, 7]];
        const gaps = steps.map((seqs) => {
          given.push(...log.take(seqs.map((seq) => ({ seq }))).map((event) => event.seq));
          return log.hasGap;
        });
        return { given, gaps, seq: log.seq, held: log.entries.map((event) => event.seq) };
        """,
    )
    assert result["given"] == [1, 2, 3, 4, 5, 6, 7]
    assert result["gaps"] == [False, True, True, True, False, False]
    assert result["held"] == result["given"]


def test_log_that_starts_in_the_middle_grows_at_both_ends(page: Page) -> None:
    result = run(
        page,
        "log.js",
        """
        const log = new m.StreamLog({ stream: "s", epoch: "e", seq: 50 });
        const seqs = (from, to) =>
          Array.from({ length: to - from + 1 }, (_, i) => ({ seq: from + i }));
        log.take(seqs(49, 52));
        const torn = log.takeOlder(seqs(10, 40)).length;
        const whole = log.takeOlder(seqs(41, 50)).length;
        return { torn, whole, floor: log.floor, first: log.entries[0].seq,
                 count: log.entries.length, behind: [log.isBehind(52), log.isBehind(53)] };
        """,
    )
    assert result == {
        "torn": 0,
        "whole": 10,
        "floor": 40,
        "first": 41,
        "count": 12,
        "behind": [False, True],
    }


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
          change("handed_off", {{ status: "open" }}, "2026-03-05T09:00:01+07:00"),
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
          change("handed_off", {{ status: "open" }}, "2026-03-05T09:00:00+07:00"),
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
