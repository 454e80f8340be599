"""Knowledge in a real browser: found while typing, asked, written, taken back, for everybody."""

from collections.abc import Iterator

import pytest
from django.db.models import F
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from chat.interactions import BotInteraction, Outcome
from crm.core.ids import uuid7
from crm.core.permissions import SystemPrincipal
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq
from knowledge.services import create_category, import_faqs, index_now
from tests.browser.axe import violations
from tests.browser.inbox_pages import logged_in
from tests.browser.looks import FIRST_LOOK, looks
from tests.browser.widget_page import await_truth
from tests.browser.widths import assert_within
from tests.knowledge.conftest import TEXTS, contents
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = ("/app/knowledge/", "/app/knowledge/questions/", "/app/knowledge/categories/")


@pytest.fixture
def knowing(organization: Organization) -> Organization:
    create_category(by=SystemPrincipal(organization.pk), name="Delivery")
    import_faqs(by=SystemPrincipal(organization.pk), contents=contents())
    index_now(organization_id=organization.pk)
    conversation_id = uuid7()
    BotInteraction.objects.begin(organization.pk, conversation_id, 1, question="Is there wifi?")
    BotInteraction.objects.finish(
        organization.pk, conversation_id, 1, {"outcome": Outcome.UNKNOWN.value, "language": "en"}
    )
    return organization


@pytest.fixture
def page(
    chromium: Browser, web_server: LiveServer, owner: Membership, knowing: Organization
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.goto("/app/knowledge/")
        yield page


def test_list_follows_what_is_typed(page: Page) -> None:
    search, rows = page.get_by_role("searchbox"), page.locator("[data-row]")
    search.fill("giao hang")
    expect(rows).to_have_count(1)
    expect(rows.locator(".record-title")).to_have_text(TEXTS["delivery"]["vi"][0])
    search.fill("")
    expect(rows).to_have_count(6)


def test_bot_is_asked_with_the_keyboard(page: Page) -> None:
    box = page.get_by_role("textbox", name="Ask as a customer would")
    box.fill("How much is the shipping to Russia?")
    box.press("Enter")
    expect(page.locator(".kb-said")).to_have_text(TEXTS["delivery"]["en"][1])
    expect(page.locator(".kb-source a")).to_have_text("How much is shipping to Russia?")
    box.fill("Who won the match?")
    box.press("Enter")
    expect(page.get_by_text("The bot does not know.")).to_be_visible()


def test_faq_is_written_deleted_and_taken_back(page: Page) -> None:
    page.get_by_role("link", name="New FAQ").click()
    page.get_by_role("button", name="Save").click()
    # The browser itself asks for what is missing: nothing was sent.
    assert page.url.endswith("/new/")
    page.get_by_label("Question").fill("Do you have decaf?")
    page.get_by_label("Answer").fill("Yes: Moonlight.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Do you have decaf?")
    page.get_by_role("button", name="Hide").click()
    expect(page.get_by_role("button", name="Publish")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").filter(has_text="was deleted")).to_be_visible()
    expect(page.get_by_role("link", name="Do you have decaf?")).to_have_count(0)
    page.get_by_text("was deleted").locator("..").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Do you have decaf?")).to_be_visible()


def test_question_without_an_answer_becomes_a_faq(page: Page) -> None:
    page.get_by_role("link", name="Unanswered").click()
    page.get_by_role("link", name="Make a FAQ of it").click()
    expect(page.get_by_label("Question")).to_have_value("Is there wifi?")
    expect(page.get_by_role("button", name="This answers it")).to_have_count(3)
    assert violations(page) == []
    page.get_by_label("Answer").fill("Yes, free.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Nothing here:")).to_be_visible()
    assert Faq.objects.filter(question="Is there wifi?", answer="Yes, free.").exists()


def dialogs_of(page: Page) -> list[str]:
    """Collect the kinds of the page's dialogs, each of which is dismissed: the page stays."""
    shown: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        shown.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", dismiss)
    return shown


def test_a_page_with_an_unsent_text_asks_before_it_is_left(page: Page) -> None:
    page.goto("/app/knowledge/new/")
    shown = dialogs_of(page)
    question = page.get_by_label("Question")
    question.press_sequentially("Typed by hand?")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    await_truth(page, lambda: len(shown) == 2)
    assert shown == ["beforeunload", "beforeunload"]
    expect(question).to_have_value("Typed by hand?")
    page.get_by_label("Answer").fill("Yes.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Typed by hand?")
    assert len(shown) == 2
    # A text that was pasted and not sent.
    page.goto("/app/knowledge/import/")
    page.get_by_label("Or paste rows").press_sequentially("Do you ship?")
    page.get_by_role("link", name="Cancel").click()
    await_truth(page, lambda: len(shown) == 3)


def test_a_change_of_capitals_alone_is_a_change(page: Page) -> None:
    page.get_by_role("link", name=TEXTS["delivery"]["en"][0]).click()
    page.get_by_role("link", name="Edit").click()
    shown = dialogs_of(page)
    question = page.get_by_label("Question", exact=True)
    question.click()
    question.fill(TEXTS["delivery"]["en"][0].upper())
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    await_truth(page, lambda: shown == ["beforeunload"])


def test_the_button_of_another_form_asks_for_what_was_typed(page: Page) -> None:
    page.get_by_role("link", name="Unanswered").click()
    page.get_by_role("link", name="Make a FAQ of it").click()
    shown = dialogs_of(page)
    page.get_by_label("Answer").press_sequentially("Typed. ")
    page.get_by_role("button", name="This answers it").first.click()
    await_truth(page, lambda: shown == ["beforeunload"])
    assert "Typed. " in page.get_by_label("Answer").input_value()
    assert not Faq.objects.filter(phrasings__contains=["Is there wifi?"]).exists()


def test_a_form_that_cannot_be_sent_stays_with_what_was_typed(page: Page) -> None:
    page.goto("/app/knowledge/new/")
    question, answer = page.get_by_label("Question"), page.get_by_label("Answer")
    save = page.get_by_role("button", name="Save")
    question.fill("Typed by hand?")
    answer.fill("Yes.")
    page.context.set_offline(True)
    save.click()
    expect(page.get_by_text("No connection to the server.")).to_be_visible()
    page.context.set_offline(False)
    # A network that wants a log-in of its own answers in the server's place.
    page.route("**/health", lambda route: route.fulfill(body="<!doctype html><p>Log in</p>"))
    save.click()
    expect(page.get_by_text("No connection to the server.")).to_have_count(2)
    page.unroute("**/health")
    answer.fill("Ж" * 200_000)
    save.click()
    expect(page.get_by_text("This is too large to be sent.")).to_be_visible()
    expect(question).to_have_value("Typed by hand?")
    assert not Faq.objects.filter(question="Typed by hand?").exists()
    answer.fill("Yes.")
    save.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Typed by hand?")


def test_a_search_is_cut_to_what_an_address_can_hold(page: Page) -> None:
    search = page.get_by_role("searchbox")
    search.fill("giao hang " * 2_000)
    assert len(search.input_value()) == 200
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator("[data-row] .record-title")).to_have_text(TEXTS["delivery"]["vi"][0])


def test_pages_are_for_everybody(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    knowing: Organization,
) -> None:
    faq = Faq.objects.get(organization=knowing, key="delivery", language_code="vi")
    with logged_in(chromium, web_server.base_url, owner, **FIRST_LOOK) as context:
        page = context.new_page()
        for path in (*PAGES, f"/app/knowledge/{faq.pk}/", "/app/knowledge/new/"):
            page.goto(path)
            for look in looks(page):
                assert violations(page) == [], look
                assert_within(page)
        page.goto("/app/knowledge/")
        page.get_by_role("textbox", name="Ask as a customer would").fill("Shipping to Russia?")
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.locator(".kb-sure")).to_be_visible()
        for look in looks(page):
            assert violations(page) == [], look
        page.goto(faq.get_absolute_url())
        for look in looks(page):
            assert violations(page) == [], look
            assert_within(page)


@pytest.mark.parametrize(
    ("language", "title"), [("en", "FAQs"), ("vi", "Câu hỏi"), ("ru", "Вопросы и ответы")]
)
def test_pages_speak_the_readers_language(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    knowing: Organization,
    language: str,
    title: str,
) -> None:
    owner.user.language_code = language
    owner.user.save(update_fields=["language_code"])
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.goto("/app/knowledge/")
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        assert_within(page)


CAPTIVE_PAGE = "<!doctype html><title>Hotel Wi-Fi</title><h1>Please log in to the Wi-Fi</h1>"


def test_page_of_a_captive_portal_is_not_put_into_ours(page: Page) -> None:
    """It answers with status 200: the list stays, and the person is told."""
    page.route("**/app/knowledge/?*q=*", lambda route: route.fulfill(body=CAPTIVE_PAGE, status=200))
    page.get_by_role("searchbox").fill("giao hang")
    expect(page.locator(".toast-line")).to_contain_text("No connection to the server")
    expect(page.get_by_text("Wi-Fi")).to_have_count(0)
    expect(page.locator("[data-row]")).to_have_count(6)
    assert page.url.endswith("/app/knowledge/")
    page.unroute("**/app/knowledge/?*q=*")
    page.get_by_role("searchbox").fill("giao hang ")
    expect(page.locator("[data-row]")).to_have_count(1)


def test_fragment_that_loads_by_itself_asks_again_after_a_foreign_answer(
    page: Page, knowing: Organization
) -> None:
    one = Faq.objects.filter(organization_id=knowing.pk, indexed_version=F("version")).first()
    assert one is not None
    Faq.objects.filter(pk=one.pk).update(indexed_version=one.version - 1)
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(body=CAPTIVE_PAGE, content_type="text/html")
        else:
            route.continue_()

    page.route(f"**/app/knowledge/{one.pk}/index/", answer)
    page.reload()
    waiting = page.locator("[data-row]", has_text=one.question).get_by_text("Not yet searchable")
    expect(waiting).to_have_count(1)
    await_truth(page, lambda: len(asked) == 1)
    Faq.objects.filter(pk=one.pk).update(indexed_version=one.version)
    expect(waiting).to_have_count(0)
    expect(page.get_by_text("Wi-Fi")).to_have_count(0)
    assert len(asked) > 1


def test_list_of_a_lapsed_session_leads_to_the_log_in(page: Page) -> None:
    page.context.clear_cookies()
    page.get_by_role("searchbox").fill("giao hang")
    page.wait_for_url("**/login/?next=%2Fapp%2Fknowledge%2F")


def test_a_fragment_that_loads_by_itself_takes_nobody_away_from_what_they_wrote(
    page: Page, knowing: Organization
) -> None:
    one = Faq.objects.filter(organization_id=knowing.pk).first()
    assert one is not None
    Faq.objects.filter(pk=one.pk).update(indexed_version=one.version - 1)
    page.reload()
    question = page.locator("form[hx-post] [name=question]")
    question.fill("Do you deliver to islands?")
    page.context.clear_cookies(name="sessionid")
    expect(page.locator(".toast-line")).to_contain_text("You were logged out")
    expect(question).to_have_value("Do you deliver to islands?")
    assert page.url.endswith("/app/knowledge/")
