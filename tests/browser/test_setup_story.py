"""From sign-up to an answered visitor, with nothing but the browser; and the widget's settings."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import F
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect

from chat.models import Widget
from crm.organizations.models import Invitation, Membership, Organization
from knowledge.models import Faq
from tests.browser.inbox_pages import DESK, PHONE, logged_in, serious_faults
from tests.browser.looks import FIRST_LOOK, looks
from tests.browser.sites import pasted_site
from tests.browser.test_getting_in import (  # noqa: F401  fixtures
    address,
    confirm,
    letter_link,
    log_in,
    post_office,
    visitors,
)
from tests.browser.widget_page import WidgetPage, await_truth
from tests.conftest import PASSWORD
from tests.mail.sink import Sink
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FAQS = """question,answer
Do you deliver on Sunday?,"Yes, every day from 8:00 to 20:00."
How long do beans stay fresh?,Six weeks after roasting.
Can I return a grinder?,
Where is your shop?,"At 12 Harbour Street, Oslo."
"""


def signed_up(page: Page, sink: Sink) -> None:
    page.goto("/signup/")
    page.get_by_label("Your name").fill("Nora")
    page.get_by_label("Name of your organization").fill("Fjord Coffee")
    page.get_by_label("Email address").fill("nora@fjord.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name="Check your email")).to_be_visible()
    page.goto(letter_link(sink, page, "nora@fjord.example"))
    confirm(page)
    log_in(page, "nora@fjord.example")


def test_checklist_leads_from_sign_up_to_an_answered_visitor(
    visitors: Any,  # noqa: F811
    post_office: Sink,  # noqa: F811
    worker_stores: None,
    stores_clean: None,
) -> None:
    nora = visitors(viewport=DESK)
    signed_up(nora, post_office)

    expect(nora.get_by_role("heading", name="Get your chat going")).to_be_visible()
    nora.get_by_label("Allowed domains").fill("fjord")
    nora.get_by_role("button", name="Create the chat").click()
    expect(nora.get_by_text("“fjord” lacks its ending")).to_be_visible()
    expect(nora.get_by_label("Allowed domains")).to_be_focused()
    nora.get_by_label("Allowed domains").fill("https://www.fjord.example/shop/")
    nora.get_by_role("button", name="Create the chat").click()
    expect(nora.get_by_text("1 of 5 done")).to_be_visible()

    nora.get_by_role("link", name="Style it").click()
    texts = nora.get_by_role("tabpanel", name="English")
    texts.get_by_label("Title").fill("Fjord")
    preview = nora.frame_locator(".preview-stage iframe")
    expect(preview.get_by_role("heading", name="Fjord")).to_be_visible()
    nora.get_by_label("Name of the bot").fill("Finn")
    nora.get_by_role("button", name="Save").click()
    expect(nora.get_by_text("Saved. Sites show it")).to_be_visible()
    nora.get_by_role("link", name="Setup checklist").click()
    expect(nora.get_by_text("2 of 5 done")).to_be_visible()

    snippet = nora.locator("#snippet").inner_text()
    expect(nora.get_by_text("Waiting for the first visitor")).to_be_visible()
    # In a profile of its own: that a site is refused is told in its console.
    visitor = WidgetPage(nora.context.browser.new_context(locale="en-GB").new_page())
    with pasted_site(snippet) as site:
        visitor.page.goto(site)
        # The page learns by itself on which other site the snippet was seen.
        allow = nora.get_by_role("button", name=re.compile("^Allow localhost:"))
        allow.click()
        expect(allow).to_have_count(0)
        visitor.visit(site)
        # And turns green without a reload by hand.
        expect(nora.get_by_text("3 of 5 done")).to_be_visible()
        expect(nora.get_by_text("The chat was seen on http://localhost:")).to_be_visible()

        nora.get_by_role("link", name="Import").click()
        nora.get_by_label("Or paste rows").fill(FAQS)
        nora.get_by_role("button", name="Continue").click()
        nora.get_by_role("button", name="Preview the result").click()
        expect(nora.get_by_text("Answer: This field is required.")).to_be_visible()
        nora.get_by_role("button", name="Import", exact=True).click()
        expect(nora.get_by_role("button", name="Download the rows with errors")).to_be_visible()

        nora.goto(reverse("chat:start"))
        nora.get_by_role("link", name="Invite").click()
        nora.get_by_label("Email address").first.fill("otto@fjord.example")
        nora.get_by_role("button", name="Invite").click()
        expect(nora.get_by_text("An invitation is on its way")).to_be_visible()
        nora.goto(reverse("chat:start"))
        expect(nora.get_by_role("heading", name="Everything is set up")).to_be_visible()

        await_truth(nora, lambda: Faq.objects.filter(indexed_version=F("version")).count() == 3)
        visitor.open()
        visitor.send("Do you deliver on Sunday?")
        expect(visitor.answer("Yes, every day from 8:00 to 20:00.")).to_be_visible()
        expect(visitor.frame.get_by_text("Finn", exact=False).first).to_be_visible()
        nora.get_by_role("link", name="To the inbox").click()
        nora.goto("/app/inbox/?status=bot")
        expect(nora.locator(".row-item").first).to_contain_text("Yes, every day")
    assert Organization.objects.count() == 1
    assert Invitation.objects.get().email == "otto@fjord.example"


@pytest.fixture
def editor(
    chromium: Browser, web_server: LiveServer, owner: Membership, widget: Widget
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.goto(reverse("chat:edit_widget", args=[widget.pk]))
        yield page


def test_preview_follows_what_is_typed_and_stores_nothing(editor: Page, widget: Widget) -> None:
    preview = editor.frame_locator(".preview-stage iframe")
    expect(preview.get_by_role("heading", name="Shop")).to_be_visible()
    editor.get_by_role("tab", name="Vietnamese").click()
    expect(preview.get_by_text("Chúng tôi có thể giúp gì", exact=False)).to_be_visible()
    editor.get_by_role("tabpanel", name="Vietnamese").get_by_label("Welcome message").fill("Chào!")
    expect(preview.get_by_text("Chào!")).to_be_visible()
    editor.get_by_role("tab", name="English").click()
    expect(preview.get_by_text("Hi! How can we help?")).to_be_visible()
    greeting = editor.get_by_role("tabpanel", name="English").get_by_label("Welcome message")
    expect(greeting).to_have_attribute("placeholder", "Hi! How can we help?")
    editor.get_by_role("tab", name="Vietnamese").click()
    editor.get_by_label("Name of the bot").fill("Finn")
    expect(preview.get_by_text("Finn trả lời ngay")).to_be_visible()
    names = editor.locator(".widget-names")
    names.locator("summary").click()
    names.get_by_label("Vietnamese").fill("Bếp")
    expect(preview.get_by_text("Bếp trả lời ngay")).to_be_visible()
    editor.get_by_label("Colour").fill("#ffee99")
    expect(
        editor.get_by_text("On a white page this colour is hard to see (1.2 : 1)")
    ).to_be_visible()
    editor.get_by_label("Position").select_option("left")
    expect(editor.locator(".preview-stage")).to_have_attribute("data-side", "left")
    editor.get_by_label("What the preview shows").select_option("talk")
    expect(preview.locator(".row.own")).to_be_visible()
    widget.refresh_from_db()
    assert (widget.color, widget.texts, widget.position) == ("#8a4b2a", {}, "right")


SIDEWAYS = {"width": 844, "height": 390}


def is_in_view(page: Page) -> bool:
    """Say whether the whole chat of the preview is inside the window and covered by nothing."""
    return bool(
        page.evaluate(
            """() => {
              const frame = document.querySelector(".preview-stage iframe");
              const { top, bottom, left, right } = frame.getBoundingClientRect();
              const points = [[left + 30, top + 30], [right - 30, bottom - 30]];
              return top >= 0 && bottom <= innerHeight &&
                points.every(([x, y]) => document.elementFromPoint(x, y) === frame);
            }"""
        )
    )


@pytest.mark.parametrize("viewport", [PHONE, SIDEWAYS, DESK], ids=["phone", "sideways", "desk"])
def test_preview_stays_in_view_while_one_types(editor: Page, viewport: dict[str, int]) -> None:
    editor.set_viewport_size({"width": viewport["width"], "height": viewport["height"]})
    toggle = editor.get_by_role("button", name="Preview")
    if viewport == PHONE:
        expect(toggle).to_have_attribute("aria-expanded", "false")
        toggle.click()
        expect(toggle).to_have_attribute("aria-expanded", "true")
    else:
        expect(toggle).to_be_hidden()
    preview = editor.frame_locator(".preview-stage iframe")
    for label, text in [
        ("Name of the site", "Fjord"),
        ("Welcome message", "God dag"),
        ("When nobody of the team is online", "Back on Monday"),
    ]:
        field = editor.get_by_label(label).first
        field.fill(text)
        field.focus()
        assert is_in_view(editor), label
        top, bottom = field.evaluate(
            "each => [each.getBoundingClientRect().top, each.getBoundingClientRect().bottom]"
        )
        edge = editor.locator(".widget-preview").evaluate(
            "each => each.getBoundingClientRect().bottom"
        )
        assert bottom <= viewport["height"], label
        assert viewport != PHONE or top >= edge, label
    expect(preview.get_by_text("God dag")).to_be_visible()
    if viewport == PHONE:
        # It is as one left it after a save.
        editor.get_by_role("button", name="Save").click()
        expect(editor.get_by_text("Saved. Sites show it")).to_be_visible()
        expect(toggle).to_have_attribute("aria-expanded", "true")
        toggle.click()
        expect(editor.locator(".preview-stage")).to_be_hidden()


def test_pages_of_setting_up_can_be_used_by_everybody(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    widget: Widget,
) -> None:
    paths = [
        reverse("chat:start"),
        reverse("chat:widgets"),
        reverse("chat:new_widget"),
        reverse("chat:edit_widget", args=[widget.pk]),
        reverse("chat:install_widget", args=[widget.pk]),
        reverse("transfer:new_import", args=["faqs"]),
    ]
    with logged_in(chromium, web_server.base_url, owner, **FIRST_LOOK) as context:
        page = context.new_page()
        for path in paths:
            page.goto(path)
            for look in looks(page):
                assert serious_faults(page) == [], look
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), look
