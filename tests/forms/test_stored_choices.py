"""A select offers what is stored: saving a form for another field changes nothing else."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from crm.authentication.models.session import SecuritySettings
from crm.core.forms import keep_stored_choices
from crm.core.timezones import validate_zone
from crm.organizations.models import Membership, Organization, User
from tests.conftest import PASSWORD
from tests.forms.browsers import form_of

GONE = "Mars/Olympus_Mons"


@pytest.fixture
def page(owner: Membership) -> Client:
    client = Client()
    client.force_login(owner.user)
    return client


def sent_by_a_browser(page: Client, url: str, **changed: str) -> dict[str, Any]:
    """Return what a browser sends of a form that is shown: of a select, what is selected."""
    form = page.get(url).context["form"]
    data: dict[str, Any] = {"_version": str(form.edited_version)}
    for bound in form:
        choices = [str(key) for key, _label in getattr(bound.field, "choices", [])]
        value = str(bound.value() or "")
        data[bound.html_name] = value if not choices or value in choices else choices[0]
    return data | changed


@pytest.mark.parametrize("zone", [GONE, "US/Eastern", "EST5EDT"])
@pytest.mark.parametrize("name", ["profile", "organization"])
def test_stored_zone_and_language_stay_when_another_field_is_saved(
    page: Client, owner: Membership, name: str, zone: str
) -> None:
    record = owner.user if name == "profile" else owner.organization
    type(record)._default_manager.filter(pk=record.pk).update(timezone=zone, language_code="de")
    url = reverse(f"organizations:{name}")
    answer = page.post(url, sent_by_a_browser(page, url, name="Other"))
    assert answer.status_code == 302, answer.context["form"].errors
    record.refresh_from_db()
    assert (record.name, record.timezone, record.language_code) == ("Other", zone, "de")


@pytest.mark.parametrize("name", ["profile", "organization"])
def test_what_is_neither_stored_nor_listed_is_no_choice(
    page: Client, owner: Membership, name: str
) -> None:
    url = reverse(f"organizations:{name}")
    for field, value in (("timezone", GONE), ("language_code", "de")):
        answer = page.post(url, sent_by_a_browser(page, url, **{field: value}))
        assert field in answer.context["form"].errors


def test_operator_is_shown_what_is_stored_and_stores_no_zone_that_is_none(
    db: None, stores_clean: None, organization: Organization, agent: Membership
) -> None:
    operator = Client()
    operator.force_login(
        User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    )
    for model, record in (("organization", organization), ("user", agent.user)):
        type(record)._default_manager.filter(pk=record.pk).update(language_code="de")
        url = reverse(f"admin:organizations_{model}_change", args=[record.pk])
        form = operator.get(url).context["adminform"].form
        assert ("de", "de") in form.fields["language_code"].choices
        sent = {"name": "Other", "language_code": "en", "timezone": GONE, "currency": "USD"}
        answer = operator.post(url, sent | {"memberships-TOTAL_FORMS": "0"})
        assert set(answer.context["adminform"].form.errors) == {"timezone"}
        sent |= {"language_code": "xx", "timezone": "Asia/Ho_Chi_Minh"}
        answer = operator.post(url, sent)
        assert set(answer.context["adminform"].form.errors) == {"language_code"}
        record.refresh_from_db()
        assert (record.name != "Other", record.timezone) == (True, "UTC")


@pytest.mark.parametrize("name", ["", GONE, "\x00", "utc ", "../etc/passwd", "UTC\n"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        validate_zone(name)


def test_rules_of_log_in_keep_what_is_stored(page: Client, owner: Membership) -> None:
    SecuritySettings.objects.update_or_create(
        organization=owner.organization, defaults={"session_hours": 36}
    )
    form = page.get(reverse("authentication:log_in_rules")).context["form"]
    keep_stored_choices(form)
    choices = [key for key, _label in form.fields["session_hours"].choices]
    assert choices.count(36) == 1


def test_stored_value_that_a_younger_rule_refuses_stops_no_other_edit(
    page: Client, owner: Membership
) -> None:
    User.objects.filter(pk=owner.user_id).update(phone="ask Nora, ext. 12")
    url = reverse("organizations:profile")
    saved = page.post(url, sent_by_a_browser(page, url, name="Other"))
    assert saved.status_code == 302, saved.context["form"].errors
    owner.user.refresh_from_db()
    assert (owner.user.name, owner.user.phone) == ("Other", "ask Nora, ext. 12")
    refused = page.post(url, sent_by_a_browser(page, url, phone="ask Otto"))
    assert list(refused.context["form"].errors) == ["phone"]


def test_operator_stores_numbers_as_everybody_does_and_is_stopped_by_no_older_one(
    client: Client, owner: Membership
) -> None:
    operator = User.objects.create_superuser("operator@nextflow.example", PASSWORD, name="Op")
    client.force_login(operator)
    url = reverse("admin:organizations_user_change", args=[owner.user_id])

    def post(**changed: str) -> Any:
        form = form_of(client.get(url), "phone")
        return client.post(url, form | {name: [value] for name, value in changed.items()})

    assert post(phone="\u202a\uff0b84\u00a024\u20111234").status_code == 302
    owner.user.refresh_from_db()
    assert owner.user.phone == "+84 24-1234"
    assert list(post(phone="ask Nora").context["adminform"].form.errors) == ["phone"]
    User.objects.filter(pk=owner.user_id).update(phone="ask Nora")
    assert post(name="Other").status_code == 302
    owner.user.refresh_from_db()
    assert (owner.user.name, owner.user.phone) == ("Other", "ask Nora")
