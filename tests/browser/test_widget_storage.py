"""Where the browser refuses storage to frames, the page around the frame keeps what is needed.

A module of its own, for a Chromium of its own kind.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import launch
from tests.browser.sites import FragileShop
from tests.browser.widget_page import WidgetPage, hurry, only_conversation, stored_texts

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = launch(playwright, refuses_storage_to_frames=True)
        yield browser
        browser.close()


def test_conversation_and_unsent_messages_survive_a_reload(
    visitor: WidgetPage, fragile_shop: FragileShop
) -> None:
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        inner = next(frame for frame in visitor.page.frames if "/widget/frame/" in frame.url)
        with pytest.raises(Exception, match="Access is denied"):
            inner.evaluate("localStorage.length")
        visitor.send("before")
        visitor.page.reload()
        visitor.open()
        expect(visitor.own("before")).to_be_visible()
        server.kill()
        expect(visitor.bar).to_contain_text("Your messages are kept and will be sent")
        visitor.write("away")
        expect(visitor.own("away")).to_have_class(re.compile("unsent"))
    with fragile_shop.serving():
        visitor.page.reload()
        visitor.open()
        expect(visitor.own("away").locator("[data-status=sent]")).to_be_visible()
        assert visitor.texts() == ["before", "away"]
        assert stored_texts(only_conversation()) == ["before", "away"]


FORBIDDEN = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, {
    get() { throw new DOMException("Access is denied.", "SecurityError"); },
  });
}
"""


def test_where_nothing_is_kept_messages_go_from_memory_and_people_are_told(
    visitor: WidgetPage, fragile_shop: FragileShop
) -> None:
    """Neither the frame nor the page around it may store anything."""
    said: list[str] = []
    visitor.page.on("console", lambda line: said.append(line.text))
    visitor.page.add_init_script(FORBIDDEN)
    with fragile_shop.serving() as server:
        visitor.visit(fragile_shop.address).open()
        visitor.send("before")
        assert any("this browser keeps no data" in line for line in said)
        assert ["error", "storage_refused"] in [
            [name, (data or {}).get("code")] for name, data in visitor.happened()
        ]
        expect(visitor.keep_open).to_be_empty()
        server.kill()
        expect(visitor.bar).to_contain_text("You are offline")
        visitor.write("away")
        expect(visitor.keep_open).to_have_text("Keep this page open until your message is sent.")
    with fragile_shop.serving():
        hurry(visitor.page)
        expect(visitor.own("away").locator("[data-status=sent]")).to_be_visible()
        expect(visitor.keep_open).to_be_empty()
        assert stored_texts(only_conversation()) == ["before", "away"]
