"""What was checked before a change, and would have let somebody in after it."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.account.internal.userkit import user_id_to_str
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.sessions.backends.cache import SessionStore
from django.core.management import call_command
from django.db import connection, transaction
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from crm.authentication.errors import OtpInvalid, OtpRequired, WrongCredentials
from crm.authentication.first_step import was_voided
from crm.authentication.models import Impersonation, TokenFamily
from crm.authentication.services.access import deactivate_user
from crm.authentication.services.impersonation import start_impersonation
from crm.authentication.services.token_families import start_family
from crm.core.http.user_agent import Client as Program
from crm.core.ids import uuid7
from crm.core.permissions.errors import NoOrganization
from crm.organizations.models import Membership, User
from crm.organizations.services.members import deactivate_member
from tests.authentication.letters import follow, last_letter, link_in
from tests.authentication.passkeys import ADD, PRESENT, VERIFIED, Passkey, challenge_of
from tests.authentication.test_two_at_once import NEW_EMAIL, NEW_PASSWORD, RESET, await_lock_waits
from tests.conftest import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CHANGE = reverse("account_change_password")
CONFIRM = reverse("account_reauthenticate")


def new_password(agent: Membership, owner: Membership) -> None:
    user = User.objects.get(pk=agent.user_id)
    user.set_password(NEW_PASSWORD)
    user.save(update_fields=["password"])


def new_factor(agent: Membership, owner: Membership) -> None:
    TOTP.activate(agent.user, SECRET)


def left_the_organization(agent: Membership, owner: Membership) -> None:
    deactivate_member(by=owner, membership_id=agent.pk)


def account_switched_off(agent: Membership, owner: Membership) -> None:
    deactivate_user(user_id=agent.user_id, by=owner.user)


@pytest.mark.parametrize(
    ("happens", "refusal"),
    [
        (new_password, WrongCredentials),
        (new_factor, OtpRequired),
        (left_the_organization, NoOrganization),
        (account_switched_off, WrongCredentials),
    ],
)
def test_a_program_s_log_in_counts_as_things_are_when_it_ends(
    agent: Membership, owner: Membership, happens: Callable[..., None], refusal: type[Exception]
) -> None:
    """Its password was right when the hashing began."""
    checked = User.objects.get(pk=agent.user_id)
    happens(agent, owner)
    with pytest.raises(refusal):
        start_family(membership=agent, checked=checked, client=Program.of(HttpRequest()))
    assert TokenFamily.objects.count() == 0


def test_an_operator_s_command_logs_programs_out(
    agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program.of(HttpRequest())
    start_family(membership=agent, checked=agent.user, client=program)
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW_PASSWORD)
    call_command("changepassword", agent.user.email)
    assert TokenFamily.objects.get().ended_because == "password_changed"


def at_once(user: User, *posts: Callable[[], Any]) -> list[Any]:
    """Send forms that all wait for the account's lock; return their answers in order."""

    def sent(post: Callable[[], Any]) -> Any:
        try:
            return post()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(posts)) as pool:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=user.pk)
            waiting: list[Future[Any]] = [pool.submit(sent, post) for post in posts]
            await_lock_waits(len(posts))
        return [each.result(timeout=60) for each in waiting]


@pytest.mark.django_db(transaction=True)
def test_the_old_password_changes_nothing_after_its_turn(
    agent: Membership, stores_clean: None
) -> None:
    """Of two browsers that know it the first one logs the other out."""
    browsers = [Client(), Client()]
    for browser in browsers:
        browser.force_login(agent.user)
    passwords = [NEW_PASSWORD, "a harbour at dawn"]
    answers = at_once(
        agent.user,
        *(
            lambda number=number: browsers[number].post(
                CHANGE, {"oldpassword": PASSWORD, "password1": passwords[number]}
            )
            for number in range(2)
        ),
    )
    targets = [answer["Location"] for answer in answers]
    assert sorted(targets) == sorted([reverse("mfa_index"), reverse("authentication:log_in")])
    agent.user.refresh_from_db()
    assert agent.user.check_password(passwords[targets.index(reverse("mfa_index"))])


@pytest.mark.django_db(transaction=True)
def test_one_browser_s_old_password_is_refused_the_second_time(
    agent: Membership, stores_clean: None
) -> None:
    browser = Client()
    browser.force_login(agent.user)
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD}
    answers = at_once(agent.user, *[lambda: browser.post(CHANGE, form)] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    refused = next(answer for answer in answers if answer.status_code == 200)
    assert "This is not your password." in refused.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_sign_up_confirmed_in_two_browsers_at_once_is_confirmed_once(
    client: Client, stores_clean: None
) -> None:
    """In the one that signed up, and in another, which sets a password: no deadlock."""
    fields = {"name": "Nora", "organization": "Fjord", "email": NEW_EMAIL}
    client.post(reverse("account_signup"), fields | {"password1": PASSWORD})
    link = link_in(last_letter(NEW_EMAIL))
    # An exception of a view is raised here.
    at_once(
        User.objects.get(email=NEW_EMAIL),
        lambda: client.post(link),
        lambda: Client().post(link, {"password1": NEW_PASSWORD}),
    )
    assert EmailAddress.objects.filter(email=NEW_EMAIL, verified=True).count() == 1


def test_one_passkey_is_stored_once(agent: Membership) -> None:
    """Stored twice, it would go on letting in whoever removed it."""
    client = Client()
    client.force_login(agent.user)
    client.post(CONFIRM, {"password": PASSWORD})
    key = Passkey()
    for _time in range(2):
        challenge = challenge_of(client.get(ADD).content.decode())
        answer = key.registered(challenge, flags=PRESENT | VERIFIED)
        sent = client.post(ADD, {"name": "Key", "credential": answer, "passwordless": "on"})
    assert (sent.status_code, Authenticator.objects.filter(type="webauthn").count()) == (200, 1)
    assert "You have this passkey already." in sent.content.decode()


@pytest.mark.django_db(transaction=True)
def test_one_session_sees_as_one_person_however_often_it_begins(
    agent: Membership, stores_clean: None
) -> None:
    root = User.objects.create_superuser("root@nextflow.example", PASSWORD, name="Rita")
    login = uuid7()

    def begin() -> Impersonation:
        return start_impersonation(
            operator=root,
            login=login,
            membership_id=agent.pk,
            reason="A request, number 4711",
            may_change=False,
        )

    at_once(root, begin, begin)
    assert Impersonation.objects.filter(ended_at__isnull=True).count() == 1


def test_a_reset_link_still_sets_a_password_and_ends_programs(
    client: Client, agent: Membership
) -> None:
    start_family(membership=agent, checked=agent.user, client=Program.of(HttpRequest()))
    client.post(RESET, {"email": agent.user.email})
    form = follow(client, link_in(last_letter(agent.user.email)))
    assert client.post(form, {"password1": NEW_PASSWORD}).status_code == 302
    assert TokenFamily.objects.get().ended_at is not None


def test_a_factor_that_is_removed_meanwhile_does_not_count(agent: Membership) -> None:
    shown = TOTP.activate(agent.user, SECRET).instance
    checked = User.objects.get(pk=agent.user_id)
    Authenticator.objects.filter(pk=shown.pk).delete()
    program = Program.of(HttpRequest())
    with pytest.raises(OtpInvalid):
        start_family(membership=agent, checked=checked, client=program, shown_factor=shown)
    request = HttpRequest()
    request.session = SessionStore()
    for factor, is_void in ((shown, True), (TOTP.activate(agent.user, SECRET).instance, False)):
        record = {"method": "mfa", "at": time.time(), "id": factor.pk, "type": "totp"}
        request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [record]
        request.session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(checked)
        assert was_voided(request, checked) is is_void


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "refusal"), [("totp", "collided"), ("recovery_codes", "otp_invalid")]
)
def test_a_code_of_a_factor_that_is_removed_at_this_moment_lets_nobody_in(
    agent: Membership, stores_clean: None, kind: str, refusal: str
) -> None:
    TOTP.activate(agent.user, SECRET)
    codes = RecoveryCodes.activate(agent.user)
    code = codes.get_unused_codes()[0]
    if kind == "totp":
        code = format_hotp_value(hotp_value(SECRET, next(yield_hotp_counters_from_time())))
    body = {"email": agent.user.email, "password": PASSWORD, "otp": code}

    def sent() -> Any:
        try:
            return Client().post("/api/v1/auth/tokens", body, content_type="application/json")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Authenticator.objects.filter(user=agent.user, type=kind).delete()
            waiting = pool.submit(sent)
            await_lock_waits(1)
        answer = waiting.result(timeout=60)
    assert answer.json()["code"] == refusal
    assert TokenFamily.objects.count() == 0
