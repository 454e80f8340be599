"""The operator's admin in a browser that keeps to its policy, and the banner over an inbox."""

import re
from collections.abc import Iterator

import pytest
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from chat.models import Conversation
from crm.authentication.models import Impersonation
from crm.organizations.models import Membership, Role, User
from tests.browser.inbox_pages import DESK, PHONE, logged_in, serious_faults
from tests.browser.looks import schemes
from tests.browser.widths import assert_within
from tests.conftest import PASSWORD
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REASON = "Ticket 4711: the list stays empty"


@pytest.fixture
def root(transactional_db: None, stores_clean: None) -> Membership:
    """An operator, who belongs to no organization."""
    user = User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    return Membership(user=user, role=Role.VIEWER)


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What the browser refused, or asked elsewhere: nothing, at the end."""
    found: list[str] = []
    yield found
    assert found == []


def watched(context: BrowserContext, faults: list[str], base: str) -> Page:
    page = context.new_page()
    page.on("console", lambda told: _note(faults, told.type, told.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda asked: _note_outside(faults, asked.url, base))
    return page


def screens(page: Page) -> Iterator[ViewportSize]:
    """Show the page on a phone, as it was loaded, and at a desk."""
    for screen in (PHONE, DESK):
        page.set_viewport_size(screen)
        yield screen
    page.set_viewport_size(PHONE)


def _note(faults: list[str], kind: str, text: str) -> None:
    # A page that is refused on purpose is told to the console as well.
    if kind == "error" and "status of 403" not in text:
        faults.append(text)


def _note_outside(faults: list[str], url: str, base: str) -> None:
    if not url.startswith((base, "data:")):
        faults.append(f"outside: {url}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_work_under_the_policy(
    chromium: Browser,
    web_server: LiveServer,
    root: Membership,
    agent: Membership,
    faults: list[str],
    scheme: str,
) -> None:
    base = web_server.base_url
    with logged_in(chromium, base, root, viewport=PHONE, color_scheme=scheme) as context:
        page = watched(context, faults, base)
        page.goto(reverse("admin:index"))
        for _screen in screens(page):
            expect(page.get_by_role("heading", name="Stores", exact=True)).to_be_visible()
            assert serious_faults(page, within=".overview") == []
            assert_within(page)
        for name in ("organizations_organization", "organizations_user", "compliance_auditentry"):
            page.goto(reverse(f"admin:{name}_changelist"))
            for _screen in screens(page):
                expect(page.locator("#result_list")).to_be_visible()
                assert_within(page)
        page.goto(reverse("admin:django_celery_beat_periodictask_changelist"))
        page.goto(reverse("admin:organizations_user_change", args=[agent.user_id]))
        for _screen in screens(page):
            expect(page.get_by_role("link", name="Switch off")).to_be_visible()
            assert_within(page)
        page.goto(reverse("admin:organizations_user_deactivate", args=[agent.user_id]))
        for _screen in screens(page):
            assert serious_faults(page, within=".console-ask") == []
            assert_within(page)
        # What scripts do works too: a choice that is looked up while one types.
        page.goto(reverse("admin:organizations_membership_add"))
        for _screen in screens(page):
            page.locator(".select2-selection").first.click()
            expect(page.get_by_role("option", name="Sunbean")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.get_by_role("option", name="Sunbean")).to_have_count(0)


PRESSED_TWICE = """() => {
  const button = document.querySelector("[name=_save]");
  button.click();
  button.click();
}"""


def test_a_second_press_of_save_sends_nothing_more(
    chromium: Browser, web_server: LiveServer, root: Membership, faults: list[str]
) -> None:
    base = web_server.base_url
    with logged_in(chromium, base, root) as context:
        page = watched(context, faults, base)
        sent: list[str] = []
        page.on("request", lambda each: sent.append(each.method) if each.method == "POST" else None)
        page.goto(reverse("admin:django_celery_beat_crontabschedule_add"))
        page.evaluate(PRESSED_TWICE)
        expect(page.locator(".messagelist, [role=alert], #changelist").first).to_be_visible()
        assert sent == ["POST"]
        assert CrontabSchedule.objects.count() == 1


@pytest.mark.parametrize(
    ("viewport", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"]
)
def test_an_operator_looks_around_under_a_banner_and_stops(
    chromium: Browser,
    web_server: LiveServer,
    root: Membership,
    agent: Membership,
    conversation: Conversation,
    faults: list[str],
    viewport: dict[str, int],
    scheme: str,
) -> None:
    base = web_server.base_url
    options = {"viewport": viewport, "color_scheme": scheme}
    member = reverse("admin:organizations_membership_change", args=[agent.pk])
    with logged_in(chromium, base, root, **options) as context:
        page = watched(context, faults, base)
        page.goto(member)
        page.get_by_role("link", name="See the application as them").click()
        page.get_by_label("Reason").fill(REASON)
        page.get_by_role("button", name="See the application as them").click()
        banner = page.get_by_role("region", name="You see this as somebody else")
        expect(banner).to_contain_text("Linh, Sunbean")
        expect(banner).to_contain_text(REASON)
        for look in schemes(page):
            # Above everything, and the page below is whole: nothing is covered or scrolls off.
            top = banner.bounding_box()
            below = page.locator(".shell").bounding_box()
            assert top is not None
            assert below is not None
            assert top["y"] == 0
            assert abs(below["y"] - top["height"]) <= 1
            assert below["y"] + below["height"] <= viewport["height"] + 1
            assert_within(page)
            assert serious_faults(page) == [], look
        page.goto(reverse("chat:inbox_conversation", args=[conversation.pk]))
        expect(page.get_by_text("Do you ship to Manila?").first).to_be_visible()
        expect(page.locator("#composer")).to_be_hidden()
        for name in ("organizations:profile", "knowledge:list", "mfa_index"):
            page.goto(reverse(name))
            for _look in schemes(page):
                expect(banner).to_be_visible()
                assert_within(page)
        banner.get_by_role("button", name="Stop").click()
        expect(page).to_have_url(re.compile(re.escape(member)))
    assert Impersonation.objects.get().ended_because == "stopped"
