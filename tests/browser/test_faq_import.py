"""FAQs that are pasted in a real browser: looked at, imported, found in the list."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from crm.core.transfer.models import Import
from crm.organizations.models import Membership
from knowledge.models import Faq
from tests.browser.inbox_pages import logged_in, serious_faults
from tests.browser.looks import FIRST_LOOK, looks
from tests.browser.widths import assert_within
from tests.servers import LiveServer
from tests.transfer.files import ended

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TEXT = (
    "Q: Do you ship to Huế?\nA: Yes, every day.\n\nДоставляете ли вы по воскресеньям?\nДа.\n\n"
    "Only a question?\n"
)


def assert_usable(page: Page) -> None:
    for look in looks(page):
        assert_within(page)
        assert serious_faults(page) == [], look


def test_pasted_questions_are_looked_at_and_imported(
    chromium: Browser, web_server: LiveServer, owner: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, owner, **FIRST_LOOK) as context:
        page = context.new_page()
        page.goto("/app/knowledge/import/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Import: FAQs")
        assert_usable(page)
        page.get_by_label("Or paste rows").fill(TEXT)
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url(re.compile("/app/import/[0-9a-f-]{36}/"))
        found = ended(Import.objects.get())
        expect(page.get_by_role("heading", name="Match columns to fields")).to_be_visible()
        assert_usable(page)
        page.get_by_role("button", name="Preview the result").click()
        expect(page.get_by_role("heading", name="Being checked")).to_be_visible()
        ended(found)
        expect(page.get_by_role("heading", name="Preview")).to_be_visible()
        expect(page.get_by_text("Answer: This field is required.")).to_be_visible()
        assert_usable(page)
        page.get_by_role("button", name="Import", exact=True).click()
        expect(page.get_by_role("heading", name="Running")).to_be_visible()
        ended(found)
        expect(page.get_by_role("button", name="Download the rows with errors")).to_be_visible()
        for _look in looks(page):
            assert_within(page)
        page.get_by_role("link", name="FAQs", exact=True).last.click()
        expect(page.get_by_text("Do you ship to Huế?")).to_be_visible()
    assert sorted(Faq.objects.values_list("language_code", flat=True)) == ["en", "ru"]
