"""Sound, desktop notification, title and icon: once, and not for what one is looking at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from chat.models import Conversation
from chat.services import escalate
from chat.services.alerts import alert_settings, change_alert_settings
from crm.organizations.models import Membership
from tests.browser.inbox_pages import customer_says, logged_in, open_inbox, path_of
from tests.servers import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)

# The browser's own sound and notifications, written down instead of played and shown.
LISTEN = """
  window.rung = 0;
  window.shown = [];
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) {
    window.rung += 1;
    return start.apply(this, when);
  };
  window.Notification = class extends EventTarget {
    static permission = "granted";
    static requestPermission() {
      window.asked = (window.asked ?? 0) + 1;
      Notification.permission = "denied";
      return Promise.resolve("denied");
    }
    constructor(title, options) {
      super();
      window.shown.push([title, options.body]);
      this.onopen = () => this.dispatchEvent(new Event("click"));
      window.last = this;
    }
    close() {}
  };
"""
AWAY = "() => { document.hasFocus = () => false; }"
NOTES = 2


@pytest.fixture
def desk(chromium: Browser, web_server: LiveServer, agent: Membership) -> Iterator[BrowserContext]:
    change_alert_settings(by=agent, sound=True, desktop=True, email=True, email_after_minutes=5)
    with logged_in(chromium, web_server.base_url, agent) as context:
        context.add_init_script(LISTEN)
        yield context


def rung(page: Page) -> int:
    return page.evaluate("() => window.rung")


def used(page: Page) -> None:
    """Do something on the page: browsers allow no sound before."""
    page.locator("#inbox-title").click()


def test_one_of_two_tabs_rings_and_shows_a_notification(
    desk: BrowserContext, taken: Conversation
) -> None:
    pages = [open_inbox(desk), open_inbox(desk)]
    for page in pages:
        used(page)
        page.evaluate(AWAY)
    customer_says(taken, "Anybody there?", "there")
    for page in pages:
        expect(page.locator("#rows .row-last")).to_have_text("Anybody there?")
    first, second = pages
    first.wait_for_function(
        "() => Object.keys(localStorage).some((key) => key.startsWith('nextflow-alerted'))"
    )
    # Whoever was not first has nothing to tell; half a second is what the slower one waits.
    first.wait_for_timeout(1_500)
    assert rung(first) + rung(second) == NOTES
    shown = [each for page in pages for each in page.evaluate("() => window.shown")]
    assert shown == [["Minh", "Anybody there?"]]
    teller = next(page for page in pages if page.evaluate("() => window.shown.length"))
    teller.evaluate("() => window.last.onopen()")
    expect(teller.locator("#conversation-name")).to_have_text("Minh")


def test_hand_over_rings_and_the_bots_talk_does_not(
    desk: BrowserContext, conversation: Conversation
) -> None:
    page = open_inbox(desk, "/app/inbox/?status=bot")
    used(page)
    page.evaluate(AWAY)
    customer_says(conversation, "Are you a robot?", "robot")
    expect(page.locator("#rows .row-last")).to_have_text("Are you a robot?")
    page.wait_for_timeout(1_000)
    assert rung(page) == 0
    escalate(
        organization_id=conversation.organization_id,
        conversation_id=conversation.pk,
        reason="asked",
    )
    page.wait_for_function("() => window.rung > 0")
    assert page.evaluate("() => window.shown") == [["Minh", "Are you a robot?"]]


def test_what_one_is_looking_at_rings_nowhere(desk: BrowserContext, taken: Conversation) -> None:
    behind = open_inbox(desk)
    used(behind)
    behind.evaluate(AWAY)
    page = open_inbox(desk, path_of(taken))
    used(page)
    customer_says(taken, "Anybody there?", "there")
    expect(page.locator("#log")).to_contain_text("Anybody there?")
    expect(behind.locator("#rows .row-last")).to_have_text("Anybody there?")
    behind.wait_for_timeout(1_500)
    assert rung(page) + rung(behind) == 0
    assert behind.evaluate("() => window.shown") == []


def test_a_tab_that_hears_late_of_what_it_shows_keeps_the_others_silent(
    desk: BrowserContext, taken: Conversation
) -> None:
    behind = open_inbox(desk)
    used(behind)
    behind.evaluate(AWAY)
    deaf = desk.new_page()
    deaf.route_web_socket("**/ws/inbox/", lambda socket: None)
    deaf.goto(path_of(taken))
    deaf.wait_for_function("async () => (await navigator.locks.query()).held.length > 0")
    customer_says(taken, "Anybody there?", "there")
    expect(behind.locator("#rows .row-last")).to_have_text("Anybody there?")
    behind.wait_for_timeout(1_500)
    assert rung(behind) == 0
    # Whoever looks elsewhere is told again.
    deaf.locator('[data-action="back"]').evaluate("(button) => button.click()")
    deaf.wait_for_function("async () => (await navigator.locks.query()).held.length === 0")
    customer_says(taken, "Hello?", "hello")
    behind.wait_for_function("() => window.rung > 0")


def test_switched_off_is_silent(
    desk: BrowserContext, taken: Conversation, agent: Membership
) -> None:
    change_alert_settings(by=agent, sound=False, desktop=False, email=True, email_after_minutes=5)
    page = open_inbox(desk)
    used(page)
    page.evaluate(AWAY)
    customer_says(taken, "Anybody there?", "there")
    expect(page.locator("#rows .row-last")).to_have_text("Anybody there?")
    page.wait_for_timeout(1_500)
    assert (rung(page), page.evaluate("() => window.shown")) == (0, [])


def test_button_of_the_inbox_switches_the_sound_off_and_on(
    desk: BrowserContext, taken: Conversation, agent: Membership
) -> None:
    page, other = open_inbox(desk), open_inbox(desk)
    page.bring_to_front()
    button = page.get_by_role("button", name="Sound when a customer writes")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.focus()
    with page.expect_response("**/api/v1/inbox/alerts"):
        page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(button).to_have_attribute("title", "Sound is off")
    # Every other tab of this person is silent as well.
    expect(other.locator("#sound-button")).to_have_attribute("aria-pressed", "false")
    own = alert_settings(agent)
    assert (own.sound, own.desktop) == (False, True)
    for each in (page, other):
        each.evaluate(AWAY)
    customer_says(taken, "Anybody there?", "there")
    page.wait_for_timeout(1_500)
    assert rung(page) + rung(other) == 0
    page.reload()
    expect(button).to_have_attribute("aria-pressed", "false")
    with page.expect_response("**/api/v1/inbox/alerts"):
        button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    # Whoever switches it on hears it.
    page.wait_for_function(f"() => window.rung === {NOTES}")
    assert alert_settings(agent).sound


def test_switch_that_was_not_saved_goes_back_and_says_so(
    desk: BrowserContext, taken: Conversation, agent: Membership
) -> None:
    page = open_inbox(desk)
    page.route("**/api/v1/inbox/alerts", lambda route: route.abort("connectionfailed"))
    page.locator("#sound-button").click()
    expect(page.locator(".toast-line")).to_contain_text("No connection to the server")
    expect(page.locator("#sound-button")).to_have_attribute("aria-pressed", "true")
    assert alert_settings(agent).sound


def test_tab_shows_how_many_are_unread(desk: BrowserContext, taken: Conversation) -> None:
    page = open_inbox(desk)
    expect(page).to_have_title("(1) Inbox · NextFlow")
    icon = page.locator('link[rel="icon"]')
    assert "mark-unread" in str(icon.get_attribute("href"))
    page.locator("#rows a").click()
    expect(page).to_have_title("Minh · NextFlow")
    assert "mark-unread" not in str(icon.get_attribute("href"))
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page).to_have_title("Inbox · NextFlow")
    customer_says(taken, "One more", "more")
    expect(page).to_have_title("(1) Inbox · NextFlow")


def test_browser_is_asked_on_a_click_only(desk: BrowserContext, agent: Membership) -> None:
    change_alert_settings(by=agent, sound=True, desktop=False, email=True, email_after_minutes=5)
    desk.add_init_script("Notification.permission = 'default';")
    page = desk.new_page()
    page.goto("/app/settings/notifications/")
    page.get_by_role("button", name="Play it").click()
    page.wait_for_function("() => window.rung > 0")
    assert page.evaluate("() => window.asked ?? 0") == 0
    page.get_by_label("Show desktop notifications").check()
    expect(page.locator("#desktop-told")).to_contain_text("This browser blocks notifications")
    assert page.evaluate("() => window.asked") == 1
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Show desktop notifications")).to_be_checked()
