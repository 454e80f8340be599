"""Passkeys: which of them let somebody in alone, and which only beside a password."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from crm.organizations.models import Membership
from tests.authentication.passkeys import (
    LOG_IN,
    PRESENT,
    VERIFIED,
    add_passkey,
    challenge_of,
    log_in_challenge,
)
from tests.conftest import PASSWORD

INBOX = reverse("chat:inbox")
SECOND = reverse("mfa_authenticate")


def logged_in(member: Membership) -> Client:
    client = Client()
    client.post(
        reverse("authentication:log_in"), {"email": member.user.email, "password": PASSWORD}
    )
    return client


def is_in(client: Client) -> bool:
    return client.get(INBOX).status_code == 200


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_passkey_lets_somebody_in_alone_only_where_that_was_chosen(
    agent: Membership, *, is_alone: bool
) -> None:
    key = add_passkey(logged_in(agent), is_alone=is_alone)
    visitor = Client()
    answer = key.used(log_in_challenge(visitor), owner=agent.user, flags=PRESENT | VERIFIED)
    visitor.post(LOG_IN, {"credential": answer})
    assert is_in(visitor) == is_alone


def test_a_passkey_without_pin_or_fingerprint_lets_nobody_in_alone(agent: Membership) -> None:
    key = add_passkey(logged_in(agent), is_alone=True)
    visitor = Client()
    answer = key.used(log_in_challenge(visitor), owner=agent.user, flags=PRESENT)
    visitor.post(LOG_IN, {"credential": answer})
    assert not is_in(visitor)


@pytest.mark.parametrize("is_alone", [True, False])
def test_the_challenge_of_a_second_step_lets_nobody_in_alone(
    agent: Membership, colleague: Membership, settings: Any, *, is_alone: bool
) -> None:
    """It is asked of whoever knows a password, and asks for no PIN; here, of somebody else."""
    found = add_passkey(logged_in(colleague), is_alone=is_alone)
    add_passkey(logged_in(agent), is_alone=False)
    finder = logged_in(agent)
    challenge = challenge_of(finder.get(SECOND).content.decode())
    # The log-in that waited for it is forgotten after a while, what its challenge was is not.
    settings.ACCOUNT_LOGIN_TIMEOUT = -1
    answer = found.used(challenge, owner=colleague.user, flags=PRESENT)
    finder.post(LOG_IN, {"credential": answer})
    assert not is_in(finder)


def test_a_second_factor_s_key_finishes_the_second_step(agent: Membership) -> None:
    key = add_passkey(logged_in(agent), is_alone=False)
    visitor = logged_in(agent)
    assert not is_in(visitor)
    challenge = challenge_of(visitor.get(SECOND).content.decode())
    visitor.post(SECOND, {"credential": key.used(challenge, owner=agent.user, flags=PRESENT)})
    assert is_in(visitor)


def test_the_last_passkey_stays_where_a_factor_is_asked_for(agent: Membership) -> None:
    client = logged_in(agent)
    add_passkey(client, is_alone=False)
    agent.organization.requires_second_factor = True
    agent.organization.save(update_fields=["requires_second_factor"])
    (stored,) = Authenticator.objects.filter(type=Authenticator.Type.WEBAUTHN)
    answer = client.post(reverse("mfa_remove_webauthn", args=[stored.pk]), follow=True)
    assert "asks for a second factor" in answer.content.decode()
    assert Authenticator.objects.filter(pk=stored.pk).exists()
    add_passkey(client, is_alone=False)
    client.post(reverse("mfa_remove_webauthn", args=[stored.pk]))
    assert not Authenticator.objects.filter(pk=stored.pk).exists(), "another one is left"
