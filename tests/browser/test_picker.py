"""A field in which a row of another record is chosen by its words, in forms and in filters."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from crm.core.records import get_record
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import PHONE, logged_in, serious_faults
from tests.browser.widths import assert_within
from tests.servers import LiveServer
from tests.umbrellas.models import Umbrella

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
UMBRELLAS = get_record("umbrellas")


@pytest.fixture
def people(owner: Membership) -> list[Customer]:
    return [
        Customer.objects.create(organization=owner.organization, name=name, email=email)
        for name, email in (
            ("Vũ Khánh Toàn", "toan@shop.example"),
            ("Vũ Thị Mai", ""),
            ("Елена Лунёва", "elena@shop.example"),
        )
    ]


@pytest.fixture
def desk(
    chromium: Browser, web_server: LiveServer, owner: Membership, people: list[Customer]
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.goto(UMBRELLAS.new_url)
        yield page


def test_a_row_is_found_by_its_words_and_chosen_with_the_keyboard(
    desk: Page, people: list[Customer]
) -> None:
    field = desk.get_by_role("combobox", name="Lent to")
    field.press_sequentially("vu")
    options = desk.locator(".picker-options li")
    expect(options).to_have_text(["Vũ Thị Mai", "Vũ Khánh Toàntoan@shop.example"])
    assert serious_faults(desk) == []
    field.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(field).to_have_value("Vũ Khánh Toàn")
    expect(desk.locator(".picker-options")).to_be_hidden()
    desk.get_by_label("Name").fill("Big one")
    desk.get_by_role("button", name="Save").click()
    desk.wait_for_url(lambda url: not url.endswith("new/"))
    row = Umbrella.objects.get()
    assert row.lent_to_id == people[0].pk
    # Emptied, it is nobody.
    desk.goto(UMBRELLAS.edit_url_of(row))
    expect(field).to_have_value("Vũ Khánh Toàn")
    field.fill("")
    desk.get_by_role("button", name="Save").click()
    desk.wait_for_url(lambda url: not url.endswith("edit/"))
    row.refresh_from_db()
    assert row.lent_to_id is None


def test_words_that_choose_no_row_are_not_sent(desk: Page) -> None:
    field = desk.get_by_role("combobox", name="Lent to")
    field.press_sequentially("nobody")
    expect(desk.locator(".picker-options")).to_have_text("Nothing found")
    desk.get_by_label("Name").fill("Big one")
    desk.get_by_role("button", name="Save").click()
    assert field.evaluate("field => field.validationMessage") == (
        "Choose one of those that are offered."
    )
    assert not Umbrella.objects.exists()
    # The whole name of the only one that was found chooses it.
    field.fill("елена лунёва")
    expect(desk.locator(".picker-options li[role=option]")).to_have_count(1)
    field.press("Tab")
    expect(field).to_have_value("Елена Лунёва")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("heading", name="Big one")).to_be_visible()
    assert Umbrella.objects.get().lent_to is not None


def test_a_filter_asks_for_a_row_and_shows_it_again(desk: Page, people: list[Customer]) -> None:
    organization = people[0].organization
    for name, borrower in (("Mine", people[0]), ("Theirs", people[1])):
        Umbrella.objects.create(organization=organization, name=name, lent_to=borrower)
    desk.set_viewport_size(PHONE)
    desk.goto(UMBRELLAS.list_url)
    desk.get_by_role("button", name="Filter").click()
    dialog = desk.get_by_role("dialog", name="Filter")
    line = dialog.locator(".filter-line").first
    line.get_by_label("Field").select_option(label="Lent to")
    picker = line.get_by_role("combobox", name="Value")
    picker.press_sequentially("toan")
    dialog.get_by_role("option", name="Vũ Khánh Toàn").click()
    assert_within(desk)
    dialog.get_by_role("button", name="Apply").click()
    expect(desk.locator("[data-row]")).to_have_count(1)
    expect(desk.locator("[data-row]")).to_contain_text("Mine")
    expect(
        desk.get_by_role("link", name="Remove the filter: Lent to is Vũ Khánh Toàn")
    ).to_be_visible()
    desk.get_by_role("button", name="Filter").click()
    expect(picker.first).to_have_value("Vũ Khánh Toàn")
    expect(picker).to_have_count(2)
    # One more than there are: another one may be chosen.
    picker.nth(1).press_sequentially("mai")
    dialog.get_by_role("option", name="Vũ Thị Mai").click()
    expect(picker).to_have_count(3)
    assert_within(desk)
    dialog.get_by_role("button", name="Apply").click()
    expect(desk.locator("[data-row]")).to_have_count(2)
    desk.get_by_role("button", name="Filter").click()
    expect(picker.first).to_have_value("Vũ Khánh Toàn")
    expect(picker.nth(1)).to_have_value("Vũ Thị Mai")


def test_enter_waits_for_what_is_found_by_the_words_that_are_typed(
    desk: Page, people: list[Customer]
) -> None:
    """The list of before, which begins with somebody else, is no answer to them."""
    field = desk.get_by_role("combobox", name="Lent to")
    field.focus()
    options = desk.locator(".picker-options li")
    expect(options).not_to_have_count(0)

    def late(route: Route) -> None:
        desk.wait_for_timeout(300)
        route.continue_()

    desk.route("**/options/?q=*", late)
    desk.keyboard.type("khanh")
    desk.keyboard.press("Enter")
    expect(field).to_have_value("Vũ Khánh Toàn")
    hidden = desk.locator("input[name=lent_to_id]")
    expect(hidden).to_have_value(str(people[0].pk))


def test_what_is_typed_before_the_script_is_there_is_not_dropped(
    chromium: Browser, web_server: LiveServer, owner: Membership, people: list[Customer]
) -> None:
    with logged_in(chromium, web_server.base_url, owner, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(UMBRELLAS.new_url)
        page.get_by_label("Name").fill("Big one")
        page.get_by_label("Lent to").fill("Somebody")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Choose one of those that are offered.")).to_be_visible()
        expect(page.get_by_label("Lent to")).to_have_value("Somebody")
        assert not Umbrella.objects.exists()


def test_what_a_colleague_saved_meanwhile_is_named_and_taken(
    desk: Page, owner: Membership, people: list[Customer]
) -> None:
    row = Umbrella.objects.create(organization=owner.organization, name="Big one")
    desk.goto(UMBRELLAS.edit_url_of(row))
    field = desk.get_by_role("combobox", name="Lent to")
    field.press_sequentially("khanh")
    expect(desk.locator(".picker-options li")).to_have_count(1)
    field.press("Enter")
    UMBRELLAS.update(by=owner, pk=row.pk, lent_to_id=people[1].pk)
    desk.get_by_role("button", name="Save", exact=True).click()
    guard = desk.locator(".conflict")
    expect(guard).to_contain_text(people[0].display_name)
    expect(guard).to_contain_text(people[1].display_name)
    desk.get_by_role("button", name="Use what was saved meanwhile").click()
    expect(field).to_have_value(people[1].display_name)
    desk.get_by_role("button", name="Save", exact=True).click()
    desk.wait_for_url(lambda url: not url.endswith("edit/"))
    row.refresh_from_db()
    assert row.lent_to_id == people[1].pk


def test_going_back_brings_no_choice_back_without_the_texts_beside_it(desk: Page) -> None:
    desk.on("dialog", lambda dialog: dialog.accept())
    color = desk.get_by_label("Color")
    begun = color.input_value()
    desk.get_by_label("Name", exact=True).fill("Big one")
    color.select_option("yellow")
    desk.get_by_label("Lent", exact=True).check()
    desk.goto(UMBRELLAS.list_url)
    desk.go_back()
    expect(desk.get_by_label("Name", exact=True)).to_have_value("")
    expect(color).to_have_value(begun)
    expect(desk.get_by_label("Lent", exact=True)).not_to_be_checked()
