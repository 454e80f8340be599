"""The palette in a browser: by keyboard on any layout, and by the button."""

import pytest
from playwright.sync_api import Browser, expect

from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import PHONE, Faults, logged_in, serious_faults
from tests.browser.widths import assert_within
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_palette_opens_finds_and_leads(
    chromium: Browser, web_server: LiveServer, owner: Membership
) -> None:
    customer = Customer.objects.create(organization=owner.organization, name="Vũ Khánh Toàn")
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        faults = Faults()
        faults.watch(page)
        page.goto("/app/settings/")
        page.keyboard.press("Control+KeyK")
        results = page.locator("#palette-results")
        expect(results.get_by_role("option", selected=True)).to_have_text("Customers")
        assert serious_faults(page) == []
        # Enter before the results are there waits for them.
        page.keyboard.type("vu kh")
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/app/customers/{customer.pk}/")
        page.set_viewport_size({"width": 390, "height": 844})
        page.get_by_role("link", name="Search").click()
        expect(results.get_by_role("option", selected=True)).to_have_text("Customers")
        page.keyboard.press("ArrowDown")
        expect(results.get_by_role("option", selected=True)).to_have_text("New customer")
        page.keyboard.press("Escape")
        expect(page.locator("#palette")).not_to_be_visible()
        assert faults.lines == []


def test_on_a_phone_a_result_has_its_title_on_its_own_line(
    chromium: Browser, web_server: LiveServer, owner: Membership
) -> None:
    Customer.objects.create(
        organization=owner.organization,
        name="The bakery at the river",
        email="orders-and-questions@bakery-at-the-river.example",
    )
    with logged_in(chromium, web_server.base_url, owner, viewport=PHONE) as context:
        page = context.new_page()
        page.goto("/app/search/?q=bakery")
        title = page.locator(".palette-title", has_text="The bakery at the river").first
        detail = page.locator(".palette-detail", has_text="orders-and-questions").first
        first, second = title.bounding_box(), detail.bounding_box()
        assert first is not None
        assert second is not None
        assert second["y"] >= first["y"] + first["height"] - 1
        assert not title.evaluate("each => each.scrollWidth > each.clientWidth")
        assert_within(page)
