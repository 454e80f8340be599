"""Unsent messages survive what browsers do to a store: it closes, fills up, hangs or is newer."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.sites import FragileShop
from tests.browser.widget_modules import run
from tests.browser.widget_page import WidgetPage, only_conversation, stored_texts

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PARTS = """
const { KeyedStorage } = await import("/chat/widget/storage.js");
const name = "KEY";
const openBox = async (backend = null, factory = indexedDB) => {
  const outbox = await m.openOutbox(name, new KeyedStorage(name, backend), factory);
  await outbox.load();
  return outbox;
};
const texts = (outbox) => outbox.list().map((item) => item.text);
const raw = (version, options = {}) => new Promise((resolve, reject) => {
  const request = indexedDB.open(`nextflow-outbox-${name}`, version);
  request.onsuccess = () => {
    if (options.letsGo) request.result.onversionchange = () => request.result.close();
    resolve(request.result);
  };
  request.onerror = () => reject(request.error);
  request.onblocked = () => reject(new Error("blocked"));
});
"""


def outboxes(page: Page, key: str, script: str) -> Any:
    return run(page, "outbox.js", PARTS.replace("KEY", key) + script)


def test_store_that_the_browser_closed_is_opened_again(page: Page) -> None:
    result = outboxes(
        page,
        "closed",
        """
        const first = await openBox();
        await first.add("before", null);
        first.stores[0].database.connection.close();
        await first.add("after", null);
        return [first.kind, first.hasUnkept, texts(await openBox())];
        """,
    )
    assert result == ["indexeddb", False, ["before", "after"]]


def test_store_that_stays_closed_is_replaced_by_the_next_best_and_by_memory(page: Page) -> None:
    result = outboxes(
        page,
        "lost",
        """
        let isGone = false;
        const factory = { open: (...given) => {
          if (isGone) throw new DOMException("gone", "UnknownError");
          return indexedDB.open(...given);
        } };
        const found = [];
        for (const backend of [localStorage, null]) {
          isGone = false;
          const outbox = await openBox(backend, factory);
          await outbox.clear();
          isGone = true;
          outbox.stores[0].database.connection.close();
          const item = await outbox.add("written", null);
          await outbox.load();
          const isNextSame = outbox.next().id === item.id;
          found.push([outbox.hasUnkept, isNextSame, texts(await openBox(backend))]);
          await outbox.remove(item.id);
          found.push([outbox.hasUnkept, texts(await openBox(backend))]);
        }
        return found;
        """,
    )
    assert result == [
        [False, True, ["written"]],
        [False, []],
        [True, True, []],
        [False, []],
    ]


def test_full_disk_sends_from_memory_and_says_so(page: Page, chromium: Browser) -> None:
    """A profile of its own: a browser asks for the quota of an origin only now and then."""
    context = chromium.new_context()
    own = context.new_page()
    own.goto(page.url)
    context.new_cdp_session(own).send(
        "Storage.overrideQuotaForOrigin",
        {"origin": own.evaluate("location.origin"), "quotaSize": 1},
    )
    result = outboxes(
        own,
        "full",
        """
        const outbox = await openBox();
        await outbox.add("written", null);
        return [outbox.kind, outbox.hasUnkept, outbox.next().text, texts(await openBox())];
        """,
    )
    context.close()
    assert result == ["indexeddb", True, "written", []]


def test_newer_version_in_another_tab_is_neither_blocked_nor_an_end(page: Page) -> None:
    result = outboxes(
        page,
        "newer",
        """
        const old = await openBox();
        await old.add("one", null);
        const newer = await raw(2, { letsGo: true });
        await old.add("two", null);
        return [newer.version, old.kind, old.hasUnkept, texts(await openBox())];
        """,
    )
    assert result == [2, "indexeddb", False, ["one", "two"]]


@pytest.mark.parametrize("lets_go", [True, False])
def test_upgrade_that_an_old_tab_blocks_waits_and_then_goes_on_without(
    page: Page, *, lets_go: bool
) -> None:
    script = """
        const { Database } = await import("/stream/database.js");
        const old = await raw(1);
        const wanted = { factory: indexedDB, name: `nextflow-outbox-${name}`, version: 2 };
        const database = new Database({ ...wanted, store: "messages" });
        if (LETS_GO) old.onversionchange = () => setTimeout(() => old.close(), 300);
        try {
          return await database.run("readonly", (store) => store.getAll());
        } catch (error) {
          return error.name;
        } finally {
          old.close();
          database.close();
        }
        """
    result = outboxes(page, f"blocked-{lets_go}", script.replace("LETS_GO", str(lets_go).lower()))
    assert result == ([] if lets_go else "TimeoutError")


def test_store_that_never_answers_is_not_waited_for(page: Page) -> None:
    result = outboxes(
        page,
        "hanging",
        """
        const outbox = await openBox(null, { open: () => ({}) });
        await outbox.add("written", null);
        return [outbox.kind, outbox.hasUnkept, texts(outbox)];
        """,
    )
    assert result == ["memory", True, ["written"]]


def test_message_being_stored_is_not_lost_to_a_reload_of_the_list(page: Page) -> None:
    """Another tab tells of a message of its own just while this one's is on its way."""
    result = outboxes(
        page,
        "racing",
        """
        const outbox = await openBox();
        const reading = outbox.load();
        const storing = outbox.add("mine", null);
        await Promise.all([reading, storing]);
        return [texts(outbox), texts(await openBox())];
        """,
    )
    assert result == [["mine"], ["mine"]]


CLOSE_STORE = {
    "site data is cleared": "new Promise((done) => {"
    " indexedDB.deleteDatabase(name).onsuccess = () => done(); })",
    "a newer version in another tab": "new Promise((done) => {"
    " const request = indexedDB.open(name, 7); request.onsuccess = () => {"
    " request.result.onversionchange = () => request.result.close(); done(); }; })",
}


@pytest.mark.parametrize("what", CLOSE_STORE)
def test_message_written_after_the_store_closed_is_there_after_a_reload_and_sent(
    visitor: WidgetPage, fragile_shop: FragileShop, what: str
) -> None:
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        visitor.send("before")
        inner = next(frame for frame in visitor.page.frames if "/widget/frame/" in frame.url)
        inner.evaluate(
            "async () => { const [{ name }] = await indexedDB.databases();"
            f" await {CLOSE_STORE[what]}; }}"
        )
        server.kill()
        expect(visitor.bar).to_contain_text("Your messages are kept and will be sent")
        visitor.write("after")
        expect(visitor.own("after").locator("[data-status=waiting]")).to_be_visible()
    with fragile_shop.serving():
        visitor.page.reload()
        visitor.open()
        expect(visitor.own("after").locator("[data-status=sent]")).to_be_visible()
        assert stored_texts(only_conversation()) == ["before", "after"]
