"""The pages of API keys: who sees and changes what, and what is refused in words."""

import pytest
from django.test import Client
from django.urls import reverse

from crm.authentication.models import ApiKey
from crm.authentication.services.api_keys import create_api_key
from crm.organizations.models import Membership

KEYS = reverse("authentication:api_keys_page")


def test_a_key_without_scopes_is_not_made_and_what_was_typed_stays(
    client: Client, owner: Membership
) -> None:
    client.force_login(owner.user)
    answer = client.post(KEYS, {"name": "Web shop", "lifetime": "30"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Choose at least one thing" in page
    assert 'value="Web shop"' in page
    assert f'href="{reverse("api:reference")}"' in page
    assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("days", ["-1", "1000000", "x", ""])
def test_a_lifetime_that_is_none_is_refused(client: Client, owner: Membership, days: str) -> None:
    client.force_login(owner.user)
    form = {"name": "Shop", "lifetime": days, "scopes": ["inbox:read"]}
    assert client.post(KEYS, form).status_code == 400
    assert ApiKey.objects.count() == 0


def test_agents_see_no_keys_and_strangers_end_none(
    client: Client, owner: Membership, agent: Membership, stranger: Membership
) -> None:
    made = create_api_key(by=owner, name="Shop", scopes=["inbox:read"], expires_at=None)
    end = reverse("authentication:end_api_key", args=[made.key.pk])
    client.force_login(agent.user)
    assert client.get(KEYS).status_code == 403
    assert client.post(end).status_code == 403
    client.force_login(stranger.user)
    assert "Shop" not in client.get(KEYS).content.decode()
    assert client.post(end).status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_the_text_of_a_key_is_on_one_answer_alone_and_never_stored(
    client: Client, owner: Membership
) -> None:
    client.force_login(owner.user)
    answer = client.post(KEYS, {"name": "Shop", "lifetime": "0", "scopes": ["inbox:read"]})
    text = answer.context["made"].text
    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    assert text in answer.content.decode()
    assert text not in client.get(KEYS).content.decode()
    secret = ApiKey.objects.get().secrets.get()
    assert text.startswith(f"nf_live_{secret.prefix}_")
    assert text not in (secret.secret_hash, secret.prefix)
