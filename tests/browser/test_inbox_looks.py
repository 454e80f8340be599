"""The inbox for every hand and eye: keyboard, phone, dark mode, languages, screen readers."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from chat.models import Conversation, Sender, SenderType, Widget
from chat.services import escalate, post_message, take_over
from crm.customers.models import Customer
from crm.organizations.models import Membership
from tests.browser.inbox_pages import (
    DESK,
    PHONE,
    agent_says,
    logged_in,
    open_inbox,
    path_of,
    serious_faults,
)
from tests.browser.looks import schemes
from tests.browser.widths import assert_within
from tests.conftest import PASSWORD, make_conversation
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world(
    conversation: Conversation, agent: Membership, colleague: Membership, widget: Widget
) -> list[Conversation]:
    """Three open conversations, newest first; the newest holds every kind of entry."""
    made = []
    for name in ("Cy", "Boris"):
        customer = Customer.objects.create(organization=conversation.organization, name=name)
        made.append(make_conversation(customer, widget, f"first-{name}"))
    whose: dict[str, Any] = {"organization_id": conversation.organization_id}
    for each in made:
        escalate(**whose, conversation_id=each.pk, reason="asked")
    bot = Sender(type=SenderType.BOT, id="bot", name="Sunny")
    writer = Sender(type=SenderType.AGENT, id=str(colleague.user_id), name="Marco")
    sources = [{"title": "Shipping", "url": "https://shop.example/shipping"}]
    entries: list[tuple[Sender, dict[str, Any]]] = [
        (bot, {"type": "text", "text": "In a week.", "sources": sources}),
        (writer, {"type": "note", "text": "A good customer"}),
        (writer, {"type": "text", "text": "I am here: https://shop.example/help"}),
    ]
    for number, (sender, content) in enumerate(entries):
        if number == 1:
            take_over(**whose, conversation_id=conversation.pk, by=agent)
        post_message(
            **whose,
            conversation_id=conversation.pk,
            sender=sender,
            content=content,
            client_message_id=f"entry-{number}",
        )
    return [conversation, made[1], made[0]]


@pytest.fixture
def page(
    chromium: Browser, web_server: LiveServer, agent: Membership, world: list[Conversation]
) -> Iterator[Page]:
    with logged_in(chromium, web_server.base_url, agent) as context:
        yield open_inbox(context)


def focused_row(page: Page) -> str:
    name: str = page.evaluate(
        """() => document.activeElement.closest('#rows a')
            ?.querySelector('[data-slot=name]')?.textContent ?? ''"""
    )
    return name


def test_row_that_moves_keeps_the_focus(page: Page, world: list[Conversation]) -> None:
    page.keyboard.press("j")
    assert focused_row(page) == "Cy"
    # An answered conversation no longer waits, and moves behind those that do.
    first = Conversation.objects.get(customer__name="Cy")
    agent_says(first, Membership.objects.get(user__name="Linh"), "A moment.", "moment")
    expect(page.locator("#rows .row-item").first).to_contain_text("Boris")
    assert focused_row(page) == "Cy"


def test_everything_can_be_done_by_keyboard(page: Page, world: list[Conversation]) -> None:
    # Whoever waits longest stands first; Minh was answered.
    page.keyboard.press("j")
    assert focused_row(page) == "Cy"
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    assert focused_row(page) == "Minh"
    page.keyboard.press("ArrowDown")
    assert focused_row(page) == "Minh"
    page.keyboard.press("k")
    page.keyboard.press("ArrowUp")
    assert focused_row(page) == "Cy"
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert focused_row(page) == "Minh"
    page.keyboard.press("Enter")
    text = page.locator("#composer-text")
    expect(text).to_be_focused()
    # Letters are text while one writes.
    page.keyboard.type("jkrntease?")
    expect(text).to_have_value("jkrntease?")
    expect(page.locator("#help-dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(text).not_to_be_focused()
    page.keyboard.press("n")
    expect(text).to_be_focused()
    assert page.locator("#composer-form").get_attribute("data-mode") == "note"
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    assert page.locator("#composer-form").get_attribute("data-mode") == "reply"
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("#assign-search")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#assign-search")).to_be_hidden()
    page.keyboard.press("s")
    expect(page.locator("#snooze-list")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#snooze-list")).to_be_hidden()
    page.keyboard.press("e")
    expect(page.locator("#conversation-sub")).to_contain_text("Closed")
    expect(page.locator(".toast-line", has_text="Closed.")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator("#conversation-sub")).to_contain_text("Open")
    page.keyboard.press("u")
    expect(page).to_have_url("**/app/inbox/?box=all&status=open".replace("**", page.url[:22]))
    assert focused_row(page) == "Minh"
    page.keyboard.press("/")
    expect(page.locator("#list-search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help-dialog")).to_be_hidden()


def test_taking_over_by_keyboard(
    chromium: Browser, web_server: LiveServer, agent: Membership, conversation: Conversation
) -> None:
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = open_inbox(context, path_of(conversation, "?status=bot"))
        page.keyboard.press("t")
        expect(page.locator("#conversation-sub")).to_have_text("Open · yours")
        conversation.refresh_from_db()
        assert conversation.assignee_id == agent.user_id


def test_links_work_as_links_and_history_as_history(page: Page, world: list[Conversation]) -> None:
    page.get_by_role("link", name="Boris").click()
    expect(page).to_have_title(re.compile("Boris · NextFlow$"))
    page.get_by_role("link", name="Cy").click()
    expect(page).to_have_title(re.compile("Cy · NextFlow$"))
    page.go_back()
    expect(page.locator("#conversation-name")).to_have_text("Boris")
    page.go_back()
    expect(page.get_by_text("Choose a conversation")).to_be_visible()
    page.go_forward()
    expect(page.locator("#conversation-name")).to_have_text("Boris")
    page.reload()
    expect(page.locator("#conversation-name")).to_have_text("Boris")


def test_search_finds_people_and_the_keyboard_goes_on_from_there(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("bor")
    expect(page.locator("#rows .row-name")).to_have_text(["Boris"])
    page.keyboard.press("Enter")
    assert focused_row(page) == "Boris"
    page.keyboard.press("/")
    page.locator("#list-search").fill("nobody of this name")
    expect(page.get_by_text("Nobody found")).to_be_visible()
    page.locator("#list-search").fill("bor " * 100)
    expect(page.locator("#rows .row-name")).to_have_text(["Boris"])
    page.locator("#list-search").fill("")
    expect(page.locator("#rows .row-name")).to_have_text(["Cy", "Boris", "Minh"])


def test_filters_change_the_list_and_the_address(page: Page) -> None:
    page.locator('a[data-box="mine"]').click()
    expect(page.locator("#rows .row-name")).to_have_text(["Minh"])
    page.locator('a[data-status="closed"]').click()
    expect(page.get_by_text("Nothing is closed yet")).to_be_visible()
    assert "box=mine&status=closed" in page.url
    page.reload()
    expect(page.get_by_text("Nothing is closed yet")).to_be_visible()


def test_empty_installation_says_what_to_do(
    chromium: Browser, web_server: LiveServer, agent: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = open_inbox(context)
        expect(page.get_by_text("No conversations yet")).to_be_visible()
        expect(page.get_by_text("Install the widget on your site")).to_be_visible()


def assert_usable_in_both_schemes(page: Page) -> None:
    for look in schemes(page):
        assert serious_faults(page) == [], look


@pytest.mark.parametrize(
    ("viewport", "first"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"]
)
def test_no_serious_faults_for_screen_readers_and_weak_eyes(
    chromium: Browser,
    web_server: LiveServer,
    agent: Membership,
    world: list[Conversation],
    viewport: ViewportSize,
    first: Literal["light", "dark"],
) -> None:
    options: dict[str, Any] = {"viewport": viewport, "color_scheme": first}
    with logged_in(chromium, web_server.base_url, agent, **options) as context:
        page = open_inbox(context)
        assert page.locator("html").get_attribute("data-bs-theme") == first
        assert_usable_in_both_schemes(page)
        page.get_by_role("button", name="Your menu").click()
        expect(page.get_by_role("button", name="Dark")).to_be_visible()
        assert_usable_in_both_schemes(page)
        page.keyboard.press("Escape")
        page.locator("#rows").get_by_role("link", name="Minh").click()
        expect(page.locator("#log .entry")).to_have_count(4)
        assert_usable_in_both_schemes(page)
        page.locator('[data-mode="note"][aria-pressed]').click()
        assert_usable_in_both_schemes(page)


def test_log_in_page_has_no_serious_faults(
    chromium: Browser, web_server: LiveServer, agent: Membership
) -> None:
    context = chromium.new_context(base_url=web_server.base_url, color_scheme="dark")
    page = context.new_page()
    page.goto("/login/")
    assert_usable_in_both_schemes(page)
    page.get_by_label("Email address").fill(agent.user.email)
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert_usable_in_both_schemes(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    context.close()


def test_phone_shows_one_pane_at_a_time(
    chromium: Browser, web_server: LiveServer, agent: Membership, world: list[Conversation]
) -> None:
    with logged_in(
        chromium, web_server.base_url, agent, viewport=PHONE, has_touch=True, is_mobile=True
    ) as context:
        page = open_inbox(context)
        rows, log = page.locator("#rows"), page.locator("#log")
        expect(rows).to_be_visible()
        expect(log).to_be_hidden()
        page.locator("#rows").get_by_role("link", name="Minh").tap()
        expect(log).to_be_visible()
        expect(rows).to_be_hidden()
        page.locator(".conversation-who").tap()
        expect(page.get_by_role("heading", name="Customer", exact=True)).to_be_visible()
        page.get_by_role("button", name="Close the details").tap()
        page.locator("#composer-text").fill("From the bus")
        page.get_by_role("button", name="Send").tap()
        expect(page.locator("#log .entry[data-mine] .bubble-state").last).to_have_text("Sent")
        assert_within(page)
        page.get_by_role("link", name="Back to the list").tap()
        expect(rows).to_be_visible()
        expect(log).to_be_hidden()


def test_theme_is_chosen_kept_and_there_before_the_first_paint(page: Page) -> None:
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Dark").click()
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.goto(page.url, wait_until="commit")
    assert (
        page.evaluate(
            "() => new Promise((resolve) => requestAnimationFrame(() =>"
            " resolve(document.documentElement.dataset.bsTheme)))"
        )
        == "dark"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en", ["Inbox", "Mine", "Unassigned", "Open · yours", "took over", "Private note"]),
        ("vi", ["Hộp thư", "Của tôi", "Chưa giao", "Đang mở", "Ghi chú nội bộ"]),
        ("ru", ["Входящие", "Мои", "Не назначены", "Открытые", "Внутренняя заметка"]),
    ],
)
def test_three_languages(
    chromium: Browser,
    web_server: LiveServer,
    agent: Membership,
    world: list[Conversation],
    code: str,
    words: list[str],
) -> None:
    agent.user.language_code = code
    agent.user.save(update_fields=["language_code"])
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = open_inbox(context, path_of(world[0]))
        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page.locator("#log .entry")).to_have_count(4)
        shown = page.locator("body").inner_text()
        assert [word for word in words if word not in shown] == []
        # Nothing is cut off sideways, however long a language's words are.
        for selector in ("body", ".conversation-head", ".composer-modes", ".boxes"):
            box = page.locator(selector).first
            assert box.evaluate("(e) => e.scrollWidth - e.clientWidth") <= 0, selector


def test_no_field_of_the_pages_makes_a_phone_zoom(
    chromium: Browser, web_server: LiveServer, agent: Membership
) -> None:
    """iOS zooms into fields with letters of less than 16 px, and stays there."""
    with logged_in(
        chromium, web_server.base_url, agent, viewport=PHONE, has_touch=True, is_mobile=True
    ) as context:
        page = context.new_page()
        for path in ("/app/inbox/", "/app/settings/profile/", "/login/"):
            if path == "/login/":
                context.clear_cookies()
            page.goto(path)
            sizes = page.locator("input:not([type=hidden]), textarea, select").evaluate_all(
                "fields => fields.filter(({ type }) => type !== 'checkbox' && type !== 'radio')"
                ".map((field) => parseFloat(getComputedStyle(field).fontSize))"
            )
            assert sizes, path
            assert min(sizes) >= 16, path
