"""Roles, teams and reasons for every hand and eye; a conversation that moves out of sight."""

import pytest
from playwright.sync_api import Browser, Page, expect

from chat.models import Conversation
from chat.services import assign
from crm.core.permissions import Grant, Level, Module
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.models import CustomRole, Membership, Team
from crm.organizations.services.roles import create_role
from tests.browser.axe import violations
from tests.browser.inbox_pages import PHONE, logged_in, open_inbox, path_of
from tests.browser.looks import FIRST_LOOK, looks
from tests.browser.widths import assert_within
from tests.organizations.people import give, make_team, rights
from tests.servers import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def focused(page: Page) -> str:
    name: str = page.evaluate("() => document.activeElement.name ?? ''")
    return name


def test_role_is_copied_and_set_by_keyboard_alone(
    chromium: Browser, web_server: LiveServer, owner: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, owner, viewport=PHONE) as context:
        page = context.new_page()
        page.goto("/app/settings/roles/")
        page.get_by_label("Name").focus()
        page.keyboard.type("Night shift")
        page.keyboard.press("Tab")
        page.keyboard.type("Agent")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Night shift")
        page.get_by_label("Sees Inbox").focus()
        page.keyboard.type("Own")
        page.keyboard.press("Tab")
        assert focused(page) == "inbox_write"
        page.get_by_role("button", name="Save").press("Enter")
        expect(page.get_by_text("Nobody changes what they cannot see.")).to_be_visible()
        assert violations(page) == []
        page.get_by_label("Changes Inbox").focus()
        page.keyboard.type("Own")
        page.get_by_role("button", name="Save").press("Enter")
        expect(page.get_by_role("link", name="Night shift")).to_be_visible()
    role = CustomRole.objects.get()
    assert role.rights[Module.INBOX] == Grant(Level.OWN, Level.OWN)
    assert role.rights[Module.CUSTOMERS] == BUILT_IN["agent"][Module.CUSTOMERS]


def test_team_is_made_of_boxes(
    chromium: Browser, web_server: LiveServer, owner: Membership, agent: Membership
) -> None:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = context.new_page()
        page.goto("/app/settings/teams/")
        page.get_by_role("link", name="Make the first team").click()
        page.get_by_label("Name").fill("Night")
        page.get_by_label("Lead").select_option("Olga")
        page.get_by_label("Linh · Agent").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Save").press("Enter")
        expect(page.get_by_role("link", name="Night")).to_be_visible()
        expect(page.get_by_text("led by Olga")).to_be_visible()
    assert set(Team.objects.get().members.all()) == {owner, agent}


def test_pages_are_for_everybody(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    agent: Membership,
    conversation: Conversation,
) -> None:
    role = create_role(by=owner, name="Night shift", copied_from="agent")
    team = make_team("Night", owner, agent, lead=agent)
    with logged_in(chromium, web_server.base_url, owner, **FIRST_LOOK) as context:
        page = context.new_page()
        for path in (
            "/app/settings/roles/",
            "/app/settings/roles/supervisor/",
            f"/app/settings/roles/{role.pk}/",
            "/app/settings/teams/",
            "/app/settings/teams/new/",
            f"/app/settings/teams/{team.pk}/",
            f"/app/inbox/{conversation.pk}/access/?person={agent.pk}",
        ):
            page.goto(path)
            for look in looks(page):
                assert violations(page) == [], look
                assert_within(page)


@pytest.mark.parametrize(
    ("language", "titles"),
    [
        ("en", ("Roles", "Teams", "Why can this person see this?")),
        ("vi", ("Vai trò", "Nhóm", "Vì sao người này xem được?")),
        ("ru", ("Роли", "Команды", "Почему этот человек это видит?")),
    ],
)
def test_pages_speak_the_readers_language(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    conversation: Conversation,
    language: str,
    titles: tuple[str, str, str],
) -> None:
    owner.user.language_code = language
    owner.user.save(update_fields=["language_code"])
    pages = ("/app/settings/roles/", "/app/settings/teams/", f"{path_of(conversation)}access/")
    with logged_in(chromium, web_server.base_url, owner, viewport=PHONE) as context:
        page = context.new_page()
        for path, title in zip(pages, titles, strict=True):
            page.goto(path)
            expect(page.get_by_role("heading", level=1)).to_have_text(title)
            assert_within(page)


def test_conversation_that_is_given_away_closes_before_ones_eyes(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    agent: Membership,
    colleague: Membership,
    conversation: Conversation,
) -> None:
    named = {"organization_id": owner.organization_id, "conversation_id": conversation.pk}
    assign(**named, assignee_id=agent.user_id, by=owner)
    give(agent, rights(Module.INBOX, Level.OWN, Level.OWN))
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = open_inbox(context, path_of(conversation))
        expect(page.locator("#rows .row-item")).to_have_count(1)
        expect(page.get_by_role("link", name="Settings")).to_be_visible()
        expect(page.get_by_role("link", name="Knowledge")).to_have_count(0)
        assign(**named, assignee_id=colleague.user_id, by=owner)
        expect(page.get_by_text("This conversation is no longer yours to see.")).to_be_visible()
        expect(page.locator("#rows .row-item")).to_have_count(0)
        assign(**named, assignee_id=agent.user_id, by=owner)
        expect(page.locator("#rows .row-item")).to_have_count(1)


def test_administrator_is_led_from_a_conversation_to_its_reasons(
    chromium: Browser, web_server: LiveServer, owner: Membership, conversation: Conversation
) -> None:
    with logged_in(chromium, web_server.base_url, owner) as context:
        page = open_inbox(context, path_of(conversation, "?status=bot"))
        page.get_by_role("link", name="Who sees this conversation, and why?").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Why can this person see this?")
        expect(page.get_by_text("Yes: the role reaches every record")).to_have_count(2)


def test_what_one_may_only_read_offers_no_changes(
    chromium: Browser,
    web_server: LiveServer,
    owner: Membership,
    agent: Membership,
    colleague: Membership,
    conversation: Conversation,
) -> None:
    named = {"organization_id": owner.organization_id, "conversation_id": conversation.pk}
    assign(**named, assignee_id=colleague.user_id, by=owner)
    make_team("Night", agent, colleague)
    give(agent, rights(Module.INBOX, Level.TEAM, Level.OWN))
    with logged_in(chromium, web_server.base_url, agent) as context:
        page = open_inbox(context, path_of(conversation))
        expect(
            page.get_by_text("Somebody else answers here: your role may only read.")
        ).to_be_visible()
        expect(page.locator("#conversation-actions")).to_be_hidden()
        assign(**named, assignee_id=agent.user_id, by=owner)
        expect(page.locator("#conversation-actions")).to_be_visible()
        expect(page.locator("#composer-text")).to_be_enabled()
