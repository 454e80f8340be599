"""The palette in a browser: by keyboard on any layout, and by the button."""

import pytest
from playwright.sync_api import Browser, expect

from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import Faults, logged_in, serious_faults
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
