"""The product's main story with two browsers: a visitor asks, the bot answers, a person goes on."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from chat.models import Widget
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization
from knowledge.services import import_faqs, index_now
from tests.browser.inbox_pages import logged_in, open_inbox, shown_texts
from tests.browser.sites import shop_site
from tests.browser.widget_page import WidgetPage, only_conversation, stored_texts
from tests.knowledge.conftest import TEXTS, contents
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STORIES: dict[str, dict[str, Any]] = {
    "en": {
        "locale": "en-GB",
        "person": "Talk to a person",
        "joined": "Linh joined",
        "reply": "Hello, Linh here. A kilo leaves tomorrow.",
        "thanks": "Thank you!",
    },
    "vi": {
        "locale": "vi-VN",
        "person": "Gặp nhân viên",
        "joined": "Linh đã tham gia",
        "reply": "Chào bạn, mình là Linh. Mai mình gửi một ký.",
        "thanks": "Cảm ơn bạn!",
    },
    "ru": {
        "locale": "ru-RU",
        "person": "Позвать человека",
        "joined": "Linh теперь в чате",
        "reply": "Здравствуйте, это Линь. Килограмм уедет завтра.",
        "thanks": "Спасибо!",
    },
}


@pytest.fixture
def knowing(organization: Organization) -> Organization:
    """The organization, with FAQs that the bot finds."""
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    index_now(organization_id=organization.pk)
    return organization


@pytest.mark.parametrize("language", STORIES)
def test_visitor_is_answered_by_the_bot_and_then_by_a_person(
    chromium: Browser,
    web_server: LiveServer,
    web_worker: None,
    knowing: Organization,
    widget: Widget,
    agent: Membership,
    language: str,
) -> None:
    story = STORIES[language]
    question, answer = TEXTS["delivery"][language]
    context = chromium.new_context(locale=story["locale"])
    visitor = WidgetPage(context.new_page())
    with (
        logged_in(chromium, web_server.base_url, agent) as desk,
        shop_site(web_server.base_url, widget.site_key) as shop,
    ):
        visitor.visit(shop).open()
        visitor.write(question)
        bot = visitor.answer(answer)
        expect(bot.locator(".sources a")).to_contain_text(question)
        expect(bot.locator(".sources a")).to_have_attribute(
            "href", re.compile(rf"^{re.escape(web_server.base_url)}/")
        )
        source = bot.locator(".sources a").get_attribute("href")
        assert source is not None
        shown = context.new_page()
        shown.goto(source)
        expect(shown.get_by_text(answer)).to_be_visible()
        shown.close()

        inbox = open_inbox(desk)
        visitor.frame.get_by_role("button", name=story["person"]).click()
        expect(visitor.frame.get_by_role("button", name=story["person"])).to_be_hidden()
        # The bot has said who will come; a notice would say it again.
        expect(visitor.frame.locator(".notice")).to_have_count(0)

        row = inbox.locator("#rows .row-item")
        expect(row).to_have_count(1)
        row.get_by_role("link").click()
        inbox.get_by_role("button", name="Assign").click()
        inbox.locator("#assign-list").get_by_text("Linh").click()
        inbox.locator("#composer-text").fill(story["reply"])
        inbox.keyboard.press("Enter")
        expect(visitor.answer(story["reply"])).to_be_visible()
        expect(visitor.frame.locator(".notice").last).to_have_text(story["joined"])
        visitor.composer.press_sequentially(story["thanks"])
        expect(inbox.locator("#log-typing")).to_contain_text("is writing")
        visitor.composer.press("Enter")
        expect(inbox.locator("#log")).to_contain_text(story["thanks"])
        expect(visitor.own(story["thanks"]).locator("[data-status=seen]")).to_be_visible()

        conversation = only_conversation()
        assert visitor.texts() == stored_texts(conversation)
        assert shown_texts(inbox) == stored_texts(conversation)
    context.close()
    assert visitor.problems == []
