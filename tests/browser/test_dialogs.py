"""Forms that come later, in dialogs: lengths, questions before a loss, log-ins, conflicts."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import Browser, Dialog, FilePayload, Locator, Page, expect

from crm.core.permissions import SystemPrincipal
from crm.core.transfer.models import Import
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq
from knowledge.services import import_faqs
from tests.browser.inbox_pages import logged_in, serious_faults
from tests.knowledge.conftest import contents
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FAQS, CUSTOMERS = "/app/knowledge/", "/app/customers/"
QUESTION = "What you wrote was not saved. Close it and lose the text?"


@pytest.fixture
def desk(
    chromium: Browser, web_server: LiveServer, owner: Membership, organization: Organization
) -> Iterator[Page]:
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    Customer.objects.create(organization=organization, name="Miguel Ocampo")
    with logged_in(chromium, web_server.base_url, owner) as context:
        yield context.new_page()


@pytest.fixture
def asked(desk: Page) -> list[str]:
    """The questions of the browser; the first is answered with no, the others with yes."""
    found: list[str] = []

    def answer(dialog: Dialog) -> None:
        found.append(dialog.message if dialog.type == "confirm" else dialog.type)
        if len(found) == 1:
            dialog.dismiss()
        else:
            dialog.accept()

    desk.on("dialog", answer)
    return found


def edit_row(page: Page, address: str) -> Locator:
    page.goto(address)
    page.locator("[data-row] .record-title").first.focus()
    page.keyboard.press("e")
    dialog = page.locator("#bulk-dialog")
    expect(dialog).to_be_visible()
    return dialog


def log_in_anew(page: Page, member: Membership) -> None:
    """End the session, as time does, and log in as another tab does: with a new CSRF token."""
    Session.objects.all().delete()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    client = Client()
    client.force_login(member.user)
    fresh = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    fresh[settings.CSRF_COOKIE_NAME] = "n" * 32
    origin = page.evaluate("location.origin")
    page.context.add_cookies(
        [{"name": name, "value": value, "url": origin} for name, value in fresh.items()]
    )


def test_a_text_that_is_too_long_is_kept_and_said_so(desk: Page) -> None:
    dialog = edit_row(desk, FAQS)
    answer = dialog.locator("textarea[name=answer]")
    expect(answer).not_to_have_attribute("maxlength", re.compile(".*"))
    answer.fill("a" * 5_998)
    assert len(answer.input_value()) == 5_998
    expect(dialog.locator(".length-note.is-too-long")).to_have_text("5998 / 5000")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.locator(".field-error")).to_be_visible()
    assert len(answer.input_value()) == 5_998
    assert not Faq.objects.filter(answer__startswith="aaa").exists()
    assert serious_faults(desk) == []


def test_a_value_of_a_filter_is_not_cut(desk: Page) -> None:
    desk.goto(CUSTOMERS)
    desk.get_by_role("button", name="Filter").click()
    dialog = desk.locator("#filter-dialog")
    dialog.get_by_label("Field").select_option(label="Name")
    value = dialog.get_by_label("Value")
    value.fill("a" * 300)
    expect(value).not_to_have_attribute("maxlength", re.compile(".*"))
    expect(dialog.locator(".length-note.is-too-long")).to_have_text("300 / 255")


def test_what_is_typed_in_a_dialog_is_asked_about(desk: Page, asked: list[str]) -> None:
    dialog = edit_row(desk, CUSTOMERS)
    name = dialog.get_by_label("Name")
    # Nothing was typed: nothing is asked.
    desk.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    desk.keyboard.press("e")
    expect(dialog).to_be_visible()
    name.fill("Miguel Ocampo Jr.")
    desk.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    expect(name).to_have_value("Miguel Ocampo Jr.")
    # A second one at once is what browsers let through.
    desk.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert asked == [QUESTION, QUESTION]
    # What was given up is asked about no more.
    desk.reload()
    assert len(asked) == 2


@pytest.mark.parametrize("leaving", ["reload", "cancel"])
def test_leaving_asks(desk: Page, asked: list[str], leaving: str) -> None:
    dialog = edit_row(desk, CUSTOMERS)
    dialog.get_by_label("Name").press("End")
    desk.keyboard.type(" Jr.")
    if leaving == "reload":
        # Whoever stays finds everything as it was.
        desk.evaluate("location.reload()")
    else:
        dialog.get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_visible()
    assert asked == ["beforeunload" if leaving == "reload" else QUESTION]
    expect(dialog.get_by_label("Name")).to_have_value("Miguel Ocampo Jr.")
    dialog.get_by_role("button", name="Save").click()
    expect(desk.get_by_role("link", name="Miguel Ocampo Jr.")).to_be_visible()
    desk.reload()
    assert len(asked) == 1


def test_a_filter_that_is_being_built_is_asked_about(desk: Page, asked: list[str]) -> None:
    desk.goto(CUSTOMERS)
    desk.get_by_role("button", name="Filter").click()
    dialog = desk.locator("#filter-dialog")
    dialog.get_by_label("Field").select_option(label="Name")
    dialog.get_by_label("Value").fill("Miguel")
    desk.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    assert asked == [QUESTION]
    dialog.get_by_role("button", name="Apply").click()
    expect(desk.locator(".record-chip")).to_have_count(1)
    assert len(asked) == 1


def test_rows_that_are_selected_and_a_question_that_was_answered_are_not(
    desk: Page, asked: list[str]
) -> None:
    desk.goto(FAQS)
    desk.locator("[name=row]").first.check()
    box = desk.get_by_role("textbox", name="Ask as a customer would")
    box.fill("Do you deliver?")
    box.press("Enter")
    expect(desk.locator("#asked")).not_to_be_empty()
    desk.reload()
    assert asked == []
    box.fill("And on Sunday?")
    desk.evaluate("location.reload()")
    desk.wait_for_function("true")
    assert asked == ["beforeunload"]


def test_after_a_log_in_in_another_tab_the_dialog_is_saved(desk: Page, owner: Membership) -> None:
    dialog = edit_row(desk, CUSTOMERS)
    dialog.get_by_label("Name").fill("Miguel Ocampo Jr.")
    log_in_anew(desk, owner)
    dialog.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Saved.")).to_be_visible()
    assert Customer.objects.get().name == "Miguel Ocampo Jr."


def test_somebody_else_who_logged_in_does_not_save_it(desk: Page, agent: Membership) -> None:
    dialog = edit_row(desk, CUSTOMERS)
    dialog.get_by_label("Name").fill("Miguel Ocampo Jr.")
    log_in_anew(desk, agent)
    dialog.get_by_role("button", name="Save").click()
    expect(desk.locator(".toast-line")).to_contain_text("Somebody else has logged in")
    expect(dialog.get_by_label("Name")).to_have_value("Miguel Ocampo Jr.")
    assert Customer.objects.get().name == "Miguel Ocampo"


def test_after_a_log_in_in_another_tab_a_file_is_uploaded(desk: Page, owner: Membership) -> None:
    desk.goto("/app/import/customers/new/")
    file = FilePayload(name="people.csv", mimeType="text/csv", buffer=b"Name\nAn\n")
    desk.get_by_label("File").set_input_files(files=[file])
    log_in_anew(desk, owner)
    desk.get_by_role("button", name="Continue").click()
    desk.wait_for_url(re.compile("/app/import/[0-9a-f-]{36}/"))
    assert Import.objects.count() == 1


def test_what_was_saved_meanwhile_is_taken(desk: Page) -> None:
    dialog = edit_row(desk, CUSTOMERS)
    name = dialog.get_by_label("Name")
    name.fill("Mine")
    row = Customer.objects.get()
    row.name = "Theirs"
    row.save()
    dialog.get_by_role("button", name="Save").click()
    take = dialog.get_by_role("button", name="Use what was saved meanwhile")
    expect(take).to_be_visible()
    take.click()
    expect(name).to_have_value("Theirs")
    assert serious_faults(desk) == []
