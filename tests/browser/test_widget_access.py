"""The chat for everybody: keyboard, screen reader, light and dark, phone, three languages."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, expect

from chat.models import Widget
from chat.services import close, take_over
from crm.organizations.models import Membership
from tests.browser.axe import violations
from tests.browser.looks import Scheme
from tests.browser.sites import shop_site
from tests.browser.widget_page import WidgetPage, only_conversation, reply
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

MakeVisitor = Callable[..., WidgetPage]
LANGUAGES = {
    "en": ("Your message", "Send", "Close chat", "Sent"),
    "vi": ("Tin nhắn của bạn", "Gửi", "Đóng cửa sổ trò chuyện", "Đã gửi"),
    "ru": ("Ваше сообщение", "Отправить", "Закрыть чат", "Отправлено"),
}


@pytest.fixture
def visitor_in(chromium: Browser) -> Iterator[MakeVisitor]:
    """Make visitors whose browsers differ: ``visitor_in(color_scheme="dark")``."""
    contexts = []

    def make(**options: Any) -> WidgetPage:
        context = chromium.new_context(**{"locale": "en-GB", **options})
        contexts.append(context)
        return WidgetPage(context.new_page())

    yield make
    for context in contexts:
        context.close()


def inner(visitor: WidgetPage) -> Frame:
    return next(frame for frame in visitor.page.frames if "/widget/frame/" in frame.url)


def fill_with_everything(visitor: WidgetPage, agent: Membership) -> None:
    """Bring every kind of row onto the screen."""
    visitor.write("A question with a very" + "_long" * 30 + " word and https://shop.example/a")
    expect(visitor.own("A question").locator("[data-status=sent]")).to_be_visible()
    conversation = only_conversation()
    organization_id = conversation.organization_id
    take_over(organization_id=organization_id, conversation_id=conversation.pk, by=agent)
    reply(conversation, agent, "An answer.\nIn two lines.")
    expect(visitor.answer("An answer")).to_be_visible()
    visitor.write("refused \x07")
    expect(visitor.frame.locator(".failure")).to_be_visible()
    close(organization_id=organization_id, conversation_id=conversation.pk, by=agent)
    expect(visitor.frame.locator(".notice").last).to_contain_text("Conversation closed")


@pytest.mark.parametrize(
    ("color", "schemes"),
    [("#1f6f5c", ["dark", "light"]), ("#ffffff", ["light"]), ("#101010", ["dark"])],
)
def test_axe_finds_nothing_serious(
    visitor_in: MakeVisitor,
    shop: str,
    agent: Membership,
    people_widget: Widget,
    color: str,
    schemes: list[Scheme],
) -> None:
    people_widget.color = color
    people_widget.save()
    visitor = visitor_in(color_scheme=schemes[0], reduced_motion="reduce")
    visitor.visit(shop)
    for scheme in schemes:
        visitor.page.emulate_media(color_scheme=scheme)
        assert violations(visitor.page) == [], scheme
    visitor.open()
    fill_with_everything(visitor, agent)
    for scheme in schemes:
        visitor.page.emulate_media(color_scheme=scheme)
        assert violations(inner(visitor)) == [], scheme
        assert violations(visitor.page) == [], scheme


def test_everything_can_be_done_with_the_keyboard(visitor: WidgetPage, shop: str) -> None:
    keyboard = visitor.page.keyboard
    visitor.visit(shop)
    keyboard.press("Tab")
    keyboard.press("Tab")
    expect(visitor.launcher).to_be_focused()
    keyboard.press("Enter")
    expect(visitor.composer).to_be_focused()
    keyboard.type("first line")
    keyboard.press("Shift+Enter")
    keyboard.type("second line")
    keyboard.press("Enter")
    expect(visitor.own("first line").locator("[data-status=sent]")).to_be_visible()
    assert visitor.texts() == ["first line\nsecond line"]
    keyboard.press("Shift+Tab")
    expect(visitor.frame.get_by_role("region", name="Messages")).to_be_focused()
    keyboard.press("Shift+Tab")
    expect(visitor.frame.get_by_role("button", name="Close chat")).to_be_focused()
    keyboard.press("Enter")
    expect(visitor.launcher).to_be_focused()
    expect(visitor.launcher).to_have_attribute("aria-expanded", "false")
    keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.tagName") != "IFRAME"
    visitor.launcher.focus()
    keyboard.press("Space")
    expect(visitor.composer).to_be_focused()
    keyboard.press("Escape")
    expect(visitor.launcher).to_be_focused()


def test_enter_of_an_input_method_does_not_send(visitor: WidgetPage, shop: str) -> None:
    """Vietnamese is often typed through one: its Enter ends the word, not the message."""
    visitor.visit(shop).open()
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("Input.imeSetComposition", {"text": "tiê", "selectionStart": 3, "selectionEnd": 3})
    visitor.composer.dispatch_event(
        "keydown", {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True}
    )
    visitor.composer.dispatch_event(
        "keydown", {"key": "Enter", "keyCode": 229, "bubbles": True, "cancelable": True}
    )
    session.send("Input.insertText", {"text": "tiếng Việt"})
    assert visitor.composer.input_value() == "tiếng Việt"
    assert visitor.texts() == []
    visitor.composer.press("Enter")
    expect(visitor.own("tiếng Việt").locator("[data-status=sent]")).to_be_visible()


def test_screen_reader_hears_only_what_is_new(
    visitor: WidgetPage, shop: str, agent: Membership
) -> None:
    visitor.visit(shop).open()
    visitor.send("Hello?")
    reply(only_conversation(), agent, "old news")
    expect(visitor.answer("old news")).to_be_visible()
    visitor.page.reload()
    visitor.open()
    expect(visitor.answer("old news")).to_be_visible()
    live = visitor.frame.locator("[role=log][aria-live=polite]")
    assert live.inner_text() == ""
    reply(only_conversation(), agent, "fresh news")
    expect(live).to_have_text("Linh: fresh news")
    assert visitor.frame.locator("[aria-live], [role=log], [role=status]").count() == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_chat_speaks_the_visitors_language(
    visitor_in: MakeVisitor, shop: str, language: str
) -> None:
    label, send, closing, sent = LANGUAGES[language]
    visitor = visitor_in(locale={"en": "en-US", "vi": "vi-VN", "ru": "ru-RU"}[language])
    visitor.visit(shop).open()
    expect(visitor.frame.get_by_role("textbox", name=label)).to_be_focused()
    expect(visitor.frame.get_by_role("button", name=send, exact=True)).to_be_visible()
    expect(visitor.frame.get_by_role("button", name=closing)).to_be_visible()
    assert visitor.frame.locator("html").get_attribute("lang") == language
    visitor.write("Ok")
    expect(visitor.own("Ok").locator("[data-status=sent]")).to_contain_text(sent)
    greeting = {"en": "Hello from Sunbean", "vi": "Sunbean xin chào", "ru": "Привет от Sunbean"}
    expect(visitor.bubbles.first).to_have_text(greeting[language])


def test_site_chooses_the_language_and_may_change_it(
    visitor: WidgetPage, web_server: LiveServer, people_widget: Widget
) -> None:
    with shop_site(web_server.base_url, people_widget.site_key, 'data-language="vi"') as address:
        visitor.visit(address).open()
        expect(visitor.bubbles.first).to_have_text("Sunbean xin chào")
        visitor.write("Ok")
        visitor.page.evaluate("nextflow('setLanguage', 'ru')")
        expect(visitor.bubbles.first).to_have_text("Привет от Sunbean")
        expect(visitor.own("Ok").locator("[data-status=sent]")).to_contain_text("Отправлено")
        assert visitor.frame.locator("html").get_attribute("lang") == "ru"
        visitor.page.keyboard.press("Escape")
        expect(visitor.launcher).to_have_attribute("aria-label", re.compile("чат"))


def test_phone_shows_the_chat_on_the_whole_screen(visitor_in: MakeVisitor, shop: str) -> None:
    phone = visitor_in(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )
    phone.visit(shop).open()
    box = phone.page.locator("#nextflow-chat .panel").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
    expect(phone.launcher).to_be_hidden()
    # The on-screen keyboard takes the lower half: the composer must stay above it.
    phone.page.set_viewport_size({"width": 390, "height": 420})
    composer = phone.composer.bounding_box()
    assert composer is not None
    assert composer["y"] + composer["height"] <= 420
    phone.frame.get_by_role("button", name="Close chat").click()
    expect(phone.launcher).to_be_visible()


def test_zoom_to_200_percent_keeps_everything_in_reach(visitor_in: MakeVisitor, shop: str) -> None:
    """A 1280 by 720 window at 200 % is 640 by 360."""
    visitor = visitor_in(viewport={"width": 640, "height": 360})
    visitor.visit(shop).open()
    visitor.send("Can you see me?")
    for element in (visitor.composer, visitor.own("Can you see me?").locator(".bubble")):
        box = element.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 360
    assert inner(visitor).evaluate("document.body.scrollWidth <= innerWidth")


def test_nothing_moves_for_those_who_asked_for_it(visitor_in: MakeVisitor, shop: str) -> None:
    visitor = visitor_in(reduced_motion="reduce")
    visitor.visit(shop).open()
    durations = visitor.page.evaluate(
        """() => [...document.querySelector("#nextflow-chat").shadowRoot.querySelectorAll("*")]
          .map((node) => getComputedStyle(node).transitionDuration)"""
    )
    assert set(durations) == {"0s"}
    visitor.send("calm")
    assert inner(visitor).evaluate("document.getAnimations().length") == 0


def test_own_color_is_readable_on_any_widget_color(
    visitor: WidgetPage, web_server: LiveServer, people_widget: Widget
) -> None:
    people_widget.color = "#ffe08a"
    people_widget.save()
    with shop_site(web_server.base_url, people_widget.site_key) as address:
        visitor.visit(address).open()
        colors = inner(visitor).evaluate(
            """() => { const style = getComputedStyle(document.querySelector("header"));
                       return [style.backgroundColor, style.color]; }"""
        )
    assert colors == ["rgb(255, 224, 138)", "rgb(0, 0, 0)"]
