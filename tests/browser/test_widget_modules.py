"""The widget's modules, run where they live: in a browser, without a server behind them."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
STATIC = Path(__file__).resolve().parents[2] / "static"


class QuietHandler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it
        return

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>modules</title>")


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(QuietHandler, directory=str(STATIC))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = chromium.new_page(locale="en-GB", timezone_id="Asia/Ho_Chi_Minh")
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    yield page
    page.close()
    server.shutdown()
    thread.join()
    server.server_close()


def run(page: Page, module: str, script: str) -> Any:
    """Run ``script`` with the module's exports as ``m`` and give what it returns."""
    return page.evaluate(
        f"async () => {{ const m = await import('/chat/widget/{module}'); {script} }}"
    )


# --- Waiting times ------------------------------------------------------------------------------


def test_pauses_double_up_to_the_longest_and_are_spread(page: Page) -> None:
    pauses = run(
        page,
        "backoff.js",
        """
        const full = new m.Backoff({ random: () => 1 });
        const half = new m.Backoff({ random: () => 0.5 });
        const take = (backoff) => Array.from({ length: 8 }, () => backoff.next());
        const first = take(full);
        full.reset();
        return { first, half: take(half), again: full.next() };
        """,
    )
    assert pauses["first"] == [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]
    assert pauses["half"] == [250, 500, 1000, 2000, 4000, 8000, 10000, 10000]
    assert pauses["again"] == 500


# --- The log ------------------------------------------------------------------------------------


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


# --- The outbox ---------------------------------------------------------------------------------

OUTBOXES = {
    "indexeddb": "window.indexedDB",
    "localstorage": "null",
    "memory": "null",
}


@pytest.mark.parametrize("kind", OUTBOXES)
def test_outbox_keeps_order_and_forgets_only_what_is_removed(page: Page, kind: str) -> None:
    backend = "null" if kind == "memory" else "window.localStorage"
    result = run(
        page,
        "outbox.js",
        f"""
        const {{ KeyedStorage }} = await import("/chat/widget/storage.js");
        const storage = new KeyedStorage("key-{kind}", {backend});
        const open = async () => {{
          const outbox = await m.openOutbox("key-{kind}", storage, {OUTBOXES[kind]});
          await outbox.load();
          return outbox;
        }};
        const first = await open();
        await first.clear();
        const items = [];
        for (const text of ["one", "two", "three", "four"]) items.push(await first.add(text, null));
        await first.change(items[1].id, {{ failure: {{ code: "x", message: "y" }} }});
        await first.remove(items[0].id);
        const again = await open();
        const texts = again.list().map((item) => item.text);
        const sameIds = again.list().every((item, at) => item.id === items[at + 1].id);
        const next = again.next().text;
        const removed = [await again.remove(items[2].id), await again.remove(items[2].id)];
        await again.clear();
        const left = (await open()).list().length;
        return {{ kind: again.kind, texts, sameIds, next, removed, left }};
        """,
    )
    assert result == {
        "kind": kind,
        "texts": ["two", "three", "four"],
        "sameIds": True,
        "next": "three",
        "removed": [True, False],
        "left": 0,
    }


def test_outbox_falls_back_where_indexeddb_refuses(page: Page) -> None:
    kind = run(
        page,
        "outbox.js",
        """
        const { KeyedStorage } = await import("/chat/widget/storage.js");
        const broken = { open() { throw new DOMException("no", "SecurityError"); } };
        return (await m.openOutbox("key", new KeyedStorage("key", localStorage), broken)).kind;
        """,
    )
    assert kind == "localstorage"


def test_storage_kept_by_the_page_around_it_comes_back(page: Page) -> None:
    result = run(
        page,
        "storage.js",
        """
        const told = [];
        const first = new m.KeptByParent(null, () => told.push(first.text));
        const storage = new m.KeyedStorage("key", first);
        storage.set("token", "t");
        storage.set("draft", "d");
        storage.remove("draft");
        const again = new m.KeyedStorage("key", new m.KeptByParent(told.at(-1), () => {}));
        const broken = new m.KeyedStorage("key", new m.KeptByParent("1", () => {}));
        return [told.length, again.get("token"), again.get("draft"), broken.get("token")];
        """,
    )
    assert result == [3, "t", None, None]


SENDER = """
const { KeyedStorage } = await import("/chat/widget/storage.js");
const { openOutbox } = await import("/chat/widget/outbox.js");
const outbox = await openOutbox("sender", new KeyedStorage("sender", null), null);
const frames = [];
let stream = "conversation:1";
const sender = new m.Sender({
  outbox,
  post: (frame) => frames.push({ stream: frame.stream, id: frame.client_message_id }),
  target: () => stream,
  onchange: () => {},
});
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));
"""


def test_sender_sends_one_at_a_time_in_order(page: Page) -> None:
    result = run(
        page,
        "sender.js",
        f"""{SENDER}
        await sender.add("one");
        await sender.add("two");
        const before = sender.items().map((item) => item.status);
        sender.go();
        await settle();
        const [first, second] = outbox.list();
        const alone = frames.length;
        await sender.acknowledged(first.id, {{ seq: 1 }});
        await settle();
        const statuses = sender.items().map((item) => item.status);
        await sender.arrived(first.id);
        return {{ before, alone, order: frames.map((frame) => frame.id === first.id ? 1 : 2),
                  statuses, left: sender.items().length }};
        """,
    )
    assert result == {
        "before": ["waiting", "waiting"],
        "alone": 1,
        "order": [1, 2],
        "statuses": ["sent", "sending"],
        "left": 1,
    }


def test_sender_repeats_the_same_id_to_the_same_stream(page: Page) -> None:
    """After a lost ack only the stream that was asked first knows whether it has the message."""
    result = run(
        page,
        "sender.js",
        f"""{SENDER}
        await sender.add("one");
        sender.go();
        await settle();
        sender.halt();
        const status = sender.items()[0].status;
        stream = "conversation:2";
        sender.go();
        await settle();
        return {{ status, streams: frames.map((frame) => frame.stream),
                  ids: new Set(frames.map((frame) => frame.id)).size }};
        """,
    )
    assert result == {
        "status": "retrying",
        "streams": ["conversation:1", "conversation:1"],
        "ids": 1,
    }


def test_message_to_a_closed_conversation_opens_a_new_one_under_its_id(page: Page) -> None:
    result = run(
        page,
        "sender.js",
        f"""{SENDER}
        await sender.add("one");
        sender.go();
        await settle();
        await sender.refused({{ client_message_id: frames[0].id, code: "conversation_closed" }});
        await settle();
        return {{ streams: frames.map((frame) => frame.stream),
                  same: frames[0].id === frames[1].id, status: sender.items()[0].status }};
        """,
    )
    assert result == {"streams": ["conversation:1", None], "same": True, "status": "sending"}


def test_refusals_wait_or_stay_until_the_visitor_decides(page: Page) -> None:
    result = run(
        page,
        "sender.js",
        f"""{SENDER}
        await sender.add("fast");
        sender.go();
        await settle();
        const {{ id }} = frames[0];
        await sender.refused({{ client_message_id: id, code: "too_fast", retry_after: 0.2 }});
        await settle();
        const slow = [sender.items()[0].status, frames.length];
        await new Promise((resolve) => setTimeout(resolve, 400));
        const later = frames.length;
        await sender.refused({{ client_message_id: id, code: "text_too_long", message: "no" }});
        await sender.add("next");
        await settle();
        const statuses = sender.items().map((item) => item.status);
        await sender.retry(id);
        return {{ slow, later, statuses, again: sender.items()[0].status }};
        """,
    )
    assert result == {
        "slow": ["slow", 1],
        "later": 2,
        "statuses": ["failed", "sending"],
        "again": "sending",
    }


# --- Text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://shop.example/a?b=1&c=2.", ["https://shop.example/a?b=1&c=2"]),
        ("(https://en.example/wiki/Tea_(drink))", ["https://en.example/wiki/Tea_(drink)"]),
        ("http://a.example, http://b.example!", ["http://a.example/", "http://b.example/"]),
        ("javascript:alert(1) data:text/html,x //x.example", []),
        ("<a href='https://x.example'>x</a>", ["https://x.example/"]),
        ("", []),
    ],
)
def test_only_web_addresses_become_links(page: Page, text: str, links: list[str]) -> None:
    parts = page.evaluate(
        "async (text) => (await import('/chat/widget/text.js')).linkify(text)", text
    )
    assert [part["href"] for part in parts if "href" in part] == [
        link.replace("'", "%27") for link in links
    ]
    assert "".join(part["text"] for part in parts) == text


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("https://shop.example/faq", True),
        ("/help/delivery", True),
        ("javascript:alert(1)", False),
        (" JaVaScRiPt:alert(1)", False),
        ("data:text/html,<script>", False),
        ("vbscript:x", False),
        ("", False),
        (None, False),
        ("https://", False),
    ],
)
def test_sources_link_only_to_safe_places(page: Page, address: str | None, is_safe: bool) -> None:  # noqa: FBT001  a parametrised expectation
    href = page.evaluate(
        "async (address) => (await import('/chat/widget/text.js')).safeHref(address)", address
    )
    assert (href is not None) is is_safe


def test_length_is_counted_as_the_server_counts(page: Page) -> None:
    assert run(page, "text.js", "return m.lengthOf('  a😀б  ')") == len("a😀б")


@pytest.mark.parametrize(
    ("name", "letters"), [("Linh Tran", "LT"), ("Лев", "Л"), ("  ", ""), ("a b c", "AC")]
)
def test_initials(page: Page, name: str, letters: str) -> None:
    assert run(page, "text.js", f"return m.initials({name!r})") == letters


# --- Colours ------------------------------------------------------------------------------------


def test_ink_reaches_aa_on_every_colour(page: Page) -> None:
    worst = run(
        page,
        "color.js",
        """
        let worst = 21;
        for (let value = 0; value < 0x1000000; value += 4099) {
          const color = "#" + value.toString(16).padStart(6, "0");
          const both = [m.luminance(color), m.luminance(m.inkOn(color))];
          const [light, dark] = both.sort((a, b) => b - a);
          worst = Math.min(worst, (light + 0.05) / (dark + 0.05));
        }
        return worst;
        """,
    )
    assert worst >= 4.5


# --- Words --------------------------------------------------------------------------------------


def test_every_language_says_everything(page: Page) -> None:
    keys = run(
        page,
        "i18n/index.js",
        """
        const forms = ["one", "few", "many", "other"];
        const isPlural = (value) => Object.keys(value).every((key) => forms.includes(key))
          && Object.values(value).every((text) => text.includes("{count}"));
        const flat = (words, prefix = "") => Object.entries(words).flatMap(([key, value]) =>
          typeof value === "string" || isPlural(value)
            ? [[prefix + key, value]]
            : flat(value, `${prefix}${key}.`));
        const fills = (value) =>
          [...new Set(JSON.stringify(value).match(/{\\w+}/g) ?? [])].sort().join();
        const result = {};
        for (const language of m.LANGUAGES) {
          const { words } = await m.loadWords(language);
          result[language] = flat(words).map(([key, value]) => [key, fills(value)]);
        }
        return result;
        """,
    )
    assert set(keys) == {"en", "vi", "ru"}
    assert sorted(keys["vi"]) == sorted(keys["en"])
    assert sorted(keys["ru"]) == sorted(keys["en"])


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        ([None, ["ru-RU", "en"]], "ru"),
        (["vi-VN", ["ru"]], "vi"),
        (["xx", ["fr", "de"]], "en"),
        (["", ["fr", "vi"]], "vi"),
    ],
)
def test_language_is_the_first_wish_that_we_speak(
    page: Page, wishes: list[Any], language: str
) -> None:
    assert (
        page.evaluate(
            "async (w) => (await import('/chat/widget/i18n/index.js')).chooseLanguage(...w)", wishes
        )
        == language
    )


def test_plurals_follow_the_language(page: Page) -> None:
    texts = run(
        page,
        "i18n/index.js",
        """
        const words = await m.loadWords("ru");
        return [1, 2, 5, 21].map((count) => words.t("left", { count }));
        """,
    )
    assert texts == [
        "Остался 1 символ",
        "Осталось 2 символа",
        "Осталось 5 символов",
        "Остался 21 символ",
    ]


# --- The timeline -------------------------------------------------------------------------------

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


def test_timeline_tells_days_people_and_changes(page: Page) -> None:
    rows = run(
        page,
        "timeline.js",
        f"""{TIMELINE}
        const linh = {{ status: "open", assignee: {{ name: "Linh" }} }};
        return m.rowsOf(chat([
          posted("customer", "", "Hi", "2026-03-03T10:00:00+07:00"),
          posted("bot", "", "Here", "2026-03-04T10:00:00+07:00"),
          change("handed_off", {{ status: "open" }}, "2026-03-05T09:00:00+07:00"),
          change("taken_over", linh, "2026-03-05T09:01:00+07:00"),
          change("assigned", linh, "2026-03-05T09:01:30+07:00"),
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
        const outbox = new Outbox({{ kind: "none" }});
        const live = new m.Chat({{
          api: {{}}, storage: new KeyedStorage("chat", null), outbox, tabs: {{ tell() {{}} }},
          language: "en", parentOrigin: null, onchange() {{}}, onarrival() {{}},
        }});
        live.beginLog({{ stream: "s", epoch: "e", seq: 0 }});
        const at = "2026-03-05T09:00:00+07:00";
        const changed = (kind, id, text) => ({{
          seq: ++seq, kind,
          data: {{ message_id: id, sender: {{ type: "agent", name: "Linh" }}, timestamp: at,
                  content: {{ type: "text", text }} }},
        }});
        live.take([
          posted("agent", "Linh", "one", at), posted("agent", "Linh", "two", at),
          changed("message.edited", "m1", "one, mended"), changed("message.deleted", "m2", ""),
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
