"""Lists of records in a browser: filter, search, views, keyboard, phone."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect

from chat.models import Widget
from crm.core.models import SavedView
from crm.core.transfer.models import Import
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import PHONE, Faults, logged_in, serious_faults
from tests.browser.widths import assert_within_with_any_font
from tests.conftest import make_conversation
from tests.patience import await_true
from tests.servers import LiveServer
from tests.transfer.files import ended

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/app/customers/"


@pytest.fixture
def people(owner: Membership, widget: Widget) -> None:
    for name, email, stage in (
        ("Đỗ Quang Huy", "huy@shop.example", "customer"),
        ("Екатерина Лунёва", "", "customer"),
        ("Miguel Ocampo", "miguel@shop.example", "visitor"),
    ):
        customer = Customer.objects.create(
            organization=owner.organization, name=name, email=email, stage=stage
        )
    make_conversation(customer, widget)


@pytest.fixture
def desk(
    chromium: Browser, web_server: LiveServer, owner: Membership, people: None
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        faults = Faults()
        faults.watch(page)
        page.goto(LIST)
        yield page
        assert faults.lines == []


def names(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("[data-row] .record-title").all_inner_texts()]


def titles(page: Page) -> list[str]:
    return [text.split("\n")[-1] for text in names(page)]


def test_search_keeps_what_is_being_typed_and_the_address(desk: Page) -> None:
    field = desk.locator("#record-search")
    desk.keyboard.press("/")
    expect(field).to_be_focused()
    field.press_sequentially("quang ")
    expect(desk.locator("[data-row]")).to_have_count(1)
    expect(desk.locator("#record-total")).to_have_text("1")
    expect(field).to_have_value("quang ")
    field.press_sequentially("hu")
    desk.wait_for_url("**q=quang+hu")
    expect(field).to_be_focused()
    desk.reload()
    assert titles(desk) == ["Đỗ Quang Huy"]
    desk.locator("#record-search").fill("лунева")
    expect(desk.get_by_role("link", name="Екатерина Лунёва")).to_be_visible()
    desk.locator("#record-search").fill("nobody")
    expect(desk.locator(".record-empty")).to_contain_text("Nothing matches")


def test_a_filter_with_a_group_is_built_shown_in_words_and_taken_apart(desk: Page) -> None:
    desk.get_by_role("button", name="Filter").click()
    dialog = desk.get_by_role("dialog", name="Filter")
    line = dialog.locator(".filter-line").first
    line.get_by_label("Field").select_option(label="Stage")
    line.get_by_text("Customer", exact=True).click()
    dialog.get_by_role("button", name="Add a group").click()
    group = dialog.locator(".filter-group .filter-group")
    inner = group.locator(".filter-line").first
    inner.get_by_label("Field").select_option(label="Email address")
    inner.get_by_label("Comparison").select_option(label="is filled in")
    group.get_by_role("button", name="Add a condition").click()
    second = group.locator(".filter-line").nth(1)
    second.get_by_label("Field").select_option(label="Name")
    second.get_by_label("Value").fill("Екатерина Лунёва")
    assert serious_faults(desk) == []
    dialog.get_by_role("button", name="Apply").click()
    expect(desk.locator(".record-chip")).to_have_count(2)
    assert sorted(titles(desk)) == sorted(["Đỗ Quang Huy", "Екатерина Лунёва"])
    expect(desk.locator(".record-chip").nth(1)).to_contain_text("Email address is filled in or")
    # Opened again, the dialog holds the same filter.
    desk.get_by_role("button", name="Filter").click()
    again = desk.locator(".filter-group .filter-group .filter-line").nth(1)
    expect(again.get_by_label("Value")).to_have_value("Екатерина Лунёва")
    desk.keyboard.press("Escape")
    desk.get_by_role("link", name="Remove the filter: Stage is Customer").click()
    expect(desk.locator(".record-chip")).to_have_count(1)
    desk.get_by_role("link", name="Reset").click()
    expect(desk.locator("[data-row]")).to_have_count(3)


def test_what_is_typed_stays_when_another_part_of_the_page_is_sent_or_answered(desk: Page) -> None:
    search = desk.locator("#record-search")
    search.fill("quang")
    desk.wait_for_url("**q=quang")
    desk.get_by_role("button", name="Filter").click()
    line = desk.get_by_role("dialog", name="Filter").locator(".filter-line")
    line.get_by_label("Field").select_option(label="Email address")
    line.get_by_label("Comparison").select_option(label="is filled in")
    desk.get_by_role("button", name="Apply").click()
    expect(desk.locator(".record-chip")).to_have_count(1)
    expect(search).to_have_value("quang")
    assert titles(desk) == ["Đỗ Quang Huy"]
    # The answer of a search comes while the name of a view is being typed.
    desk.locator("summary", has_text="View").click()
    name = desk.get_by_label("Save as a new view")
    name.fill("Qua")
    search.evaluate("field => { field.value = 'quang huy'; }")
    search.dispatch_event("input")
    desk.wait_for_url("**q=quang+huy**")
    expect(name).to_have_value("Qua")
    name.press_sequentially("ng")
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_role("link", name="Quang", exact=True)).to_be_visible()
    assert SavedView.objects.get().state["search"] == "quang huy"
    # Also while the menu is closed.
    desk.locator("summary", has_text="View").click()
    name.fill("Mine")
    search.click()
    expect(name).to_be_hidden()
    search.fill("quang")
    desk.wait_for_url("**q=quang")
    desk.locator("summary", has_text="View").click()
    expect(name).to_have_value("Mine")
    desk.once("dialog", lambda dialog: dialog.accept())
    # A day that came with a time keeps it.
    desk.goto(f"{LIST}?view=all&created_at__gte=2020-01-02T03:04:05Z")
    desk.get_by_role("button", name="Filter").click()
    desk.get_by_role("button", name="Apply").click()
    desk.wait_for_url("**2020-01-02T03*04*05Z**")


def test_a_refused_filter_is_corrected_where_it_was_built(desk: Page, chromium: Browser) -> None:
    # In a window of its own: the refusal is a line of the console, as every 400.
    window = chromium.new_context(storage_state=desk.context.storage_state(), locale="en-GB")
    page = window.new_page()
    page.goto(f"{desk.url}?name__is=Hoa&created_at__gte=0026-01-05")
    dialog = page.get_by_role("dialog", name="Filter")
    expect(dialog.get_by_role("alert")).to_contain_text("Created: ")
    name, created = dialog.locator(".filter-line").nth(0), dialog.locator(".filter-line").nth(1)
    expect(created.get_by_label("Value")).to_have_attribute("aria-invalid", "true")
    created.get_by_label("Value").fill("2026-01-05")
    name.get_by_label("Comparison").select_option(label="is not")
    expect(name.get_by_label("Value")).to_have_value("Hoa")
    created.get_by_label("Field").select_option(label="Stage")
    apply = dialog.get_by_role("button", name="Apply")
    apply.click()
    # A condition without a value is not left out without a word.
    expect(dialog).to_be_visible()
    created.get_by_text("Customer", exact=True).click()
    apply.click()
    expect(page.locator(".record-chip")).to_have_count(2)
    assert sorted(titles(page)) == sorted(["Đỗ Quang Huy", "Екатерина Лунёва"])
    window.close()


def test_columns_order_and_name_are_saved_as_a_view_that_opens_first(
    desk: Page, owner: Membership
) -> None:
    desk.get_by_role("link", name="Name", exact=True).click()
    assert titles(desk) == ["Đỗ Quang Huy", "Miguel Ocampo", "Екатерина Лунёва"]
    desk.locator("summary", has_text="Columns").click()
    desk.get_by_label("Phone").uncheck()
    desk.get_by_label("Company").uncheck()
    for _place in range(3):
        desk.get_by_role("button", name="Move Stage up").click()
    desk.get_by_role("button", name="Apply").click()
    expect(desk.locator("thead th:not(.record-select)")).to_have_text(
        ["Name", "Stage", "Email address", "Created"]
    )
    desk.locator("summary", has_text="View").click()
    desk.get_by_label("Save as a new view").fill("By address")
    assert serious_faults(desk) == []
    desk.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_role("link", name="By address")).to_have_attribute("aria-current", "true")
    desk.locator("summary", has_text="View").click()
    desk.get_by_role("button", name="Open the list with this view").click()
    expect(desk.locator(".toast-line")).to_contain_text("opens with this view")
    desk.goto(LIST)
    expect(desk.get_by_role("link", name="By address")).to_have_attribute("aria-current", "true")
    desk.locator("summary", has_text="View").click()
    desk.get_by_role("button", name="Delete the view").click()
    desk.get_by_role("button", name="Undo").click()
    expect(desk.get_by_role("link", name="By address")).to_be_visible()
    assert SavedView.objects.get().owner_id == owner.user_id


def test_the_keyboard_leads_through_the_list_to_a_page_and_its_form(desk: Page) -> None:
    desk.keyboard.press("j")
    expect(desk.locator("[data-row] .record-title").first).to_be_focused()
    desk.keyboard.press("j")
    desk.keyboard.press("k")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Miguel Ocampo")
    expect(desk.get_by_role("heading", name="Conversations")).to_be_visible()
    expect(desk.locator(".record-last")).to_have_text("Do you ship to Manila?")
    assert serious_faults(desk) == []
    desk.get_by_role("link", name="Edit").click()
    desk.get_by_label("Phone").fill("+63 917 555 0142")
    assert serious_faults(desk) == []
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("link", name="+63 917 555 0142")).to_have_attribute(
        "href", "tel:+639175550142"
    )
    desk.goto(LIST)
    desk.keyboard.press("n")
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator(".field-error")).to_contain_text(
        "Fill in a name, an email address or a phone number."
    )


def test_rows_are_selected_changed_at_once_and_changed_back(desk: Page, owner: Membership) -> None:
    Customer.objects.bulk_create(
        Customer(organization=owner.organization, name=f"Customer {number}", stage="customer")
        for number in range(50)
    )
    desk.reload()
    bar = desk.locator("#record-bulk")
    expect(bar).to_be_hidden()
    for key in ("j", "x"):
        desk.keyboard.press(key)
    expect(bar).to_contain_text("1 selected")
    desk.locator("[name=row]").nth(3).click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 selected")
    desk.get_by_label("Select all of the page").check()
    expect(bar).to_contain_text("50 selected")
    assert serious_faults(desk) == []
    desk.get_by_role("button", name="Select all 53 that match").click()
    expect(bar).to_contain_text("53 selected")
    desk.get_by_role("button", name="Change the language").click()
    dialog = desk.get_by_role("dialog", name="Change the language")
    expect(dialog).to_contain_text("53 entries")
    # Whoever closes it finds the same selection.
    dialog.get_by_role("link", name="Cancel").click()
    expect(bar).to_contain_text("53 selected")
    desk.get_by_role("button", name="Change the language").click()
    expect(dialog).to_contain_text("53 entries")
    dialog.get_by_label("Language").select_option(label="Vietnamese")
    assert serious_faults(desk) == []
    dialog.get_by_role("button", name="Change the language").click()
    expect(desk.get_by_text("53 entries were changed.")).to_be_visible()
    assert Customer.objects.filter(language_code="vi").count() == 53
    desk.get_by_role("button", name="Undo").click()
    expect(desk.get_by_text("53 entries restored.")).to_be_visible()
    assert not Customer.objects.filter(language_code="vi").exists()


def test_more_rows_come_at_the_end_of_the_list(desk: Page, owner: Membership) -> None:
    Customer.objects.bulk_create(
        Customer(organization=owner.organization, name=f"Customer {number}") for number in range(60)
    )
    desk.reload()
    expect(desk.locator("[data-row]")).to_have_count(50)
    desk.get_by_role("link", name="Show more").click()
    expect(desk.locator("[data-row]")).to_have_count(63)
    assert len(set(names(desk))) == 63


def test_a_phone_shows_cards_within_its_width(
    chromium: Browser, web_server: LiveServer, owner: Membership, people: None
) -> None:
    with logged_in(
        chromium,
        web_server.base_url,
        owner,
        viewport=PHONE,
        has_touch=True,
        is_mobile=True,
        bypass_csp=True,
    ) as context:
        page = context.new_page()
        for path in (LIST, f"{LIST}new/", f"{LIST}?email__filled=true&sort=name"):
            page.goto(path)
            assert serious_faults(page) == []
            assert_within_with_any_font(page)
        page.get_by_role("button", name="Filter").tap()
        assert_within_with_any_font(page)
        page.keyboard.press("Escape")
        page.locator("summary", has_text="View").tap()
        assert_within_with_any_font(page)
        page.goto(LIST)
        page.get_by_role("link", name="Miguel Ocampo").tap()
        expect(page.get_by_role("heading", name="Conversations")).to_be_visible()
        assert_within_with_any_font(page)
        assert serious_faults(page) == []


def test_a_field_is_edited_where_it_stands(desk: Page) -> None:
    desk.evaluate("window.isTheSamePage = true")
    row = desk.locator("[data-row]", has_text="Miguel Ocampo")
    row.locator("[data-field=phone]").hover()
    desk.get_by_role("button", name="Edit: Phone").click()
    dialog = desk.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Miguel Ocampo")
    assert serious_faults(desk) == []
    dialog.get_by_label("Phone").fill("call me")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".field-error")).to_be_visible()
    dialog.get_by_label("Phone").fill("+63 917 123 4567")
    dialog.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    expect(dialog).to_be_hidden()
    expect(row).to_contain_text("+63 917 123 4567")
    # What was changed may be selected and changed at once: the box has the new version.
    customer = Customer.objects.get(name="Miguel Ocampo")
    expect(row.locator("[name=row]")).to_have_value(f"{customer.pk.hex}:{customer.version}")
    row.get_by_role("link", name="Miguel Ocampo").focus()
    desk.keyboard.press("e")
    dialog.get_by_label("Name").fill("Miguel Ocampo Jr.")
    dialog.get_by_label("Name").press("Enter")
    expect(desk.get_by_role("link", name="Miguel Ocampo Jr.")).to_be_visible()
    desk.get_by_text("Đỗ Quang Huy").locator("visible=true").first.hover()
    # Beside what is a link: that leads where it leads.
    cell = desk.locator("[data-row]", has_text="Huy").locator("[data-field=email]")
    box = cell.bounding_box()
    assert box is not None
    cell.dblclick(position={"x": box["width"] - 4, "y": box["height"] / 2})
    expect(dialog.get_by_label("Email")).to_be_focused()
    desk.keyboard.press("Escape")
    assert desk.evaluate("window.isTheSamePage")


def test_a_file_is_uploaded_in_parts_previewed_imported_and_undone(desk: Page) -> None:
    rows = "".join(f"C{number};c{number}@new.example;{'x' * 2_000}\n" for number in range(300))
    content = f"Имя;Почта;Заметка\nHuy;huy@shop.example;\nBad;none;\n{rows}".encode("utf-16")
    desk.locator("#transfer-menu summary").click()
    desk.get_by_role("link", name="Import a file").click()
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=content)
    desk.get_by_label("File").set_input_files(files=[file])
    # It is larger than a form may be, and that is not said: it goes in parts.
    desk.evaluate(
        """new MutationObserver(() => {
            sessionStorage.told = (sessionStorage.told ?? "") + document.body.innerText;
        }).observe(document.getElementById("toasts"), { childList: true })"""
    )
    desk.get_by_role("button", name="Continue").click()
    desk.wait_for_url(re.compile("/app/import/[0-9a-f-]{36}/"))
    assert desk.evaluate("sessionStorage.told ?? ''") == ""
    found = Import.objects.get()
    assert found.parts.filter(kind="source").count() == 3
    ended(found)
    expect(desk.get_by_label("Почта")).to_have_value("email")
    assert serious_faults(desk) == []
    desk.get_by_role("button", name="Preview the result").click()
    _finish(found, "checking")
    expect(desk.get_by_text("Enter a valid email address.")).to_be_visible()
    assert serious_faults(desk) == []
    desk.get_by_role("button", name="Import", exact=True).click()
    _finish(found, "running")
    expect(desk.locator("[data-kind=created] dd")).to_have_text("300")
    desk.get_by_text("Undo the import", exact=True).click()
    desk.get_by_role("button", name="Yes: Undo the import").click()
    _finish(found, "undoing")
    expect(desk.get_by_text("Removed again")).to_be_visible()
    assert Customer.objects.count() == 3


def test_a_small_file_is_sent_once(desk: Page) -> None:
    begun: list[str] = []
    address = f"{LIST.removesuffix('customers/')}import/customers/new/"
    desk.on("request", lambda sent: begun.append(sent.url) if sent.method == "POST" else None)
    desk.goto(address)
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=b"Name\nAn\n")
    desk.get_by_label("File").set_input_files(files=[file])
    desk.get_by_role("button", name="Continue").click()
    desk.wait_for_url(re.compile("/app/import/[0-9a-f-]{36}/"))
    assert [url.endswith(("/new/", "/parts/")) for url in begun] == [True, True]
    assert Import.objects.count() == 1


def _finish(found: Import, state: str) -> None:
    """Do the work of a job that a click on the page has begun."""
    await_true(lambda: Import.objects.get(pk=found.pk).state == state, "Nothing has begun.")
    ended(found)
