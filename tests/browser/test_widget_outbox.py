"""Messages that wait to be sent: the widget's outbox and its storage, in a browser's own stores."""

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
