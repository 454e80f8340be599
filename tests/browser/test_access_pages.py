"""Where one is logged in, and API keys, as people use them: two browsers, live."""

import json
import re
import urllib.error
import urllib.request

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from crm.authentication.models import ApiKey, ApiKeySecret, UserSession
from crm.organizations.models import Membership
from tests.browser.inbox_pages import logged_in, open_inbox, serious_faults
from tests.browser.looks import FIRST_LOOK, looks
from tests.browser.widths import assert_within
from tests.patience import PATIENCE
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SESSIONS = reverse("authentication:sessions")
KEYS = reverse("authentication:api_keys_page")


def test_a_session_that_is_ended_is_thrown_out_live(
    chromium: Browser, web_server: LiveServer, agent: Membership
) -> None:
    base = web_server.base_url
    with (
        logged_in(chromium, base, agent) as mine,
        logged_in(chromium, base, agent) as theirs,
    ):
        inbox = open_inbox(theirs)
        page = mine.new_page()
        page.goto(SESSIONS)
        rows = page.get_by_role("list", name="Browsers").get_by_role("listitem")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("this browser")
        rows.last.get_by_role("button", name="Log out there").click()
        expect(page.get_by_text("Logged out there.")).to_be_visible()
        expect(rows).to_have_count(1)
        # The other browser is thrown out without a click.
        expect(inbox).to_have_url(re.compile("/login/"))
    assert UserSession.objects.live().count() == 1


def test_the_pages_are_usable_by_everybody(
    chromium: Browser, web_server: LiveServer, owner: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, owner, **FIRST_LOOK) as context:
        page = context.new_page()
        for name in (
            "authentication:sessions",
            "authentication:log_in_rules",
            "authentication:api_keys_page",
            "chat:visitor_identity",
        ):
            page.goto(reverse(name))
            for look in looks(page):
                assert serious_faults(page) == [], look
                assert_within(page)


def test_a_key_is_made_copied_used_rotated_and_revoked(
    chromium: Browser, web_server: LiveServer, owner: Membership
) -> None:
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    with logged_in(chromium, web_server.base_url, owner, **options) as context:
        page = context.new_page()
        page.goto(KEYS)
        page.get_by_label("Name", exact=True).fill("Web shop")
        page.get_by_role("checkbox", name="inbox:read").check()
        page.get_by_role("button", name="Create key").click()
        shown = page.locator("#new-key")
        first = shown.inner_text()
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == first
        assert status_of(web_server, first) == 200

        page.goto(KEYS)
        expect(shown).to_have_count(0)
        assert first not in page.content()
        page.get_by_role("button", name="Rotate Web shop").click()
        second = shown.inner_text()
        assert [status_of(web_server, key) for key in (first, second)] == [200, 200]
        old = ApiKeySecret.objects.order_by("created_at")[0].prefix
        page.locator("summary", has_text=f"End this one {old}").click()
        page.get_by_role("button", name=f"Yes: End this one {old}").click()
        expect(page.get_by_text("The old secret opens nothing any more.")).to_be_visible()
        assert [status_of(web_server, key) for key in (first, second)] == [401, 200]

        page.locator("summary", has_text="Revoke Web shop").click()
        expect(page.get_by_text("This cannot be undone.").last).to_be_visible()
        page.get_by_role("button", name="Yes: Revoke Web shop").click()
        expect(page.get_by_text("No keys yet.")).to_be_visible()
        assert status_of(web_server, second) == 401
    assert ApiKey.objects.get().revoked_at is not None


def status_of(server: LiveServer, key: str) -> int:
    request = urllib.request.Request(
        f"{server.base_url}/api/v1/conversations", headers={"Authorization": f"Bearer {key}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            assert "results" in json.load(answer)
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
