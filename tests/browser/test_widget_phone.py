"""The chat on a phone: Back closes it, a reload keeps it, addresses can be tapped."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from chat.models import Sender, SenderType, Widget
from chat.services import post_message
from crm.organizations.models import Membership
from tests.browser.chromium import PATIENCE
from tests.browser.host_pages import SNIPPET, Host, host_site
from tests.browser.widget_page import WidgetPage, await_truth, only_conversation, reply
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# A router as many are: it keeps its own state and counts its steps, and wraps pushState.
ROUTER = """
window.steps = [];
addEventListener("popstate", (event) => window.steps.push([location.pathname, event.state]));
history.replaceState({ position: 0 }, "", location.href);
const push = history.pushState.bind(history);
window.pushed = [];
history.pushState = (state, title, url) => { window.pushed.push(url); push(state, title, url); };
window.go = (path) => history.pushState({ position: history.state.position + 1 }, "", path);
"""
ROUTED = Host(body='<script src="/site.js"></script>' + SNIPPET, script=ROUTER)


@pytest.fixture
def site(web_server: LiveServer, people_widget: Widget) -> Iterator[str]:
    with host_site(ROUTED, web_server.base_url, people_widget.site_key) as address:
        yield address


@pytest.fixture
def phone(chromium: Browser) -> Iterator[WidgetPage]:
    context = chromium.new_context(
        locale="en-GB",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )
    context.set_default_timeout(PATIENCE)
    visitor = WidgetPage(context.new_page())
    yield visitor
    context.close()
    assert visitor.problems == []


def is_open(visitor: WidgetPage) -> bool:
    return visitor.launcher.get_attribute("aria-expanded") == "true"


def test_back_closes_the_panel_and_stays_on_the_site(phone: WidgetPage, site: str) -> None:
    phone.page.goto("about:blank")
    phone.visit(site).open()
    phone.send("hello")
    phone.page.evaluate("history.back()")
    expect(phone.launcher).to_be_visible()
    assert not is_open(phone)
    assert phone.page.url == site
    # The site's own state is as it was, and its router was told of a step to where it was.
    assert phone.page.evaluate("history.state") == {"position": 0}
    assert phone.page.evaluate("[steps, pushed]") == [[["/", {"position": 0}]], []]
    # The next one leaves the site, as it always did.
    phone.page.go_back()
    assert phone.page.url == "about:blank"


RINGS = """button => {
  const { boxShadow, outlineColor, outlineOffset, outlineStyle } = getComputedStyle(button);
  return { boxShadow, outlineColor, outlineOffset, outlineStyle };
}"""


def test_launcher_has_one_ring_after_back(phone: WidgetPage, site: str) -> None:
    phone.visit(site)
    phone.launcher.press("Enter")
    phone.send("hello")
    phone.page.evaluate("history.back()")
    expect(phone.launcher).to_be_focused()
    # A phone with a keyboard; by touch alone there is no ring at all.
    phone.page.keyboard.press("Shift")
    assert phone.launcher.evaluate("button => button.matches(':focus-visible')")
    rings = phone.launcher.evaluate(RINGS)
    # The outline, and between it and the button nothing but the gap.
    assert rings == {
        "boxShadow": "rgb(255, 255, 255) 0px 0px 0px 3px",
        "outlineColor": "rgb(31, 111, 92)",
        "outlineOffset": "3px",
        "outlineStyle": "solid",
    }


def test_panel_closed_by_its_button_leaves_no_entry_behind(phone: WidgetPage, site: str) -> None:
    phone.visit(site)
    length = phone.page.evaluate("history.length")
    for _time in range(2):
        phone.open()
        assert phone.page.evaluate("history.state") == {"position": 0, "nextflow": 1}
        phone.frame.get_by_role("button", name="Close chat").click()
        expect(phone.launcher).to_be_visible()
        await_truth(phone.page, lambda: phone.page.evaluate("history.state") == {"position": 0})
    # Only what Forward would lead to is left of them.
    assert phone.page.evaluate("history.length") == length + 1
    phone.page.evaluate("steps.length = 0; go('/next')")
    phone.page.evaluate("history.back()")
    await_truth(phone.page, lambda: phone.page.url == site)
    assert phone.page.evaluate("steps") == [["/", {"position": 0}]]


def test_site_that_closes_the_panel_and_goes_on_arrives(phone: WidgetPage, site: str) -> None:
    phone.visit(site).open()
    phone.page.evaluate("nextflow('close'); go('/next')")
    expect(phone.launcher).to_be_visible()
    phone.page.wait_for_timeout(300)
    assert phone.page.url.endswith("/next")
    assert phone.page.evaluate("history.state") == {"position": 1}


def test_wide_window_adds_nothing_to_the_history(visitor: WidgetPage, site: str) -> None:
    visitor.visit(site)
    length = visitor.page.evaluate("history.length")
    visitor.open()
    assert visitor.page.evaluate("[history.length, history.state]") == [length, {"position": 0}]


def test_open_panel_stays_open_over_a_reload(phone: WidgetPage, site: str) -> None:
    phone.visit(site).open()
    phone.send("before")
    phone.page.reload()
    expect(phone.own("before")).to_be_visible()
    assert is_open(phone)
    # The page took no focus by itself, which would bring up the keyboard.
    assert phone.page.evaluate("document.activeElement.tagName") == "BODY"
    phone.page.evaluate("history.back()")
    expect(phone.launcher).to_be_visible()
    assert phone.page.url == site
    phone.page.reload()
    expect(phone.launcher).to_be_visible()
    assert not is_open(phone)


def test_open_panel_stays_open_over_the_pages_of_a_site(visitor: WidgetPage, site: str) -> None:
    visitor.visit(site).open()
    visitor.send("before")
    visitor.page.goto(site + "other")
    expect(visitor.own("before")).to_be_visible()
    assert is_open(visitor)
    visitor.launcher.click()
    visitor.page.reload()
    expect(visitor.launcher).to_be_visible()
    assert not is_open(visitor)


def test_addresses_without_a_scheme_can_be_tapped(
    phone: WidgetPage, site: str, agent: Membership
) -> None:
    phone.visit(site).open()
    phone.send("Where are you?")
    reply(
        only_conversation(),
        agent,
        "See www.shop.example/map, or write to hello@shop.example.",
    )
    links = phone.answer("See www.shop.example").get_by_role("link")
    expect(links).to_have_count(2)
    assert [link.get_attribute("href") for link in links.all()] == [
        "https://www.shop.example/map",
        "mailto:hello@shop.example",
    ]
    assert {link.get_attribute("rel") for link in links.all()} == {"noopener noreferrer nofollow"}


def test_no_field_makes_a_phone_zoom(phone: WidgetPage, site: str) -> None:
    """iOS zooms into fields with letters of less than 16 px."""
    phone.visit(site).open()
    sizes = phone.frame.locator("input, textarea, select").evaluate_all(
        "fields => fields.map((field) => parseFloat(getComputedStyle(field).fontSize))"
    )
    assert sizes
    assert min(sizes) >= 16


def test_source_stands_above_its_links_however_long_they_are(
    phone: WidgetPage, site: str, people_widget: Widget
) -> None:
    people_widget.bot_enabled = True
    people_widget.save()
    phone.visit(site).open()
    phone.send("How long does it take?")
    conversation = only_conversation()
    for title in ("Shipping", "How long does the delivery to other cities and abroad take?"):
        post_message(
            organization_id=conversation.organization_id,
            conversation_id=conversation.pk,
            sender=Sender(type=SenderType.BOT, id="bot", name="Sunny"),
            content={
                "type": "text",
                "text": "Some days.",
                "sources": [{"title": title, "url": "https://shop.example/help"}],
            },
            client_message_id=f"bot-{len(title)}",
        )
    sources = phone.frame.locator(".sources")
    expect(sources).to_have_count(2)
    places = sources.evaluate_all(
        "all => all.map((one) => [...one.children].map((part) => part.getBoundingClientRect()))"
        ".map(([label, links]) => [label.left - links.left, label.bottom <= links.top])"
    )
    assert places == [[0, True], [0, True]]
