"""Replies and private notes: which one is written, and what can never happen to a note."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from chat.models import Conversation, Message, Widget
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import await_live, logged_in, open_inbox, path_of
from tests.browser.widget_page import await_truth
from tests.conftest import make_conversation
from tests.servers import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(chromium: Browser, web_server: LiveServer, agent: Membership) -> Iterator[BrowserContext]:
    with logged_in(chromium, web_server.base_url, agent) as context:
        yield context


def stored(conversation: Conversation) -> list[tuple[str, str]]:
    log = Message.objects.after(conversation.organization_id, conversation.pk, 1)
    return [(m.content["type"], m.content["text"]) for m in log if "text" in m.content]


def enter(page: Page, text: str) -> None:
    page.locator("#composer-text").fill(text)
    page.locator("#composer-text").press("Enter")


def expect_all_sent(page: Page, count: int) -> None:
    expect(page.locator("#log .entry[data-mine]:not([data-unsent])")).to_have_count(count)


def expect_mode(page: Page, mode: str) -> None:
    is_note = mode == "note"
    expect(page.locator("#composer-form")).to_have_attribute("data-mode", mode)
    expect(page.locator("#composer-send")).to_have_text(
        "Save note" if is_note else "Send to customer"
    )
    expect(page.locator("#composer-text")).to_have_accessible_name(
        "Private note: only your team sees it" if is_note else "Reply to the customer"
    )
    expect(page.get_by_text("Only your team sees this")).to_be_visible(visible=is_note)
    expect(page.get_by_role("button", name="Private note")).to_have_attribute(
        "aria-pressed", str(is_note).lower()
    )


def test_second_note_stays_a_note(desk: BrowserContext, taken: Conversation) -> None:
    page = open_inbox(desk, path_of(taken))
    expect_mode(page, "reply")
    page.get_by_role("button", name="Private note").click()
    for text in ("He is a regular.", "He always pays late."):
        expect_mode(page, "note")
        enter(page, text)
    expect(page.locator("#composer-text")).to_be_focused()
    expect_mode(page, "note")
    page.locator("#composer-text").fill("Third, by the button")
    page.get_by_role("button", name="Save note").click()
    expect_all_sent(page, 3)
    assert {kind for kind, _text in stored(taken)} == {"note"}
    page.get_by_role("button", name="Reply", exact=True).click()
    enter(page, "Good morning!")
    expect_mode(page, "reply")
    expect_all_sent(page, 4)
    assert stored(taken)[-1] == ("text", "Good morning!")


def test_mode_belongs_to_its_conversation_and_survives_switching_and_reload(
    desk: BrowserContext, taken: Conversation, widget: Widget
) -> None:
    customer = Customer.objects.create(
        organization_id=taken.organization_id, name="Mai", language_code="vi"
    )
    other = make_conversation(customer, widget, "xin-chao")
    page = open_inbox(desk, path_of(taken, "?status=bot"))
    page.get_by_role("button", name="Private note").click()
    page.locator("#composer-text").fill("Not for the customer")
    page.locator(f'[data-id="{other.pk}"] a').click()
    expect_mode(page, "reply")
    expect(page.locator("#composer-text")).to_have_value("")
    page.go_back()
    expect_mode(page, "note")
    expect(page.locator("#composer-text")).to_have_value("Not for the customer")
    page.reload()
    expect_mode(page, "note")
    expect(page.locator("#composer-text")).to_have_value("Not for the customer")
    page.locator("#composer-text").press("Enter")
    expect_all_sent(page, 1)
    page.reload()
    expect_mode(page, "note")
    assert stored(taken) == [("note", "Not for the customer")]


def test_text_of_a_note_never_stands_in_the_reply(
    desk: BrowserContext, taken: Conversation
) -> None:
    page = open_inbox(desk, path_of(taken))
    text = page.locator("#composer-text")
    text.fill("Dear customer")
    text.press("Alt+KeyN")
    expect_mode(page, "note")
    expect(text).to_have_value("")
    text.fill("Between us")
    text.press("Alt+KeyN")
    expect_mode(page, "reply")
    expect(text).to_have_value("Dear customer")
    # What was begun of the other kind shows on its button.
    note = page.get_by_role("button", name="Private note (draft)")
    expect(note).to_be_visible()
    text.press("Enter")
    expect_all_sent(page, 1)
    text.press("Enter")
    note.click()
    expect(text).to_have_value("Between us")
    assert stored(taken) == [("text", "Dear customer")]


def test_note_waiting_in_the_outbox_goes_out_as_a_note_after_a_reload(
    desk: BrowserContext, taken: Conversation
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.get_by_role("button", name="Private note").click()
    desk.set_offline(True)
    expect(page.locator('#link-state[data-link-state="live"]')).to_have_count(0)
    enter(page, "Kept while offline")
    expect(page.locator('#log [data-unsent][data-kind="note"]')).to_have_count(1)
    # Whatever the person writes now, what waits stays what it was.
    page.get_by_role("button", name="Reply", exact=True).click()
    desk.set_offline(False)
    page.reload()
    expect_all_sent(page, 1)
    assert stored(taken) == [("note", "Kept while offline")]


def test_reply_from_the_inbox_takes_over_and_only_then_joins(
    desk: BrowserContext, conversation: Conversation, agent: Membership
) -> None:
    page = open_inbox(desk, path_of(conversation))
    expect(page.locator("#composer-bar")).to_contain_text("A reply of yours takes over.")
    enter(page, "Hello from Linh")
    expect(page.locator("#conversation-sub")).to_have_text("Open · yours")
    expect(page.locator("#log .entry-change")).to_have_count(1)
    expect_all_sent(page, 1)
    conversation.refresh_from_db()
    assert conversation.assignee_id == agent.user_id


def test_two_tabs_share_drafts_and_neither_erases_the_others(
    desk: BrowserContext, taken: Conversation
) -> None:
    first = open_inbox(desk, path_of(taken))
    second = open_inbox(desk, path_of(taken))
    first.locator("button[data-mode=note]").click()
    first.locator("#composer-text").fill("Ask Mai for the invoice.")
    second.locator("#composer-text").fill("One moment")
    expect(first.locator("#composer-text")).to_have_value("Ask Mai for the invoice.")
    # Another conversation and back: what is shown is not written again.
    for page in (second, first):
        page.reload()
        page.locator("button[data-mode=note]").click()
        expect(page.locator("#composer-text")).to_have_value("Ask Mai for the invoice.")
        page.locator("button[data-mode=reply]").click()
        expect(page.locator("#composer-text")).to_have_value("One moment")
    first.locator("#composer-text").press_sequentially(", please.")
    expect(second.locator("#composer-text")).to_have_value("One moment, please.")
    first.locator("#composer-text").press("Enter")
    expect_all_sent(first, 1)
    # Sent once, it does not wait in the other tab to be sent again.
    expect(second.locator("#composer-text")).to_have_value("")
    second.reload()
    second.locator("button[data-mode=note]").click()
    expect(second.locator("#composer-text")).to_have_value("Ask Mai for the invoice.")


def test_a_tab_that_slept_erases_nothing(desk: BrowserContext, taken: Conversation) -> None:
    """Its browser told it nothing of what the other tab wrote."""
    sleeper = desk.new_page()
    sleeper.add_init_script(
        "addEventListener('storage', (event) => event.stopImmediatePropagation(), true)"
    )
    sleeper.goto(path_of(taken))
    text = sleeper.locator("#composer-text")
    expect(text).to_be_visible()
    awake = open_inbox(desk, path_of(taken))
    awake.locator("#composer-text").fill("Half an answer")
    expect(text).to_have_value("")
    sleeper.locator("button[data-mode=note]").click()
    sleeper.locator("button[data-mode=reply]").click()
    expect(text).to_have_value("Half an answer")
    awake.locator("#composer-text").fill("Half an answer, and more")
    sleeper.evaluate("dispatchEvent(new Event('focus'))")
    expect(text).to_have_value("Half an answer, and more")
    awake.reload()
    expect(awake.locator("#composer-text")).to_have_value("Half an answer, and more")


@contextmanager
def slow_script(desk: BrowserContext, path: str) -> Iterator[Page]:
    """Open a page whose script has not come yet; it comes when the block ends."""
    page = desk.new_page()
    held: list[Route] = []
    page.route("**/chat/inbox/main*.js", lambda route: held.append(route))
    page.goto(path, wait_until="commit")
    yield page
    await_truth(page, lambda: bool(held))
    held[0].continue_()
    await_live(page)


def test_text_typed_before_the_script_runs_stays(desk: BrowserContext, taken: Conversation) -> None:
    with slow_script(desk, path_of(taken)) as page:
        page.locator("#composer-text").fill("Good morning, Linh")
    expect(page.locator("#composer-text")).to_have_value("Good morning, Linh")
    page.get_by_role("button", name="Private note").click()
    page.locator("#composer-text").fill("He is a regular.")
    page.close()
    with slow_script(desk, path_of(taken)) as page:
        page.locator("#composer-text").fill("and welcome back")
    expect_mode(page, "reply")
    expect(page.locator("#composer-text")).to_have_value("Good morning, Linh\nand welcome back")
    page.locator("#composer-text").press("Enter")
    expect_all_sent(page, 1)
    assert stored(taken) == [("text", "Good morning, Linh\nand welcome back")]
    expect(page.locator(".composer-mode-draft").last).to_be_visible()


def test_search_typed_before_the_script_runs_is_made(
    desk: BrowserContext, taken: Conversation
) -> None:
    with slow_script(desk, "/app/inbox/?status=closed") as page:
        page.locator("#list-search").fill("nobody of this name")
    expect(page.locator("#list-empty")).to_contain_text("Names and email addresses")
