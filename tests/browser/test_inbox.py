"""The inbox as an agent uses it: in a real browser, against a real server."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from chat.models import Conversation, Message, Widget
from chat.services import assign, escalate, mark_seen_by_customer, reopen, take_over
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import (
    DESK,
    PHONE,
    agent_says,
    customer_says,
    logged_in,
    open_inbox,
    path_of,
    shown_texts,
    stored_texts,
)
from tests.browser.widget_page import await_truth
from tests.browser.widths import assert_within
from tests.conftest import make_conversation
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk(chromium: Browser, web_server: LiveServer, agent: Membership) -> Iterator[BrowserContext]:
    with logged_in(chromium, web_server.base_url, agent) as context:
        yield context


@pytest.fixture
def waiting(conversation: Conversation) -> Conversation:
    """The conversation, open and nobody's."""
    escalate(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        reason="asked",
    )
    return conversation


def write(page: Page, text: str) -> None:
    page.locator("#composer-text").fill(text)
    page.keyboard.press("Enter")


def toast(page: Page, words: str) -> Any:
    return page.locator(".toast-line", has_text=words)


def test_agent_answers_and_learns_that_it_was_read(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    page = open_inbox(desk)
    page.locator("#rows").get_by_role("link", name="Minh").click()
    text = page.locator("#composer-text")
    expect(text).to_be_focused()
    text.press_sequentially("Yes, in a week.")
    text.press("Shift+Enter")
    text.press_sequentially("Shall I send the prices?")
    text.press("Enter")
    expect(text).to_have_value("")
    own = page.locator("#log .entry[data-mine]")
    expect(own.locator(".bubble-state")).to_have_text("Sent")
    assert stored_texts(taken) == [
        "Do you ship to Manila?",
        "Yes, in a week.\nShall I send the prices?",
    ]
    head = Conversation.objects.get(pk=taken.pk)
    mark_seen_by_customer(
        organization_id=taken.organization_id, conversation_id=taken.pk, seq=head.last_seq
    )
    expect(own.locator(".bubble-state")).to_have_text("Seen")
    row = page.locator("#rows .row-item")
    expect(row.locator(".row-author")).to_have_text("Linh: ")


def test_input_methods_enter_sends_nothing(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.locator("#composer-text").fill("xin ch")
    page.evaluate(
        "() => document.getElementById('composer-text').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    expect(page.locator("#composer-text")).to_have_value("xin ch")
    assert len(stored_texts(taken)) == 1


def test_what_customers_write_appears_by_itself(
    web_server: LiveServer,
    taken: Conversation,
    desk: BrowserContext,
    organization: Any,
    widget: Widget,
) -> None:
    page = open_inbox(desk)
    customer = Customer.objects.create(organization=organization, name="Olga")
    newer = make_conversation(customer, widget, "olga")
    escalate(organization_id=organization.pk, conversation_id=newer.pk, reason="asked")
    rows = page.locator("#rows .row-item")
    expect(rows).to_have_count(2)
    # Whoever waits longest stands first.
    expect(rows.last.locator(".row-name")).to_have_text("Olga")
    expect(rows.last.locator(".row-unread")).to_have_text("1 unread")
    expect(rows.last.locator(".row-wait")).to_contain_text("waits")
    expect(page.locator('a[data-box="unassigned"] .box-count')).to_have_text("1")
    customer_says(taken, "Are you there?", "again")
    expect(rows.first.locator(".row-name")).to_have_text("Minh")
    expect(rows.first.locator(".row-unread")).to_have_text("2 unread")
    rows.first.locator("a").click()
    expect(page.locator("#log .bubble-text")).to_have_count(2)
    expect(rows.first.locator(".row-unread")).to_be_hidden()
    customer_says(taken, "Hello?", "third")
    expect(page.locator("#log .bubble-text")).to_have_text(
        ["Do you ship to Manila?", "Are you there?", "Hello?"]
    )
    expect(page.locator("#announcer")).to_have_text("Minh: Hello?")
    expect(rows.first.locator(".row-unread")).to_be_hidden()


def test_reply_to_the_bots_conversation_takes_over_first(
    web_server: LiveServer, conversation: Conversation, desk: BrowserContext, agent: Membership
) -> None:
    page = open_inbox(desk, path_of(conversation, "?status=bot"))
    expect(page.locator("#composer-bar")).to_contain_text("The bot answers here")
    write(page, "I am a person.")
    expect(page.locator("#log .entry[data-mine] .bubble-state")).to_have_text("Sent")
    expect(page.locator("#log .entry-change")).to_contain_text("Linh took over")
    conversation.refresh_from_db()
    assert (conversation.status, conversation.assignee_id) == ("open", agent.user_id)
    expect(page.locator("#composer-bar")).to_be_hidden()
    expect(page.locator("#rows .row-item")).to_have_count(0)


def test_closing_and_its_undo(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.locator("#composer-bar")).to_contain_text("This conversation is closed.")
    expect(page.locator("#rows .row-item")).to_have_count(0)
    taken.refresh_from_db()
    assert taken.status == "closed"
    toast(page, "Closed.").get_by_role("button", name="Undo").click()
    expect(page.locator("#composer-text")).to_be_visible()
    expect(page.locator("#rows .row-item")).to_have_count(1)
    taken.refresh_from_db()
    assert taken.status == "open"


def test_assigning_by_search_and_its_undo(
    web_server: LiveServer,
    taken: Conversation,
    desk: BrowserContext,
    agent: Membership,
    colleague: Membership,
    viewer: Membership,
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.locator("#log-scroll").focus()
    page.keyboard.press("a")
    search = page.locator("#assign-search")
    expect(search).to_be_focused()
    choices = page.locator("#assign-list .menu-words")
    expect(choices).to_have_text(["Linh (you)", "Marco", "Nobody"])
    search.fill("mar")
    expect(choices).to_have_text(["Marco"])
    search.fill("")
    expect(choices).to_have_text(["Linh (you)", "Marco", "Nobody"])
    search.fill("mar")
    search.press("Enter")
    expect(page.locator("#conversation-sub")).to_have_text("Open · Marco")
    taken.refresh_from_db()
    assert taken.assignee_id == colleague.user_id
    toast(page, "Assigned to Marco.").get_by_role("button", name="Undo").click()
    expect(page.locator("#conversation-sub")).to_have_text("Open · yours")
    taken.refresh_from_db()
    assert taken.assignee_id == agent.user_id


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_menus_close_and_nothing_that_passes_covers_them(
    chromium: Browser, web_server: LiveServer, taken: Conversation, agent: Membership, size: Any
) -> None:
    with logged_in(chromium, web_server.base_url, agent, viewport=size) as context:
        page = open_inbox(context)
        page.locator("#rows").get_by_role("link", name="Minh").click()
        more = page.get_by_role("button", name="More")
        menu = page.locator("[data-menu=more] .dropdown-menu")

        def press_escape_anywhere() -> None:
            page.evaluate("document.activeElement.blur()")
            page.keyboard.press("Escape")

        for close in (
            press_escape_anywhere,
            lambda: page.locator("#log").click(position={"x": 5, "y": 5}),
            lambda: menu.get_by_role("button", name="Hand back to the bot").click(),
        ):
            more.click()
            expect(menu).to_be_visible()
            close()
            expect(menu).to_be_hidden()
        told = toast(page, "Minh · The bot answers again.")
        expect(told).to_be_visible()
        page.locator("[data-menu=assign] > button").click()
        choice = page.locator("#assign-list button").first
        expect(choice).to_be_visible()
        # It can be clicked, so nothing lies over it.
        choice.click(trial=True)
        page.locator("#assign-search").click(trial=True)
        page.keyboard.press("Escape")
        page.locator("[data-menu=snooze] > button").click()
        lines = page.locator("#snooze-list .dropdown-item").evaluate_all(
            "items => items.map((item) => item.getBoundingClientRect().height)"
        )
        assert len(set(lines)) == 1
        assert_within(page)


def test_hint_at_the_field_says_what_enter_does(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    page = open_inbox(desk, path_of(taken))
    hint = page.locator("#composer-hint")
    expect(hint).to_contain_text("Enter sends")
    page.get_by_role("button", name="Private note").click()
    expect(hint).to_contain_text("Enter saves the note")


def test_snoozing_for_an_hour_and_until_a_chosen_time(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.locator("#log-scroll").focus()
    page.keyboard.press("s")
    page.get_by_role("button", name="For one hour").click()
    expect(page.locator("#conversation-sub")).to_contain_text("Snoozed until")
    taken.refresh_from_db()
    assert taken.status == "snoozed"
    toast(page, "Snoozed until").get_by_role("button", name="Undo").click()
    expect(page.locator("#conversation-sub")).to_have_text("Open · yours")
    page.locator("#log-scroll").focus()
    page.keyboard.press("s")
    page.get_by_role("button", name="Choose a time…").click()
    dialog = page.locator("#snooze-dialog")
    dialog.locator("input").fill("2031-05-06T07:30")
    dialog.get_by_role("button", name="Snooze", exact=True).click()
    expect(page.locator("#conversation-sub")).to_contain_text("Snoozed until")
    taken.refresh_from_db()
    assert taken.snoozed_until is not None
    assert taken.snoozed_until.isoformat() == "2031-05-06T07:30:00+00:00"


UNDO = {
    "take-over": "This conversation is yours now.",
    "assign": "Assigned to Linh.",
    "snooze": "Snoozed until",
    "close": "Closed.",
    "return-to-bot": "The bot answers again.",
}


@pytest.mark.parametrize("verb", UNDO)
def test_undo_leaves_alone_what_a_colleague_did_since(
    web_server: LiveServer,
    waiting: Conversation,
    desk: BrowserContext,
    colleague: Membership,
    verb: str,
) -> None:
    page = open_inbox(desk, path_of(waiting))
    words = _act(page, verb)
    named = {"organization_id": waiting.organization_id, "conversation_id": waiting.pk}
    if verb == "close":
        reopen(by=colleague, **named)
    assign(assignee_id=colleague.user_id, by=colleague, **named)
    toast(page, words).get_by_role("button", name="Undo").click()
    expect(toast(page, "Somebody has changed this conversation since.")).to_be_visible()
    waiting.refresh_from_db()
    assert waiting.assignee_id == colleague.user_id
    assert waiting.status == ("snoozed" if verb == "snooze" else "open")


@pytest.mark.parametrize("verb", UNDO)
def test_undo_goes_back_to_where_it_was(
    web_server: LiveServer, waiting: Conversation, desk: BrowserContext, verb: str
) -> None:
    page = open_inbox(desk, path_of(waiting))
    words = _act(page, verb)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.assignee_id) != ("open", None)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        toast(page, words).get_by_role("button", name="Undo").click()
    expect(page.locator("#conversation-sub")).to_have_text("Open · nobody's yet")
    waiting.refresh_from_db()
    assert (waiting.status, waiting.assignee_id) == ("open", None)


def _act(page: Page, verb: str) -> str:
    """Do one thing to the open conversation; give what the toast says."""
    if verb == "assign":
        page.locator("#log-scroll").focus()
        page.keyboard.press("a")
        page.locator("#assign-list").get_by_text("Linh (you)").click()
    elif verb == "snooze":
        page.locator("#log-scroll").focus()
        page.keyboard.press("s")
        page.get_by_role("button", name="For one hour").click()
    else:
        if verb == "return-to-bot":
            page.get_by_role("button", name="More").click()
        page.locator(f'#conversation-actions [data-action="{verb}"]:visible').first.click()
    words = UNDO[verb]
    expect(toast(page, words)).to_be_visible()
    return words


def test_private_note_looks_different_and_stays_inside(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    page = open_inbox(desk, path_of(taken))
    page.locator("#log-scroll").focus()
    page.keyboard.press("n")
    expect(page.locator("#composer-text")).to_be_focused()
    assert page.locator("#composer-form").get_attribute("data-mode") == "note"
    write(page, "Regular customer.")
    note = page.locator('#log .entry[data-kind="note"]')
    expect(note.locator(".bubble-tag")).to_have_text("Private note")
    expect(page.locator("#log [data-unsent]")).to_have_count(0)
    [*_, stored] = Message.objects.after(taken.organization_id, taken.pk, 0)
    assert stored.is_note
    # Whoever writes one note may write another: only the person goes back to replies.
    assert page.locator("#composer-form").get_attribute("data-mode") == "note"


def test_draft_is_kept_for_its_conversation(
    web_server: LiveServer,
    taken: Conversation,
    desk: BrowserContext,
    agent: Membership,
    organization: Any,
    widget: Widget,
) -> None:
    customer = Customer.objects.create(organization=organization, name="Olga")
    other = make_conversation(customer, widget, "olga")
    take_over(organization_id=organization.pk, conversation_id=other.pk, by=agent)
    page = open_inbox(desk, path_of(taken))
    text = page.locator("#composer-text")
    text.fill("Half a sentence")
    page.get_by_role("link", name="Olga").click()
    expect(text).to_have_value("")
    page.locator("#rows").get_by_role("link", name="Minh").click()
    expect(text).to_have_value("Half a sentence")
    page.reload()
    expect(text).to_have_value("Half a sentence")
    assert len(stored_texts(taken)) == 1


def test_history_loads_upwards_and_what_one_reads_stays(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    for number in range(120):
        customer_says(taken, f"Line {number}", f"line-{number}")
    page = open_inbox(desk, path_of(taken))
    expect(page.locator("#log .bubble-text").last).to_be_in_viewport()
    assert len(shown_texts(page)) < 60
    reading = page.locator("#log .bubble-text").nth(8)
    words = reading.inner_text()
    page.evaluate("() => { document.getElementById('log-scroll').scrollTop = 280; }")
    before = page.get_by_text(words, exact=True).bounding_box()
    expect(page.locator("#log .bubble-text").nth(60)).to_be_attached()
    after = page.get_by_text(words, exact=True).bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) <= 2

    def is_read_to_the_top() -> bool:
        page.evaluate("() => { document.getElementById('log-scroll').scrollTop = 0; }")
        return len(shown_texts(page)) == 121

    await_truth(page, is_read_to_the_top)
    assert shown_texts(page) == ["Do you ship to Manila?"] + [f"Line {n}" for n in range(120)]
    customer_says(taken, "And one more", "one-more")
    expect(page.locator("#jump-down")).to_have_text("1 new message")
    page.locator("#jump-down").click()
    expect(page.locator("#log").get_by_text("And one more")).to_be_in_viewport()


def test_list_goes_on_as_one_scrolls(
    web_server: LiveServer, desk: BrowserContext, organization: Any, widget: Widget
) -> None:
    for number in range(70):
        customer = Customer.objects.create(organization=organization, name=f"Person {number:02}")
        made = make_conversation(customer, widget, f"p{number}")
        escalate(organization_id=organization.pk, conversation_id=made.pk, reason="asked")
    page = open_inbox(desk)
    rows = page.locator("#rows .row-item")
    expect(rows).to_have_count(30)
    for wanted in (60, 70):
        page.evaluate(
            "() => { const s = document.getElementById('list-scroll');"
            " s.scrollTop = s.scrollHeight; }"
        )
        expect(rows).to_have_count(wanted)
    names = page.locator("#rows .row-name").all_inner_texts()
    assert names == [f"Person {number:02}" for number in range(70)]


def test_colleagues_see_each_other_and_do_not_answer_twice(
    chromium: Browser,
    web_server: LiveServer,
    taken: Conversation,
    desk: BrowserContext,
    colleague: Membership,
) -> None:
    page = open_inbox(desk, path_of(taken))
    with logged_in(chromium, web_server.base_url, colleague) as second:
        other = open_inbox(second, path_of(taken))
        watching = page.get_by_role("img", name="Marco is looking at this conversation")
        expect(watching).to_be_visible()
        other.locator("#composer-text").press_sequentially("I will take")
        expect(page.locator("#log-typing")).to_contain_text("Marco is writing")
        page.locator("#composer-text").fill("Let me")
        other.locator("#composer-text").fill("")
        write(other, "Handled by me.")
        expect(page.locator("#composer-warning")).to_contain_text(
            "Marco replied while you were writing."
        )
        expect(page.locator("#composer-text")).to_have_value("Let me")
        expect(page.locator("#log-typing")).to_be_hidden()
    expect(watching).to_have_count(0)


def test_viewer_reads_live_but_cannot_write(
    chromium: Browser, web_server: LiveServer, taken: Conversation, viewer: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, viewer) as context:
        page = open_inbox(context, path_of(taken))
        expect(page.locator("#composer-bar")).to_have_text("You may read here, but not write.")
        expect(page.locator("#composer-form")).to_be_hidden()
        expect(page.locator("#conversation-actions")).to_be_hidden()
        customer_says(taken, "Still there?", "still")
        expect(page.locator("#log .bubble-text").last).to_have_text("Still there?")


def test_refusal_is_told_in_the_servers_words(
    web_server: LiveServer,
    taken: Conversation,
    desk: BrowserContext,
    agent: Membership,
) -> None:
    page = open_inbox(desk, path_of(taken))
    Membership.objects.filter(pk=agent.pk).update(role="viewer")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(toast(page, "Your role may read conversations but not write.")).to_be_visible()
    expect(page.get_by_role("button", name="Close", exact=True)).to_be_enabled()
    taken.refresh_from_db()
    assert taken.status == "open"


def test_logging_out_elsewhere_ends_this_page_too(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext
) -> None:
    page = open_inbox(desk)
    other = open_inbox(desk)
    other.get_by_role("button", name="Your menu").click()
    other.get_by_role("button", name="Log out").click()
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()
    page.wait_for_url("**/login/?next=**")


def test_answer_of_a_colleague_is_shown_in_order(
    web_server: LiveServer, taken: Conversation, desk: BrowserContext, colleague: Membership
) -> None:
    page = open_inbox(desk, path_of(taken))
    for number in range(20):
        if number % 2:
            agent_says(taken, colleague, f"Answer {number}", f"k{number}")
        else:
            customer_says(taken, f"Question {number}", f"k{number}")
    expected = [f"{'Answer' if n % 2 else 'Question'} {n}" for n in range(20)]
    expect(page.locator("#log .bubble-text")).to_have_text(["Do you ship to Manila?", *expected])
