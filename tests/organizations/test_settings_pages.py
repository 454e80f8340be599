"""The settings: one navigation, one's own profile, and the organization's general page."""

import pytest
from django.test import Client
from django.urls import reverse

from crm.organizations.models import Membership, Organization, User

PROFILE = reverse("organizations:profile")
ORGANIZATION = reverse("organizations:organization")
INDEX = reverse("organizations:settings")


@pytest.fixture
def logged_in(client: Client, agent: Membership) -> Client:
    client.force_login(agent.user)
    return client


def profile(**changes: str) -> dict[str, str]:
    return {
        "name": "Linh Tran",
        "phone": "+84 24 1234 5678",
        "language_code": "vi",
        "timezone": "Asia/Ho_Chi_Minh",
        "_version": "1",
        **changes,
    }


def test_pages_are_offered_and_the_current_one_is_marked(logged_in: Client) -> None:
    assert f'href="{PROFILE}"' in logged_in.get(INDEX).content.decode()
    page = logged_in.get(PROFILE).content.decode()
    assert f'<a href="{PROFILE}" aria-current="page">' in page
    assert f'<a href="{ORGANIZATION}">' in page


@pytest.mark.parametrize("url", [INDEX, PROFILE, ORGANIZATION])
def test_pages_are_for_people_who_are_logged_in(client: Client, db: None, url: str) -> None:
    assert client.get(url)["Location"] == f"/login/?next={url}"


def test_profile_is_changed_and_the_pages_follow_its_language(logged_in: Client) -> None:
    answer = logged_in.post(PROFILE, profile())
    assert (answer.status_code, answer["Location"]) == (302, PROFILE)
    user = User.objects.get(name="Linh Tran")
    assert (user.phone, user.language_code) == ("+84 24 1234 5678", "vi")
    assert user.timezone == "Asia/Ho_Chi_Minh"
    assert '<html lang="vi">' in logged_in.get(PROFILE).content.decode()


def test_a_phone_number_of_a_typesetter_is_taken(logged_in: Client, agent: Membership) -> None:
    assert logged_in.post(PROFILE, profile(phone="+7 495 123\u201145\u201367")).status_code == 302
    agent.user.refresh_from_db()
    assert agent.user.phone == "+7 495 123-45-67"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 256),
        ("phone", "call me"),
        ("language_code", "tlh"),
        ("timezone", "Mars/Olympus"),
    ],
)
def test_bad_values_are_named_and_change_nothing(
    logged_in: Client, agent: Membership, field: str, value: str
) -> None:
    answer = logged_in.post(PROFILE, profile(**{field: value}))
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    agent.user.refresh_from_db()
    assert agent.user.name == "Linh"


def test_fields_that_are_not_in_the_form_are_not_taken(
    logged_in: Client, agent: Membership
) -> None:
    logged_in.post(PROFILE, profile(is_staff="on", is_superuser="on", email="root@evil.example"))
    agent.user.refresh_from_db()
    assert agent.user.name == "Linh Tran"
    assert (agent.user.is_staff, agent.user.is_superuser) == (False, False)
    assert agent.user.email == "linh@sunbean.example"


def test_owner_changes_the_organization_and_others_do_not(
    client: Client, owner: Membership, agent: Membership
) -> None:
    wanted = {"name": "Sunbean Coffee", "language_code": "ru", "timezone": "Europe/Berlin"}
    wanted |= {"currency": "VND"}
    wanted["_version"] = str(owner.organization.version)
    client.force_login(agent.user)
    assert "Save" not in client.get(ORGANIZATION).content.decode()
    assert client.post(ORGANIZATION, wanted).status_code == 403
    assert Organization.objects.get().name == "Sunbean"
    client.force_login(owner.user)
    assert client.post(ORGANIZATION, wanted).status_code == 302
    changed = Organization.objects.get()
    assert (changed.name, changed.language_code) == ("Sunbean Coffee", "ru")
    assert (changed.timezone, changed.slug) == ("Europe/Berlin", "sunbean")
    assert changed.currency == "VND"


def test_person_without_an_organization_still_has_a_profile(client: Client, db: None) -> None:
    user = User.objects.create_user("solo@sunbean.example", "correct horse battery", name="Solo")
    client.force_login(user)
    page = client.get(PROFILE)
    assert page.status_code == 200
    assert ORGANIZATION not in page.content.decode()
    assert client.get(ORGANIZATION).status_code == 302
