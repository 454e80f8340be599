"""Who stands where in the inbox, what is read there, and how keys reach it on any keyboard."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from chat.events import SenderData, announce_typing
from chat.models import Conversation, Sender, SenderType, Widget
from chat.services import close, escalate, open_conversation, post_message
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from tests.browser.inbox_pages import (
    PHONE,
    agent_says,
    await_live,
    customer_says,
    logged_in,
    open_inbox,
    path_of,
)
from tests.conftest import make_conversation
from tests.servers import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

LONG_NAME = "Công Tằng Tôn Nữ Nguyễn Phước Thị Ngọc Phương Thảo"


@pytest.fixture
def desk(chromium: Browser, web_server: LiveServer, agent: Membership) -> Iterator[BrowserContext]:
    with logged_in(chromium, web_server.base_url, agent) as context:
        yield context


def escalated(organization: Organization, widget: Widget, name: str) -> Conversation:
    customer = Customer.objects.create(organization=organization, name=name)
    conversation = make_conversation(customer, widget, f"first-{customer.pk.hex}")
    escalate(organization_id=organization.pk, conversation_id=conversation.pk, reason="asked")
    return conversation


def expect_order(page: Page, *names: str) -> None:
    expect(page.locator("#rows .row-name")).to_have_text(list(names))


def test_longest_wait_stands_first_and_moves_when_it_is_answered(
    desk: BrowserContext, organization: Organization, widget: Widget, agent: Membership
) -> None:
    an = escalated(organization, widget, "An")
    escalated(organization, widget, "Bình")
    page = open_inbox(desk)
    expect_order(page, "An", "Bình")
    escalated(organization, widget, "Cường")
    expect_order(page, "An", "Bình", "Cường")
    # More words of somebody who waits already change nothing.
    customer_says(an, "Anybody there?", "more")
    expect(page.locator("#rows .row-item").first).to_contain_text("Anybody there?")
    expect_order(page, "An", "Bình", "Cường")
    agent_says(an, agent, "Here I am", "answer")
    expect_order(page, "Bình", "Cường", "An")
    page.reload()
    expect_order(page, "Bình", "Cường", "An")


def test_row_shows_the_customers_last_words_in_a_hand_over(
    desk: BrowserContext, organization: Organization, widget: Widget, agent: Membership
) -> None:
    conversation = escalated(organization, widget, "An")
    page = open_inbox(desk)
    last = page.locator("#rows .row-last")
    expect(last).to_have_text("Do you ship to Manila?")
    customer_says(conversation, "And to Cebu?", "cebu")
    expect(last).to_have_text("And to Cebu?")
    agent.user.name = "Vũ Khánh Toàn"
    agent_says(conversation, agent, "Yes", "yes")
    expect(last).to_have_text("Toàn: Yes")
    page.reload()
    expect(last).to_have_text("Toàn: Yes")


def test_colleagues_answer_leaves_nothing_unread_here(
    desk: BrowserContext, organization: Organization, widget: Widget, colleague: Membership
) -> None:
    conversation = escalated(organization, widget, "An")
    page = open_inbox(desk)
    unread = page.locator("#rows .row-unread")
    expect(unread).to_have_text("1 unread")
    expect(page).to_have_title("(1) Inbox · NextFlow")
    agent_says(conversation, colleague, "Yes, we do", "reply")
    expect(page.locator("#rows .row-last")).to_contain_text("Yes, we do")
    expect(unread).to_be_hidden()
    expect(page).to_have_title("Inbox · NextFlow")
    customer_says(conversation, "And to Cebu?", "cebu")
    expect(unread).to_have_text("1 unread")
    page.reload()
    expect(unread).to_have_text("1 unread")


def test_time_of_a_row_is_that_of_its_words(
    desk: BrowserContext, organization: Organization, widget: Widget, colleague: Membership
) -> None:
    conversation = escalated(organization, widget, "An")
    asked = timezone.now() - timedelta(hours=30)
    customer_says(conversation, "And to Cebu?", "cebu", timestamp=asked)
    page = open_inbox(desk)
    row = page.locator("#rows .row-item")
    expect(row.locator(".row-last")).to_have_text("And to Cebu?")
    moment = row.locator(".row-time")
    written = str(moment.get_attribute("datetime"))
    assert written.startswith(asked.isoformat()[:19])
    agent_says(conversation, colleague, "Who knows this?", "note", kind="note")
    expect(row.locator(".row-last")).to_have_text("And to Cebu?")
    for _again in range(2):
        expect(moment).to_have_attribute("datetime", written)
        page.reload()
    agent_says(conversation, colleague, "Yes", "reply")
    expect(row.locator(".row-last")).to_contain_text("Yes")
    assert str(moment.get_attribute("datetime")) > written


def test_newest_first_is_chosen_kept_and_live(
    desk: BrowserContext, organization: Organization, widget: Widget, agent: Membership
) -> None:
    an = escalated(organization, widget, "An")
    escalated(organization, widget, "Bình")
    page = open_inbox(desk)
    expect_order(page, "An", "Bình")
    switch = page.get_by_role("navigation", name="Order of the list")
    expect(switch.get_by_text("Longest wait")).to_have_attribute("aria-current", "true")
    newest = switch.get_by_text("Newest")
    newest.focus()
    page.keyboard.press("Enter")
    expect_order(page, "Bình", "An")
    expect(newest).to_have_attribute("aria-current", "true")
    assert "order=newest" in page.url
    escalated(organization, widget, "Cường")
    expect_order(page, "Cường", "Bình", "An")
    customer_says(an, "Anybody there?", "more")
    expect_order(page, "An", "Cường", "Bình")
    page.reload()
    await_live(page)
    expect_order(page, "An", "Cường", "Bình")
    # Another visit, whose address says nothing of it.
    page.goto("/app/inbox/")
    await_live(page)
    expect_order(page, "An", "Cường", "Bình")
    expect(newest).to_have_attribute("aria-current", "true")
    # Other states have one order only.
    page.get_by_text("Closed").click()
    expect(switch).to_be_hidden()
    page.get_by_text("Open", exact=True).click()
    switch.get_by_text("Longest wait").click()
    expect_order(page, "An", "Bình", "Cường")
    assert "order=" not in page.url
    page.goto("/app/inbox/?order=newest")
    await_live(page)
    # An address says it for this visit alone.
    expect_order(page, "An", "Cường", "Bình")
    page.goto("/app/inbox/")
    await_live(page)
    expect_order(page, "An", "Bình", "Cường")


def test_bot_has_the_name_that_its_widget_gives_it(
    desk: BrowserContext, conversation: Conversation, widget: Widget
) -> None:
    widget.texts = {"en": {"bot_name": "Beanie of Sunbean"}}
    widget.save(update_fields=["texts"])
    page = open_inbox(desk, path_of(conversation, "?status=bot"))
    expect(page.locator("#details")).to_contain_text("Beanie")
    # A name of several words is not cut as a person's is.
    sender: SenderData = {"id": "bot", "type": "bot", "name": "Bot"}
    announce_typing(conversation.pk, sender=sender, is_typing=True)
    expect(page.locator("#log-typing")).to_contain_text("Beanie of Sunbean")
    post_message(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        sender=Sender(type=SenderType.BOT, id="bot", name="Assistant"),
        content={"type": "text", "text": "Yes, everywhere."},
        client_message_id="bot-reply-to-1",
    )
    for _again in range(2):
        expect(page.locator("#rows .row-last")).to_have_text("Beanie of Sunbean: Yes, everywhere.")
        expect(page.locator("#log .bubble-author").last).to_have_text("Beanie of Sunbean")
        page.reload()
        await_live(page)


def test_other_conversations_are_live(
    desk: BrowserContext, taken: Conversation, agent: Membership
) -> None:
    named: dict[str, Any] = {"organization_id": taken.organization_id}
    close(**named, conversation_id=taken.pk, by=agent)
    page = open_inbox(desk, path_of(taken, "?status=closed"))
    others = page.locator("#details [data-others]")
    expect(others).to_have_text("This is the first one.")
    message = open_conversation(
        **named,
        customer_id=taken.customer_id,
        widget=taken.widget,
        language_code="en",
        content={"type": "text", "text": "Me again"},
        client_message_id="again",
    )
    expect(others.locator("a")).to_have_count(1)
    expect(others).to_contain_text("Me again")
    expect(others).to_contain_text("With the bot")
    close(**named, conversation_id=message.conversation_id, by=agent)
    expect(others.locator(".others-status")).to_have_text("Closed")


KEYS = {
    "russian": [("т", "KeyN"), ("к", "KeyR"), ("ф", "KeyA")],
    "vietnamese": [("n", "KeyN"), ("r", "KeyR"), ("a", "KeyA")],
    "azerty": [("n", "KeyN"), ("r", "KeyR"), ("a", "KeyQ")],
}


def press(
    page: Page, key: str, code: str, *, repeat: bool = False, composing: bool = False
) -> bool:
    """Press a key as a keyboard of that layout does; return whether the page took it."""
    return page.evaluate(
        """([key, code, repeat, isComposing]) => {
          const target = document.activeElement ?? document.body;
          const keyCode = isComposing ? 229 : 0;
          const event = new KeyboardEvent("keydown", {
            key, code, repeat, isComposing, keyCode, bubbles: true, cancelable: true,
          });
          const wasTaken = !target.dispatchEvent(event);
          return wasTaken;
        }""",
        [key, code, repeat, composing],
    )


def let_go(page: Page, code: str) -> None:
    page.evaluate(
        "code => document.dispatchEvent(new KeyboardEvent('keyup', { code, bubbles: true }))", code
    )


@pytest.mark.parametrize("layout", sorted(KEYS))
def test_shortcuts_work_on_every_layout_and_write_no_letters(
    desk: BrowserContext, taken: Conversation, layout: str
) -> None:
    page = open_inbox(desk, path_of(taken))
    text = page.locator("#composer-text")
    (note, note_code), (reply, reply_code), (assign, assign_code) = KEYS[layout]
    page.locator("#log-scroll").focus()
    assert press(page, note, note_code)
    expect(text).to_be_focused()
    expect(page.locator("#composer-form")).to_have_attribute("data-mode", "note")
    # The key is still down, and repeats into the field that has the focus now.
    assert press(page, note, note_code, repeat=True)
    let_go(page, note_code)
    # From here on it is a letter.
    assert not press(page, note, note_code)
    page.locator("#log-scroll").focus()
    assert press(page, reply, reply_code)
    expect(page.locator("#composer-form")).to_have_attribute("data-mode", "reply")
    let_go(page, reply_code)
    expect(text).to_have_value("")
    page.locator("#log-scroll").focus()
    assert press(page, assign, assign_code)
    expect(page.locator("#assign-search")).to_be_focused()


def test_input_method_and_other_latin_layouts_start_nothing(
    desk: BrowserContext, taken: Conversation
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.locator("#log-scroll").focus()
    assert not press(page, "Process", "KeyN", composing=True)
    # Where AZERTY writes a q, QWERTY has an a: what is written counts.
    assert not press(page, "q", "KeyA")
    assert not press(page, "-", "Slash")
    expect(page.locator("#log-scroll")).to_be_focused()
    # The Russian layout writes a full stop where the slash is.
    assert press(page, ".", "Slash")
    expect(page.locator("#list-search")).to_be_focused()


def test_held_enter_opens_a_conversation_and_sends_no_draft(
    desk: BrowserContext, taken: Conversation
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.locator("#composer-text").fill("Not yet finished")
    page.locator("#log-scroll").focus()
    page.keyboard.press("u")
    page.locator("#rows a").first.focus()
    page.keyboard.down("Enter")
    expect(page.locator("#composer-text")).to_have_value("Not yet finished")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(page.locator("#composer-text")).to_have_value("Not yet finished")
    expect(page.locator("#log .entry[data-mine]")).to_have_count(0)


def show(context: BrowserContext, conversation: Conversation) -> Page:
    """Open a conversation; on a phone it covers the list, and with it how the connection is."""
    page = context.new_page()
    page.goto(path_of(conversation))
    expect(page.locator("#inbox[data-ready]")).to_be_visible()
    return page


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_head_shows_the_whole_name(
    chromium: Browser,
    web_server: LiveServer,
    agent: Membership,
    taken: Conversation,
    size: str,
) -> None:
    Customer.objects.filter(pk=taken.customer_id).update(name=LONG_NAME)
    options = {"viewport": PHONE} if size == "phone" else {}
    with logged_in(chromium, web_server.base_url, agent, **options) as context:
        page = show(context, taken)
        name = page.locator("#conversation-name")
        expect(name).to_have_text(LONG_NAME)
        cut = name.evaluate(
            "node => node.scrollWidth > node.clientWidth + 1"
            " || node.scrollHeight > node.clientHeight + 1"
        )
        assert not cut
        assert page.evaluate("() => document.documentElement.scrollWidth") <= (
            PHONE["width"] if size == "phone" else 1440
        )
        head = page.locator(".conversation-head").bounding_box()
        assert head is not None
        assert head["height"] <= 140


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_what_is_told_and_what_is_edited_leave_the_composer_free(
    chromium: Browser,
    web_server: LiveServer,
    agent: Membership,
    taken: Conversation,
    size: str,
) -> None:
    agent_says(taken, agent, "A long answer. " * 60, "long")
    options = {"viewport": PHONE} if size == "phone" else {}
    with logged_in(chromium, web_server.base_url, agent, **options) as context:
        page = show(context, taken)
        page.locator("#composer-text").focus()
        page.keyboard.press("ArrowUp")
        expect(page.get_by_label("Edit the message")).to_be_focused()
        page.evaluate(
            "async () => (await import('/static/app/toasts.js')).toast('Done. '.repeat(20))"
        )
        composer = page.locator("#composer").bounding_box()
        assert composer is not None
        for covering in (".toasts", ".edit-form"):
            box = page.locator(covering).bounding_box()
            assert box is not None
            is_above = box["y"] + box["height"] <= composer["y"] + 1
            assert is_above or box["x"] + box["width"] <= composer["x"] + 1


def test_text_runs_in_its_own_direction(desk: BrowserContext, taken: Conversation) -> None:
    customer_says(taken, "مرحبا، هل لديكم قهوة؟", "arabic")
    page = open_inbox(desk, path_of(taken))
    expect(page.locator("#log .bubble-text").last).to_have_css("direction", "rtl")
    expect(page.locator("#log .bubble-text").first).to_have_css("direction", "ltr")
    expect(page.locator('#rows [data-slot="text"]')).to_have_css("direction", "rtl")
    page.locator("#composer-text").fill("نعم")
    expect(page.locator("#composer-text")).to_have_css("direction", "rtl")
