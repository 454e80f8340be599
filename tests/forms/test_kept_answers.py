"""What is stored of a form's answer: of what was done alone, no more of it and no longer than it is
given again; and every submission is counted."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from crm.authentication.models import ApiKey
from crm.authentication.services.api_keys import MAX_KEYS, create_api_key
from crm.core.form_guard import idempotency
from crm.core.form_guard.idempotency import SHOWN_AGAIN_SECONDS
from crm.core.models import IdempotentRequest, Note
from crm.core.records import get_record
from crm.core.tasks import forget_form_answers
from crm.customers.models import Customer
from crm.organizations.models import Membership, Team
from tests.forms.browsers import browser, form_of

CUSTOMERS = get_record("customers")
FRAGMENT = {"HX-Request": "true"}
KEYS = "/app/settings/api-keys/"
TEAM = "/app/settings/teams/new/"


@pytest.fixture
def an(owner: Membership) -> Customer:
    return Customer.objects.create(organization=owner.organization, name="An", stage="customer")


@pytest.fixture
def client(owner: Membership) -> Client:
    return browser(owner)


def _dialog(client: Client, an: Customer) -> tuple[str, dict[str, Any]]:
    address = f"{CUSTOMERS.edit_url_of(an)}?field=name&columns=name,phone"
    return address, form_of(client.get(address, headers=FRAGMENT), "name")


def test_a_refused_dialog_is_not_stored_and_may_be_sent_again(client: Client, an: Customer) -> None:
    address, form = _dialog(client, an)
    refused = client.post(address, form | {"name": "x" * 900_000}, headers=FRAGMENT)
    assert refused.context["form"].errors["name"]
    assert not IdempotentRequest.objects.exists()
    assert (
        b"data-row-edited" in client.post(address, form | {"name": "Anh"}, headers=FRAGMENT).content
    )


def test_an_edited_row_is_answered_with_the_same_row_again(client: Client, an: Customer) -> None:
    address, form = _dialog(client, an)
    first = client.post(address, form | {"name": "Anh"}, headers=FRAGMENT)
    again = client.post(address, form | {"name": "Anh"}, headers=FRAGMENT)
    assert b"data-row-edited" in first.content
    assert again.content == first.content
    assert IdempotentRequest.objects.count() == 1


def test_a_refused_note_is_a_422_for_scripts_too_and_not_stored(
    client: Client, an: Customer
) -> None:
    address = CUSTOMERS.reverse("add_note", an.pk)
    form = form_of(client.get(CUSTOMERS.url_of(an)), "text") | {"text": "x" * 200_000}
    assert client.post(address, form, headers=FRAGMENT).status_code == 422
    page = client.post(address, form)
    assert page.status_code == 422
    assert b"<html" in page.content
    assert not IdempotentRequest.objects.exists()
    assert not Note.objects.exists()


def test_of_a_large_answer_is_stored_that_it_was_given(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEPT_BYTES", 1_000)
    form = form_of(client.get(KEYS), "lifetime") | {"name": "Shop", "scopes": ["inbox:read"]}
    assert client.post(KEYS, form).status_code == 201
    again = client.post(KEYS, form)
    assert (again.status_code, again.json()["code"]) == (409, "form_sent_before")
    assert ApiKey.objects.count() == 1
    assert IdempotentRequest.objects.get().body == ""


def test_a_new_key_beside_as_many_as_there_may_be_is_shown_again(
    owner: Membership, client: Client
) -> None:
    for number in range(MAX_KEYS - 1):
        create_api_key(by=owner, name=f"Shop {number}", scopes=["inbox:read"], expires_at=None)
    form = form_of(client.get(KEYS), "lifetime") | {"name": "Last", "scopes": ["inbox:read"]}
    first, again = client.post(KEYS, form), client.post(KEYS, form)
    assert first.status_code == 201
    assert again.content == first.content


def test_what_is_not_given_again_is_forgotten(client: Client) -> None:
    form = form_of(client.get(KEYS), "lifetime") | {"name": "Shop", "scopes": ["inbox:read"]}
    client.post(KEYS, form)
    page = IdempotentRequest.objects.get()
    client.post(TEAM, form_of(client.get(TEAM), "name") | {"name": "North"})
    rules = "/app/settings/log-in-rules/"
    client.post(rules, form_of(client.get(rules), "_version"))
    forget_form_answers()
    assert IdempotentRequest.objects.exclude(body="").count() == 3
    IdempotentRequest.objects.update(
        created_at=timezone.now() - timedelta(seconds=SHOWN_AGAIN_SECONDS + 1)
    )
    forget_form_answers()
    # Not even that the rules were saved. That a row was added stays known.
    left = list(IdempotentRequest.objects.order_by("created_at", "pk"))
    assert (left[0].pk, [each.body for each in left]) == (page.pk, ["", ""])
    again = client.post(KEYS, form)
    assert (again.status_code, again.json()["code"]) == (409, "form_sent_before")
    assert ApiKey.objects.count() == 1


def test_every_submission_is_counted_once(client: Client, an: Customer, settings: Any) -> None:
    """Also refused ones, and those of forms that do not count themselves."""
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"form.user": "3/3600"}
    team = form_of(client.get(TEAM), "name")
    address, form = _dialog(client, an)
    page = {"Accept": "text/html"}
    assert client.post(TEAM, team | {"name": ""}).status_code == 422
    refused = client.post(address, form | {"name": ""}, headers=FRAGMENT)
    assert refused.context["form"].errors["name"]
    assert client.post(TEAM, team | {"name": "North"}).status_code == 302
    over = client.post(TEAM, team | {"name": "South team"}, headers=page)
    assert over.status_code == 429
    assert "South team" in over.content.decode()
    over = client.post(CUSTOMERS.edit_url_of(an), form | {"name": ""})
    assert over.status_code == 429
    assert Team.objects.count() == 1
