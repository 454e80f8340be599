"""The bell and the notifications in a browser: live, opened, chosen; on a phone and in the dark."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from crm.core.records import get_record
from crm.core.records.notes import create_note
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import await_live, logged_in, serious_faults
from tests.browser.looks import FIRST_LOOK, schemes
from tests.browser.widths import assert_within
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CUSTOMERS = get_record("customers")
BADGE = "[data-notification-count]"


def mention(by: Membership, customer: Customer, text: str = "@Marco, call back.") -> None:
    create_note(by=by, record=CUSTOMERS, row_id=customer.pk, text=text)


@pytest.fixture
def desk(chromium: Browser, web_server: LiveServer, colleague: Membership) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, colleague) as context:
        page = context.new_page()
        with page.expect_websocket(lambda socket: socket.url.endswith("/ws/member/")) as opened:
            page.goto("/app/notifications/")
        opened.value.wait_for_event("framereceived", lambda text: '"notifications"' in str(text))
        yield page


def test_the_bell_and_the_open_list_follow_what_is_told(
    desk: Page, owner: Membership, customer: Customer
) -> None:
    expect(desk.locator(BADGE)).to_be_hidden()
    mention(owner, customer)
    expect(desk.locator(BADGE)).to_have_text("1")
    first = desk.get_by_role("listitem").filter(has_text="Olga mentioned you")
    expect(first).to_contain_text("@Marco, call back.")
    first.get_by_role("button").click()
    desk.wait_for_url(f"**{CUSTOMERS.url_of(customer)}")
    expect(desk.locator(BADGE)).to_be_hidden()
    desk.go_back()
    expect(desk.locator(".notification")).to_have_count(1)


def test_the_inbox_hears_of_it_by_its_own_socket(
    desk: Page, owner: Membership, customer: Customer
) -> None:
    sockets: list[str] = []
    desk.on("websocket", lambda socket: sockets.append(socket.url))
    desk.goto("/app/inbox/")
    await_live(desk)
    mention(owner, customer)
    expect(desk.locator(BADGE)).to_have_text("1")
    assert [url for url in sockets if url.endswith("/ws/member/")] == []


def test_kinds_are_chosen(desk: Page, owner: Membership, customer: Customer) -> None:
    desk.get_by_role("link", name="Notification settings").click()
    row = desk.get_by_role("row", name="Somebody mentioned you in a note")
    row.get_by_label("In the application").uncheck()
    row.get_by_label("By email").check()
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator("#toasts")).to_contain_text("Saved.")
    expect(row.get_by_label("In the application")).not_to_be_checked()
    expect(row.get_by_label("By email")).to_be_checked()
    assert serious_faults(desk) == []


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_a_phone_shows_both_pages_within_its_width(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    colleague: Membership,
    customer: Customer,
    language: str,
) -> None:
    colleague.user.language_code = language
    colleague.user.save()
    mention(owner, customer, f"@Marco {'Nguyễn' * 40}")
    with logged_in(chromium, web_server.base_url, colleague, **FIRST_LOOK) as context:
        page = context.new_page()
        for address in ("/app/notifications/", "/app/settings/notification-kinds/"):
            page.goto(address)
            for look in schemes(page):
                assert_within(page)
                assert serious_faults(page) == [], look
