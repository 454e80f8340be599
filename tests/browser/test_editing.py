"""Editing and deleting, with a visitor's page and two of the team, live and after a reconnect."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from chat.models import Conversation, Message
from chat.services import close, delete_message, edit_message
from crm.organizations.models import Membership
from tests.browser.inbox_pages import (
    PHONE,
    agent_says,
    await_live,
    logged_in,
    open_inbox,
    path_of,
    serious_faults,
)
from tests.browser.widget_page import WidgetPage, await_truth, only_conversation
from tests.browser.widths import assert_within
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def talk(visitor: WidgetPage, shop: str, agent: Membership) -> Conversation:
    """A visitor's page that shows an agent's answer."""
    visitor.visit(shop).open()
    visitor.send("How much is it?")
    conversation = only_conversation()
    agent_says(conversation, agent, "It is 5 euro.", "reply")
    expect(visitor.answer("It is 5 euro.")).to_be_visible()
    return conversation


@pytest.fixture
def desk(
    chromium: Browser, web_server: LiveServer, agent: Membership, talk: Conversation
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, agent) as context:
        yield open_inbox(context, path_of(talk))


@pytest.fixture
def second_desk(
    chromium: Browser, web_server: LiveServer, owner: Membership, talk: Conversation
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, owner) as context:
        yield open_inbox(context, path_of(talk))


def entry(page: Page, seq: int) -> Locator:
    return page.locator(f'#log .entry[data-seq="{seq}"]')


def choose(page: Page, seq: int, action: str) -> None:
    menu = entry(page, seq).locator(".message-menu")
    menu.get_by_role("button").first.focus()
    page.keyboard.press("Enter")
    menu.locator(".dropdown-item", has_text=action).click()


def test_an_edit_shows_on_every_page_at_once(
    desk: Page, second_desk: Page, visitor: WidgetPage
) -> None:
    choose(desk, 2, "Edit")
    field = entry(desk, 2).get_by_role("textbox", name="Edit the message")
    expect(field).to_be_focused()
    expect(field).to_have_value("It is 5 euro.")
    field.fill("It is 6 euro.")
    desk.keyboard.press("Enter")
    for page in (desk, second_desk):
        expect(entry(page, 2).locator(".bubble-text")).to_have_text("It is 6 euro.")
        expect(entry(page, 2).locator(".bubble-edited")).to_have_text("edited")
        expect(page.locator("#rows .row-last")).to_contain_text("It is 6 euro.")
    expect(visitor.answer("It is 6 euro.")).to_contain_text("edited")
    expect(visitor.bubbles).to_have_count(3)
    expect(desk.locator("#composer-text")).to_be_focused()


def test_a_deletion_leaves_a_tombstone_on_every_page(
    desk: Page, second_desk: Page, visitor: WidgetPage
) -> None:
    choose(desk, 2, "Delete")
    dialog = desk.locator("#delete-dialog")
    expect(dialog).to_contain_text("It is 5 euro.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(entry(desk, 2)).to_contain_text("It is 5 euro.")
    choose(desk, 2, "Delete")
    dialog.get_by_role("button", name="Delete").click()
    for page in (desk, second_desk):
        expect(entry(page, 2).locator(".bubble-text")).to_have_text("Message deleted")
        expect(page.locator("#rows .row-last")).to_contain_text("Message deleted")
        expect(entry(page, 2).locator(".message-menu")).to_have_count(0)
    expect(visitor.answer("This message was deleted.")).to_be_visible()
    expect(visitor.frame.get_by_text("It is 5 euro.")).to_have_count(0)


def test_the_keyboard_alone_edits_the_last_message_and_escape_leaves_it(
    desk: Page, talk: Conversation, agent: Membership
) -> None:
    field = desk.locator("#composer-text")
    field.focus()
    desk.keyboard.press("ArrowUp")
    editor = entry(desk, 2).get_by_role("textbox")
    expect(editor).to_be_focused()
    desk.keyboard.type(" Or not.")
    desk.keyboard.press("Escape")
    expect(editor).to_have_count(0)
    expect(entry(desk, 2).locator(".bubble-text")).to_have_text("It is 5 euro.")
    expect(field).to_be_focused()
    # A field that is not empty keeps its arrows.
    desk.keyboard.type("Draft")
    desk.keyboard.press("ArrowUp")
    expect(editor).to_have_count(0)
    log = Message.objects.after(talk.organization_id, talk.pk, 0)
    assert [message.kind for message in log] == ["message.posted", "message.posted"]


def test_who_was_away_sees_it_after_coming_back(
    desk: Page, visitor: WidgetPage, talk: Conversation, agent: Membership
) -> None:
    second = agent_says(talk, agent, "Delivery is free.", "second")
    expect(visitor.answer("Delivery is free.")).to_be_visible()
    for context in (desk.context, visitor.page.context):
        context.set_offline(True)
    expect(visitor.bar).to_contain_text("offline")
    reply = Message.objects.numbered(talk.organization_id, talk.pk, 2)
    assert reply is not None
    edit_message(
        conversation_id=talk.pk,
        message_id=reply.message_id,
        by=agent,
        text="It is 6 euro.",
        client_message_id="e-1",
    )
    delete_message(conversation_id=talk.pk, message_id=second.message_id, by=agent)
    for context in (desk.context, visitor.page.context):
        context.set_offline(False)
    await_live(desk)
    expect(entry(desk, 2).locator(".bubble-text")).to_have_text("It is 6 euro.")
    expect(entry(desk, 3).locator(".bubble-text")).to_have_text("Message deleted")
    expect(visitor.answer("It is 6 euro.")).to_be_visible()
    expect(visitor.answer("This message was deleted.")).to_be_visible()


def test_what_lies_above_the_loaded_part_comes_amended(
    desk: Page, talk: Conversation, agent: Membership
) -> None:
    for number in range(60):
        agent_says(talk, agent, f"Line {number}", f"line-{number}")
    desk.reload()
    await_live(desk)
    expect(entry(desk, 62)).to_be_visible()
    expect(entry(desk, 2)).to_have_count(0)
    reply = Message.objects.numbered(talk.organization_id, talk.pk, 2)
    assert reply is not None
    delete_message(conversation_id=talk.pk, message_id=reply.message_id, by=agent)
    agent_says(talk, agent, "After it", "after")
    expect(entry(desk, 64)).to_contain_text("After it")
    desk.locator("#log-scroll").evaluate("box => { box.scrollTop = 0; }")
    expect(entry(desk, 2).locator(".bubble-text")).to_have_text("Message deleted")


def test_the_menu_offers_what_one_may_do(
    desk: Page, second_desk: Page, talk: Conversation, agent: Membership
) -> None:
    # An agent nothing with a customer's message, an owner its deletion only.
    expect(entry(desk, 1).locator(".message-menu")).to_have_count(0)
    entry(second_desk, 1).locator(".message-menu button").first.click()
    items = entry(second_desk, 1).locator(".dropdown-item")
    expect(items).to_have_text(["Delete"])
    second_desk.keyboard.press("Escape")
    close(organization_id=talk.organization_id, conversation_id=talk.pk, by=agent)
    expect(desk.locator("#conversation-sub")).to_contain_text("Closed")
    entry(desk, 2).locator(".message-menu button").first.click()
    expect(entry(desk, 2).locator(".dropdown-item")).to_have_text(["Delete"])


LONG = "It is 6 euro, and 7 with the cable that you asked for last week."


def test_an_edit_that_was_begun_outlives_another_conversation_and_a_reload(
    desk: Page, talk: Conversation, agent: Membership
) -> None:
    field = desk.locator("#composer-text")
    field.focus()
    desk.keyboard.press("ArrowUp")
    editor = entry(desk, 2).get_by_role("textbox")
    editor.fill(LONG)
    desk.evaluate(
        "history.pushState(null, '', '/app/inbox/'); dispatchEvent(new Event('popstate'))"
    )
    expect(editor).to_have_count(0)
    desk.go_back()
    expect(editor).to_have_value(LONG)
    desk.reload()
    expect(editor).to_have_value(LONG)
    editor.press("Enter")
    expect(entry(desk, 2).locator(".bubble-text")).to_have_text(LONG)
    expect(editor).to_have_count(0)
    desk.reload()
    expect(entry(desk, 2).locator(".bubble-text")).to_have_text(LONG)
    expect(editor).to_have_count(0)


def test_an_edit_stays_when_the_message_is_edited_in_another_tab(
    desk: Page, talk: Conversation
) -> None:
    other = open_inbox(desk.context, path_of(talk))
    for page, text in ((other, "It is 8 euro."), (desk, LONG)):
        page.bring_to_front()
        choose(page, 2, "Edit")
        entry(page, 2).get_by_role("textbox").fill(text)
    other.bring_to_front()
    entry(other, 2).get_by_role("textbox").press("Enter")
    expect(entry(other, 2).locator(".bubble-text")).to_have_text("It is 8 euro.")
    editor = entry(desk, 2).get_by_role("textbox")
    notice = entry(desk, 2).locator(".edit-notice")
    expect(notice).to_contain_text("was changed while you were editing it")
    expect(notice).to_contain_text("It is 8 euro.")
    expect(editor).to_have_value(LONG)
    assert serious_faults(desk) == []
    desk.reload()
    expect(notice).to_contain_text("It is 8 euro.")
    expect(editor).to_have_value(LONG)
    editor.press("Enter")
    expect(entry(other, 2).locator(".bubble-text")).to_have_text(LONG)
    expect(editor).to_have_count(0)
    expect(entry(other, 2).get_by_role("textbox")).to_have_count(0)


OTHER = "It is 9 euro with the adapter."


def begin_edit(page: Page, text: str) -> Locator:
    """Type an edit of the second message, as somebody who looks at this tab."""
    page.bring_to_front()
    editor = entry(page, 2).get_by_role("textbox")
    if not editor.count():
        choose(page, 2, "Edit")
    editor.fill(text)
    return editor


def test_two_tabs_with_edits_of_one_message_keep_both(desk: Page, talk: Conversation) -> None:
    other = open_inbox(desk.context, path_of(talk))
    theirs, mine = begin_edit(other, OTHER), begin_edit(desk, LONG)
    for page, editor, own, offered in ((other, theirs, OTHER, LONG), (desk, mine, LONG, OTHER)):
        page.reload()
        expect(editor).to_have_value(own)
        notice = entry(page, 2).locator(".edit-notice")
        expect(notice.locator("blockquote")).to_have_text([offered])
    assert serious_faults(desk) == []
    # Taken over, it changes its place with what was typed here.
    entry(desk, 2).get_by_role("button", name="Use this text").click()
    expect(mine).to_have_value(OTHER)
    expect(mine).to_be_focused()
    expect(entry(desk, 2).locator(".edit-notice blockquote")).to_have_text([LONG])
    expect(theirs).to_have_value(OTHER)
    mine.press("Enter")
    for page in (desk, other):
        expect(entry(page, 2).locator(".bubble-text")).to_have_text(OTHER)
    # It reads as was typed there; what is left is offered for the next edit.
    expect(theirs).to_have_count(0)
    choose(desk, 2, "Edit")
    expect(mine).to_have_value(LONG)
    mine.press("Escape")
    desk.reload()
    await_live(desk)
    expect(mine).to_have_count(0)


def test_a_tab_that_drops_its_edit_does_not_change_what_another_one_saves(
    desk: Page, talk: Conversation
) -> None:
    other = open_inbox(desk.context, path_of(talk))
    theirs, mine = begin_edit(other, OTHER), begin_edit(desk, LONG)
    entry(desk, 2).get_by_role("button", name="Use this text").click()
    held: list[Route] = []
    desk.route("**/messages/*", lambda route: held.append(route), times=1)
    mine.press("Enter")
    await_truth(desk, lambda: len(held) == 1)
    theirs.press("Escape")
    # The page has heard of it when it hears of what was written later.
    other.evaluate("localStorage.setItem('later', '')")
    desk.wait_for_function("localStorage.getItem('later') === ''")
    expect(mine).to_have_value(OTHER)
    held[0].continue_()
    expect(mine).to_have_count(0)
    choose(desk, 2, "Edit")
    expect(mine).to_have_value(LONG)


def test_what_is_typed_while_an_edit_is_saved_is_an_edit_of_what_was_saved(
    desk: Page, talk: Conversation
) -> None:
    held: list[Route] = []
    editor = begin_edit(desk, OTHER)
    desk.route("**/messages/*", lambda route: held.append(route), times=1)
    editor.press("Enter")
    await_truth(desk, lambda: len(held) == 1)
    editor.fill(f"{OTHER} Shipped today.")
    editor.press("Enter")
    held[0].continue_()
    expect(entry(desk, 2).get_by_role("button", name="Save")).to_be_enabled()
    expect(editor).to_have_value(f"{OTHER} Shipped today.")
    expect(entry(desk, 2).locator(".edit-notice")).to_be_empty()
    editor.press("Enter")
    expect(entry(desk, 2).locator(".bubble-text")).to_have_text(f"{OTHER} Shipped today.")
    expect(editor).to_have_count(0)


def test_the_edit_of_a_closed_tab_is_gone_on_with_or_offered(
    desk: Page, talk: Conversation
) -> None:
    other = open_inbox(desk.context, path_of(talk))
    begin_edit(other, OTHER)
    mine = entry(desk, 2).get_by_role("textbox")
    begin_edit(desk, LONG)
    # The other tab puts back what this one typed over.
    expect(entry(desk, 2).locator(".edit-notice blockquote")).to_have_text([OTHER])
    other.close()
    desk.reload()
    expect(mine).to_have_value(LONG)
    expect(entry(desk, 2).locator(".edit-notice blockquote")).to_have_text([OTHER])
    mine.press("Escape")
    desk.reload()
    expect(mine).to_have_value(OTHER)
    mine.press("End")
    mine.type(" And the cable.")
    desk.reload()
    expect(mine).to_have_value(f"{OTHER} And the cable.")
    expect(entry(desk, 2).locator(".edit-notice blockquote")).to_have_count(0)


def test_a_duplicate_of_a_tab_does_not_overwrite_its_edit(desk: Page, talk: Conversation) -> None:
    mine = begin_edit(desk, LONG)
    desk.reload()
    expect(mine).to_have_value(LONG)
    # A duplicate begins with the storage of its tab's session, as a window that it opens does.
    with desk.context.expect_page() as opened:
        desk.evaluate("open(location.href)")
    other = opened.value
    await_live(other)
    theirs = begin_edit(other, OTHER)
    for page, editor, own in ((other, theirs, OTHER), (desk, mine, LONG)):
        page.reload()
        expect(editor).to_have_value(own)


def test_an_edit_that_another_device_overtook_does_not_overwrite_it(
    desk: Page, talk: Conversation, agent: Membership
) -> None:
    """It was saved elsewhere after this page last heard of the message."""
    reply = Message.objects.numbered(talk.organization_id, talk.pk, 2)
    assert reply is not None

    held: list[Route] = []
    editor = begin_edit(desk, LONG)
    desk.route("**/messages/*", lambda route: held.append(route), times=1)
    editor.press("Enter")
    await_truth(desk, lambda: len(held) == 1)
    edit_message(
        conversation_id=talk.pk,
        message_id=reply.message_id,
        by=agent,
        text="It is 6 euro.",
        client_message_id="elsewhere",
    )
    held[0].continue_()
    expect(desk.locator(".toast-line")).to_contain_text("Somebody changed this")
    expect(entry(desk, 2).locator(".edit-notice")).to_contain_text("It is 6 euro.")
    expect(editor).to_have_value(LONG)
    editor.press("Enter")
    expect(entry(desk, 2).locator(".bubble-text")).to_have_text(LONG)


def test_an_edit_of_a_message_that_is_deleted_meanwhile_can_be_copied(
    desk: Page, talk: Conversation, owner: Membership
) -> None:
    choose(desk, 2, "Edit")
    editor = entry(desk, 2).get_by_role("textbox")
    editor.fill(LONG)
    reply = Message.objects.numbered(talk.organization_id, talk.pk, 2)
    assert reply is not None
    delete_message(conversation_id=talk.pk, message_id=reply.message_id, by=owner)
    expect(entry(desk, 2).locator(".bubble-text")).to_contain_text("Message deleted by")
    expect(entry(desk, 2).locator(".edit-notice")).to_contain_text("Your text can be copied.")
    expect(editor).to_have_value(LONG)
    expect(entry(desk, 2).get_by_role("button", name="Save")).to_be_disabled()
    entry(desk, 2).get_by_role("button", name="Cancel").click()
    expect(editor).to_have_count(0)
    desk.reload()
    expect(entry(desk, 2).locator(".bubble-text")).to_contain_text("Message deleted by")
    expect(editor).to_have_count(0)


def test_a_phone_and_a_screen_reader_can_use_it(
    chromium: Browser, web_server: LiveServer, agent: Membership, talk: Conversation
) -> None:
    with logged_in(
        chromium, web_server.base_url, agent, viewport=PHONE, has_touch=True, is_mobile=True
    ) as context:
        page = context.new_page()
        page.goto(path_of(talk))
        # The words of the connection stand over the list, which a phone does not show now.
        expect(page.locator("#link-state")).to_have_attribute("data-link-state", "live")
        entry(page, 2).locator(".message-menu button").first.tap()
        entry(page, 2).locator(".dropdown-item", has_text="Edit").tap()
        expect(entry(page, 2).get_by_role("textbox")).to_be_visible()
        assert serious_faults(page) == []
        entry(page, 2).get_by_role("button", name="Cancel").tap()
        entry(page, 2).locator(".message-menu button").first.tap()
        entry(page, 2).locator(".dropdown-item", has_text="Delete").tap()
        assert serious_faults(page) == []
        page.locator("#delete-dialog").get_by_role("button", name="Delete").tap()
        expect(entry(page, 2).locator(".bubble-text")).to_have_text("Message deleted")
        assert serious_faults(page) == []
        assert_within(page)
