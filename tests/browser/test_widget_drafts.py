"""Two tabs of one visitor share a draft: none erases it, and it is sent once."""

import pytest
from playwright.sync_api import expect

from tests.browser.widget_page import Signed, WidgetPage, identify, only_conversation, stored_texts

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "I ordered two lamps last week, and one of them came without its cable."
ASLEEP = "addEventListener('storage', (event) => event.stopImmediatePropagation(), true)"


def another_tab(visitor: WidgetPage, shop: str) -> WidgetPage:
    return WidgetPage(visitor.page.context.new_page()).visit(shop)


@pytest.mark.parametrize("is_known", [False, True], ids=["nobody", "alice"])
def test_what_is_typed_in_one_tab_outlives_what_another_tab_types(
    visitor: WidgetPage, shop: str, signed: Signed, *, is_known: bool
) -> None:
    other = another_tab(visitor, shop)
    for tab in (visitor.visit(shop), other):
        if is_known:
            identify(tab, signed("alice"))
        tab.open()
    visitor.page.bring_to_front()
    visitor.composer.press_sequentially(LONG)
    expect(other.composer).to_have_value(LONG)
    other.page.bring_to_front()
    other.composer.press("End")
    other.composer.press_sequentially("x")
    other.composer.press("Backspace")
    visitor.page.reload()
    if is_known:
        identify(visitor, signed("alice"))
    visitor.open()
    expect(visitor.composer).to_have_value(LONG)


def test_a_tab_that_slept_writes_beside_the_draft(visitor: WidgetPage, shop: str) -> None:
    """Its browser told it nothing of what the other tab wrote."""
    visitor.visit(shop).open()
    sleeper = WidgetPage(visitor.page.context.new_page())
    sleeper.page.add_init_script(ASLEEP)
    sleeper.visit(shop).open()
    visitor.composer.fill(LONG)
    expect(sleeper.composer).to_have_value("")
    sleeper.composer.press_sequentially("h")
    expect(sleeper.composer).to_have_value(f"{LONG}\nh")
    sleeper.composer.press("Backspace")
    visitor.page.reload()
    visitor.open()
    expect(visitor.composer).to_have_value(f"{LONG}\n")


@pytest.mark.parametrize("is_asleep", [False, True], ids=["awake", "asleep"])
def test_a_draft_that_was_sent_is_not_sent_again_elsewhere(
    visitor: WidgetPage, shop: str, *, is_asleep: bool
) -> None:
    visitor.visit(shop).open()
    visitor.composer.fill(LONG)
    other = WidgetPage(visitor.page.context.new_page())
    if is_asleep:
        other.page.add_init_script(ASLEEP)
    other.visit(shop).open()
    expect(other.composer).to_have_value(LONG)
    visitor.page.bring_to_front()
    visitor.send(LONG)
    if not is_asleep:
        expect(other.composer).to_have_value("")
    other.composer.press("Enter")
    other.send("And a second question")
    assert stored_texts(only_conversation()) == [LONG, "And a second question"]
    for tab in (visitor, other):
        tab.page.reload()
        tab.open()
        expect(tab.composer).to_have_value("")


def test_storage_that_was_cleared_takes_nothing_from_the_page(
    visitor: WidgetPage, shop: str
) -> None:
    visitor.visit(shop).open()
    other = another_tab(visitor, shop).open()
    visitor.composer.fill(LONG)
    expect(other.composer).to_have_value(LONG)
    inner = next(frame for frame in other.page.frames if "/widget/frame/" in frame.url)
    inner.evaluate("localStorage.clear()")
    visitor.page.bring_to_front()
    visitor.send(LONG)
    assert stored_texts(only_conversation()) == [LONG]
