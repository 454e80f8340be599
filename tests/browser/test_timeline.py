"""The timeline of a customer in a browser: notes, kinds, undo; on a phone and in the dark."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from chat.models import Conversation
from crm.core.records import get_record
from crm.core.records.notes import create_note
from crm.customers.models import Customer
from crm.customers.services import update_customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import logged_in, serious_faults
from tests.browser.looks import FIRST_LOOK, schemes
from tests.browser.widths import assert_within
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CUSTOMERS = get_record("customers")


@pytest.fixture
def known(customer: Customer, conversation: Conversation, owner: Membership) -> Customer:
    """A customer with more entries than a page has."""
    update_customer(by=owner, customer_id=customer.pk, language_code="vi", phone="+84 90 123 4567")
    for number in range(22):
        create_note(by=owner, record=CUSTOMERS, row_id=customer.pk, text=f"Called, no. {number}.")
    return customer


@pytest.fixture
def desk(
    chromium: Browser, web_server: LiveServer, owner: Membership, known: Customer
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.goto(CUSTOMERS.url_of(known))
        yield page


def test_a_note_is_written_changed_deleted_and_brought_back(desk: Page) -> None:
    timeline = desk.get_by_role("region", name="Timeline")
    timeline.get_by_label("Note", exact=True).fill("Wants 20 pieces.\nCall on Monday.")
    timeline.get_by_role("button", name="Save the note").click()
    first = timeline.get_by_role("listitem").first
    expect(first).to_contain_text("Call on Monday.")
    first.get_by_role("link", name="Edit").click()
    desk.get_by_label("Note").fill("Wants 30 pieces.")
    desk.get_by_role("button", name="Save").click()
    expect(first).to_contain_text("Wants 30 pieces.")
    expect(first).to_contain_text("edited")
    first.get_by_role("button", name="Delete").click()
    expect(first).to_contain_text("Called, no. 21.")
    desk.get_by_role("button", name="Undo").click()
    expect(first).to_contain_text("Wants 30 pieces.")


def test_kinds_are_chosen_and_more_is_shown_while_a_note_is_being_written(desk: Page) -> None:
    timeline = desk.get_by_role("region", name="Timeline")
    entries = timeline.locator(".timeline-entry")
    timeline.get_by_label("Note", exact=True).fill("Not finished")
    expect(entries).to_have_count(20)
    timeline.get_by_role("link", name="Show more").click()
    expect(entries).to_have_count(25)
    timeline.get_by_role("link", name="Changes").click()
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("Vietnamese")
    expect(timeline.get_by_role("link", name="Changes")).to_have_attribute("aria-current", "true")
    timeline.get_by_role("link", name="Conversations").click()
    expect(entries).to_have_count(1)
    expect(timeline.get_by_label("Note", exact=True)).to_have_value("Not finished")
    desk.once("dialog", lambda dialog: dialog.accept())
    entries.get_by_role("link", name="Conversation began").click()
    desk.wait_for_url("**/app/inbox/**")


def test_a_colleague_is_named_with_the_keyboard_and_by_a_tap(
    desk: Page, agent: Membership, colleague: Membership
) -> None:
    field = desk.get_by_role("region", name="Timeline").get_by_label("Note", exact=True)
    names = desk.get_by_role("listbox", name="Colleagues").get_by_role("option")
    field.press_sequentially("Ask @")
    expect(names).to_have_text([agent.user.name, colleague.user.name])
    field.press("ArrowDown")
    expect(names.nth(1)).to_have_attribute("aria-selected", "true")
    assert serious_faults(desk) == []
    field.press("Enter")
    expect(field).to_have_value(f"Ask @{colleague.user.name} ")
    expect(names).to_have_count(0)
    field.press_sequentially("or @lin")
    names.first.click()
    expect(field).to_have_value(f"Ask @{colleague.user.name} or @{agent.user.name} ")
    expect(field).to_be_focused()
    # A key that takes a name waits for those of what is typed by now.
    field.press_sequentially("and @")
    expect(names).to_have_count(2)
    desk.keyboard.type("ma")
    desk.keyboard.press("Enter")
    both = f"Ask @{colleague.user.name} or @{agent.user.name}"
    expect(field).to_have_value(f"{both} and @{colleague.user.name} ")
    field.fill(f"{both} ")
    field.press_sequentially("@ma")
    expect(names).to_have_count(1)
    field.press("Escape")
    expect(names).to_have_count(0)
    field.press("Enter")
    expect(field).to_have_value(f"Ask @{colleague.user.name} or @{agent.user.name} @ma\n")
    # The page of one's own note offers them as well.
    desk.get_by_role("button", name="Save the note").click()
    desk.get_by_role("region", name="Timeline").get_by_role("link", name="Edit").first.click()
    desk.get_by_label("Note", exact=True).press_sequentially(" @")
    expect(names).to_have_count(2)


def test_going_back_keeps_a_note_and_nothing_of_the_page_is_kept_in_the_browser(
    desk: Page, known: Customer
) -> None:
    timeline = desk.get_by_role("region", name="Timeline")
    field = timeline.get_by_label("Note", exact=True)
    field.fill("Not finished")
    timeline.get_by_role("link", name="Changes").click()
    expect(timeline.get_by_role("link", name="Changes")).to_have_attribute("aria-current", "true")
    assert desk.evaluate("sessionStorage.getItem('htmx-history-cache')") is None
    # The browser asks first.
    with desk.expect_event("dialog") as asked:
        desk.once("dialog", lambda dialog: dialog.dismiss())
        desk.evaluate("setTimeout(() => history.back())")
    assert asked.value.type == "beforeunload"
    expect(field).to_have_value("Not finished")


@pytest.mark.parametrize("language", ["en", "vi", "ru"])
def test_a_phone_shows_it_within_its_width(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    known: Customer,
    language: str,
) -> None:
    owner.user.language_code = language
    owner.user.save()
    long = "Nguyễn-Thị-" * 12
    update_customer(by=owner, customer_id=known.pk, name=long[:120])
    with logged_in(chromium, web_server.base_url, owner, **FIRST_LOOK) as context:
        page = context.new_page()
        page.goto(CUSTOMERS.url_of(known))
        expect(page.locator(".timeline-entry")).to_have_count(20)
        for look in schemes(page):
            assert_within(page)
            assert serious_faults(page) == [], look
