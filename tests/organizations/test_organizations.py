"""As whom a session runs, and in which language."""

import json

import pytest
from django.conf import settings
from django.forms import Form
from django.test import Client
from django.urls import reverse

from crm.authentication.forms.login import LanguageForm, TimezoneForm
from crm.organizations.models import Membership, Organization, Role, User
from crm.organizations.services.members import update_profile
from tests.conftest import PASSWORD

INBOX = reverse("chat:inbox")
SWITCH = reverse("authentication:switch_organization")


@pytest.fixture
def in_both(agent: Membership, stranger_organization: Organization) -> Membership:
    """The agent's membership in the other organization."""
    return Membership.objects.create(
        organization=stranger_organization, user=agent.user, role=Role.VIEWER
    )


def shown_organization(client: Client) -> str:
    return client.get(INBOX).context["state"]["me"]["organization"]


def test_session_starts_in_the_oldest_membership(
    client: Client, agent: Membership, in_both: Membership
) -> None:
    client.force_login(agent.user)
    assert shown_organization(client) == str(agent.organization_id)


def test_switching_lasts(client: Client, agent: Membership, in_both: Membership) -> None:
    client.force_login(agent.user)
    answer = client.post(SWITCH, {"organization": in_both.organization_id})
    assert (answer.status_code, answer["Location"]) == (302, INBOX)
    assert shown_organization(client) == str(in_both.organization_id)
    assert client.get(INBOX).context["state"]["me"]["may_answer"] is False


@pytest.mark.parametrize("given", ["foreign", "unknown", "nonsense"])
def test_other_organizations_do_not_exist(
    client: Client, agent: Membership, stranger_organization: Organization, given: str
) -> None:
    target = {
        "foreign": str(stranger_organization.pk),
        "unknown": "01890000-0000-7000-8000-000000000000",
        "nonsense": "x' OR 1=1",
    }[given]
    client.force_login(agent.user)
    answer = client.post(SWITCH, {"organization": target})
    assert (answer.status_code, answer.json()["code"]) == (404, "organization_not_found")
    assert shown_organization(client) == str(agent.organization_id)


def test_inactive_membership_cannot_be_chosen_nor_kept(
    client: Client, agent: Membership, in_both: Membership
) -> None:
    client.force_login(agent.user)
    client.post(SWITCH, {"organization": in_both.organization_id})
    Membership.objects.filter(pk=in_both.pk).update(is_active=False)
    assert shown_organization(client) == str(agent.organization_id)
    assert client.post(SWITCH, {"organization": in_both.organization_id}).status_code == 404


def test_menu_offers_every_organization(
    client: Client, agent: Membership, in_both: Membership
) -> None:
    client.force_login(agent.user)
    page = client.get(INBOX).content.decode()
    assert f'value="{in_both.organization_id}"' in page
    assert f'value="{agent.organization_id}" aria-current="true"' in page


def test_person_without_organization_is_told_what_to_do(client: Client, db: None) -> None:
    user = User.objects.create_user("new@sunbean.example", PASSWORD, name="New")
    client.force_login(user)
    page = reverse("authentication:no_organization")
    assert client.get(INBOX)["Location"] == page
    told = client.get(page)
    assert told.status_code == 403
    assert "You do not belong to an organization yet" in told.content.decode()
    assert user.email in told.content.decode()
    asked = client.get(reverse("chat:inbox_conversations"))
    assert (asked.status_code, asked.json()["code"]) == (403, "no_organization")


def test_member_does_not_see_the_page_for_people_without(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    assert client.get(reverse("authentication:no_organization"))["Location"] == INBOX


@pytest.mark.parametrize(("code", "word"), [("vi", "Hộp thư"), ("ru", "Входящие"), ("en", "Inbox")])
def test_language_is_kept_on_the_person(
    client: Client, agent: Membership, code: str, word: str
) -> None:
    client.force_login(agent.user)
    answer = client.post(reverse("authentication:set_language"), {"language": code, "next": INBOX})
    assert answer["Location"] == INBOX
    assert User.objects.get(pk=agent.user_id).language_code == code
    page = client.get(INBOX).content.decode()
    assert f'<html lang="{code}">' in page
    assert word in page


def test_language_comes_back_with_the_person(client: Client, agent: Membership) -> None:
    User.objects.filter(pk=agent.user_id).update(language_code="vi")
    log_in = reverse("authentication:log_in")
    answer = client.post(log_in, {"email": agent.user.email, "password": PASSWORD})
    assert answer.cookies[settings.LANGUAGE_COOKIE_NAME].value == "vi"


def test_visitor_of_the_log_in_page_may_choose_a_language(client: Client, db: None) -> None:
    log_in = reverse("authentication:log_in")
    client.post(reverse("authentication:set_language"), {"language": "ru", "next": log_in})
    assert "Войти" in client.get(log_in).content.decode()


def test_unknown_language_and_foreign_target_are_refused(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    url = reverse("authentication:set_language")
    assert client.post(url, {"language": "xx"}).json()["code"] == "invalid"
    answer = client.post(url, {"language": "vi", "next": "https://evil.example/"})
    assert answer["Location"] == INBOX


def test_time_zone_is_kept_and_must_exist(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    url = reverse("authentication:set_timezone")
    assert client.post(url, {"timezone": "Asia/Ho_Chi_Minh", "next": INBOX})["Location"] == INBOX
    assert client.get(INBOX).context["state"]["timezone"] == "Asia/Ho_Chi_Minh"
    assert client.post(url, {"timezone": "Mars/Olympus"}).json()["code"] == "invalid"
    assert client.post(url, {"timezone": "../../etc/passwd"}).json()["code"] == "invalid"
    assert User.objects.get(pk=agent.user_id).timezone == "Asia/Ho_Chi_Minh"


@pytest.mark.parametrize(
    ("name", "form", "chosen"),
    [
        ("set_language", LanguageForm, {"language": "vi"}),
        ("set_timezone", TimezoneForm, {"timezone": "Asia/Ho_Chi_Minh"}),
    ],
)
def test_a_choice_of_the_menu_meets_an_edit_of_the_profile(
    client: Client,
    agent: Membership,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    form: type[Form],
    chosen: dict[str, str],
) -> None:
    """Both change other things of the person, who is not asked to compare them."""

    class Edited(form):  # type: ignore[valid-type, misc]
        def is_valid(self) -> bool:
            # Between the reading of the person and the change.
            update_profile(user_id=agent.user_id, phone="+84 24 1234")
            return bool(super().is_valid())

    monkeypatch.setattr(f"crm.authentication.views.login.{form.__name__}", Edited)
    client.force_login(agent.user)
    answer = client.post(reverse(f"authentication:{name}"), chosen | {"next": INBOX})
    assert answer.status_code == 302
    person = User.objects.get(pk=agent.user_id)
    assert person.phone == "+84 24 1234"
    assert {person.language_code, person.timezone} >= set(chosen.values())


def test_another_address_is_no_edit_of_the_profile(agent: Membership) -> None:
    """It changes the text by which one is found, too."""
    person, version = agent.user, agent.user.version
    person.email = "new@sunbean.example"
    person.save(update_fields=["email", "updated_at"])
    found = User.objects.get(pk=person.pk)
    assert found.search_text.endswith("new@sunbean.example")
    assert found.version == version


def test_texts_of_scripts_are_in_the_pages_language(client: Client, agent: Membership) -> None:
    client.force_login(agent.user)
    client.post(reverse("authentication:set_language"), {"language": "ru"})
    script = client.get(reverse("core:javascript_catalog"))
    assert script["Content-Type"].startswith("text/javascript")
    assert json.dumps("Отправляется…") in script.content.decode()
