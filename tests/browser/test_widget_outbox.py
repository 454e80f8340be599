"""Messages that wait to be sent: the widget's outbox, its storage and its sender."""

import pytest
from playwright.sync_api import Page

from tests.browser.widget_modules import run

pytestmark = pytest.mark.browser


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
