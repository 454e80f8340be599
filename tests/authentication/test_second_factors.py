"""Second factors: setting up, logging in with them, and organizations that ask for one."""

import base64
import json
import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from fido2.webauthn import AuthenticationResponse

from crm.authentication.forms.mfa import MAX_CREDENTIAL
from crm.authentication.services.access import deactivate_user, reactivate_user
from crm.organizations.models import Membership
from tests.authentication.letters import kinds
from tests.conftest import PASSWORD

LOG_IN = reverse("authentication:log_in")
SECOND = reverse("mfa_authenticate")
SECURITY = reverse("mfa_index")
APP = reverse("mfa_activate_totp")
CODES = reverse("mfa_view_recovery_codes")
CONFIRM = reverse("account_reauthenticate")
INBOX = reverse("chat:inbox")
RULE = reverse("organizations:factor_rule")
_SECRET = re.compile(r'class="factor-key"[^>]*>([A-Z2-7]+)<')


def code_of(secret: str, *, ahead: int = 0) -> str:
    """Give what an authenticator app would show, some half minutes from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


def enter(client: Client, membership: Membership) -> Any:
    return client.post(LOG_IN, {"email": membership.user.email, "password": PASSWORD})


def set_up(client: Client) -> str:
    """Set an app up as a person does, and give its key."""
    client.post(f"{CONFIRM}?next={APP}", {"password": PASSWORD})
    found = _SECRET.search(client.get(APP).content.decode())
    assert found is not None
    answer = client.post(APP, {"code": code_of(found[1])})
    assert (answer.status_code, answer["Location"]) == (302, CODES)
    return found[1]


@pytest.fixture
def at_work(client: Client, agent: Membership) -> Client:
    enter(client, agent)
    return client


def test_setting_up_asks_who_one_is(at_work: Client) -> None:
    assert at_work.get(APP)["Location"].startswith(CONFIRM)


def test_app_is_asked_for_at_the_next_log_in(at_work: Client, agent: Membership) -> None:
    secret = set_up(at_work)
    visitor = Client()
    answer = enter(visitor, agent)
    assert answer["Location"] == SECOND
    assert visitor.get(INBOX).status_code == 302, "half a log-in is none"
    wrong = visitor.post(SECOND, {"code": "000000"})
    assert "wrong or has expired" in wrong.content.decode()
    code = code_of(secret)
    done = visitor.post(SECOND, {"code": code})
    assert (done.status_code, done["Location"]) == (302, INBOX)
    assert visitor.get(INBOX).status_code == 200
    watcher = Client()
    enter(watcher, agent)
    assert watcher.post(SECOND, {"code": code}).status_code == 200, "a code is good once"
    assert watcher.get(INBOX).status_code == 302


def test_a_code_is_good_once_for_as_long_as_it_counts(at_work: Client, agent: Membership) -> None:
    """With the tolerance for clocks it counts for longer than allauth remembers it."""
    code = code_of(set_up(at_work), ahead=1)
    visitor, watcher = Client(), Client()
    enter(visitor, agent)
    assert visitor.post(SECOND, {"code": code}).status_code == 302
    factor = Authenticator.objects.get(user=agent.user, type=Authenticator.Type.TOTP)
    cache.delete(factor.wrap()._get_used_cache_key(code))
    enter(watcher, agent)
    assert watcher.post(SECOND, {"code": f" {code[:3]} {code[3:]}"}).status_code == 200
    body = {"email": agent.user.email, "password": PASSWORD, "otp": code}
    cache.delete(factor.wrap()._get_used_cache_key(code))
    answer = Client().post("/api/v1/auth/tokens", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "otp_invalid")


def test_secret_is_sealed_at_rest(at_work: Client) -> None:
    secret = set_up(at_work)
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored
    assert stored.startswith("sealed:")


def test_recovery_code_works_once(at_work: Client, agent: Membership) -> None:
    set_up(at_work)
    page = at_work.get(CODES).content.decode()
    codes = re.findall(r"<li>([0-9A-Za-z]{6,})</li>", page)
    assert len(codes) == 10
    for expected in (302, 200):
        visitor = Client()
        enter(visitor, agent)
        assert visitor.post(SECOND, {"code": codes[0]}).status_code == expected


def test_guessing_codes_is_held_up(at_work: Client, agent: Membership) -> None:
    secret = set_up(at_work)
    visitor = Client()
    enter(visitor, agent)
    for _attempt in range(10):
        visitor.post(SECOND, {"code": "000000"})
    answer = visitor.post(SECOND, {"code": code_of(secret, ahead=1)})
    assert answer.status_code == 200
    assert visitor.get(INBOX).status_code == 302


def test_second_step_needs_the_first(client: Client, db: None, stores_clean: None) -> None:
    assert client.get(SECOND)["Location"].startswith(LOG_IN)
    assert client.post(SECOND, {"code": "123456"})["Location"].startswith(LOG_IN)


@pytest.mark.django_db(transaction=True)
def test_owner_of_the_account_is_told_by_letter(at_work: Client, agent: Membership) -> None:
    set_up(at_work)
    at_work.post(reverse("mfa_deactivate_totp"))
    assert [kind for kind, to in kinds() if to == agent.user.email] == [
        "totp_activated",
        "totp_deactivated",
    ]


def test_organization_asks_for_one_before_anything_else(
    client: Client, owner: Membership, agent: Membership
) -> None:
    theirs, ours = Client(), client
    enter(theirs, agent)
    enter(ours, owner)
    ours.post(RULE, {"required": "yes"})
    assert not Membership.objects.get(pk=owner.pk).organization.requires_second_factor
    set_up(ours)
    ours.post(RULE, {"required": "yes"})
    assert Membership.objects.get(pk=owner.pk).organization.requires_second_factor
    assert theirs.get(INBOX)["Location"] == SECURITY
    assert "asks for a second factor" in theirs.get(SECURITY).content.decode()
    refused = theirs.get(reverse("chat:inbox_conversations"))
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    assert ours.get(INBOX).status_code == 200
    set_up(theirs)
    assert theirs.get(INBOX).status_code == 200


def test_recovery_codes_alone_are_no_factor(
    at_work: Client, agent: Membership, settings: Any
) -> None:
    """Two requests at once can leave them behind; no log-in asks for them."""
    set_up(at_work)
    Authenticator.objects.filter(user=agent.user, type=Authenticator.Type.TOTP).delete()
    assert Authenticator.objects.filter(user=agent.user).exists()
    visitor = Client()
    assert enter(visitor, agent)["Location"] == INBOX
    assert visitor.get(INBOX).status_code == 200
    agent.organization.requires_second_factor = True
    agent.organization.save(update_fields=["requires_second_factor"])
    assert visitor.get(INBOX)["Location"] == SECURITY
    body = {"email": agent.user.email, "password": PASSWORD}
    refused = Client().post("/api/v1/auth/tokens", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    settings.OPERATOR_REQUIRES_MFA = True
    agent.user.is_staff = agent.user.is_superuser = True
    agent.user.save(update_fields=["is_staff", "is_superuser"])
    operator = Client()
    enter(operator, agent)
    assert operator.get(reverse("admin:index")).status_code == 302, "operators need one as well"


def test_last_factor_stays_where_one_is_asked_for(at_work: Client, agent: Membership) -> None:
    set_up(at_work)
    agent.organization.requires_second_factor = True
    agent.organization.save(update_fields=["requires_second_factor"])
    answer = at_work.post(reverse("mfa_deactivate_totp"))
    assert "asks for a second factor" in answer.content.decode()
    assert Authenticator.objects.filter(type="totp").exists()


def test_only_who_may_change_settings_makes_the_rule(at_work: Client, agent: Membership) -> None:
    set_up(at_work)
    at_work.post(RULE, {"required": "yes"})
    agent.organization.refresh_from_db()
    assert not agent.organization.requires_second_factor


@pytest.mark.parametrize("name", ["mfa_edit_webauthn", "mfa_remove_webauthn"])
def test_passkeys_of_others_are_not_there(
    at_work: Client, colleague: Membership, name: str
) -> None:
    key = Authenticator.objects.create(user=colleague.user, type="webauthn", data={"name": "x"})
    at_work.post(f"{CONFIRM}?next={SECURITY}", {"password": PASSWORD})
    assert at_work.get(reverse(name, args=[key.pk])).status_code == 404


def test_broken_passkey_answers_are_refused(client: Client, db: None, stores_clean: None) -> None:
    url = reverse("mfa_login_webauthn")
    deep, long = "[" * 100_000, '{"id": ' + "9" * 5_000 + "}"
    for credential in ("", "nonsense", "{}", '{"id": "x"}', "[]", deep, long):
        client.get(url, headers={"accept": "application/json"})
        answer = client.post(url, {"credential": credential})
        assert answer["Location"] == LOG_IN, credential


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


HEAD = bytes(32)
# Bytes that the parsers of CBOR, of CBOR without an end and of JSON give up on.
BROKEN_DATA = [
    HEAD + b"\x81" + bytes(4) + b"\x1b\x00",
    HEAD + b"\x81" + bytes(4) + b"\x81" * 2000,
    HEAD + b"\x41" + bytes(4),
    b"",
]
CLIENT = b'{"type": "webauthn.get", "challenge": "AA", "origin": "https://testserver"}'
NOT_CREDENTIALS = [
    *((data, CLIENT) for data in BROKEN_DATA),
    (HEAD + b"\x01" + bytes(4), b"[" * 3000),
    (HEAD + b"\x01" + bytes(4), b'{"type": ' + b"9" * 5000 + b"}"),
    (HEAD + b"\x01" + bytes(4), b"\xff"),
]


def passkey(**response: bytes) -> str:
    told = {name: b64(value) for name, value in response.items()}
    return json.dumps(
        {"id": "AA", "rawId": "AA", "type": "public-key", "response": told | {"userHandle": "AA"}}
    )


@pytest.mark.parametrize(("data", "client_data"), NOT_CREDENTIALS)
def test_a_stranger_s_passkey_that_is_none_is_refused(
    client: Client, db: None, stores_clean: None, data: bytes, client_data: bytes
) -> None:
    url = reverse("mfa_login_webauthn")
    client.get(url, headers={"accept": "application/json"})
    sent = passkey(authenticatorData=data, clientDataJSON=client_data, signature=b"s")
    assert client.post(url, {"credential": sent})["Location"] == LOG_IN


@pytest.mark.parametrize(
    ("data", "client_data"),
    [
        *((data, CLIENT) for data in (b"\x1b\x00", b"\x81" * 2000, b"\xa0", b"\x80", b"")),
        (b"\xa0", b"[" * 3000),
    ],
)
def test_a_member_s_passkey_that_is_none_is_refused(
    at_work: Client, data: bytes, client_data: bytes
) -> None:
    url = reverse("mfa_add_webauthn")
    at_work.post(f"{CONFIRM}?next={SECURITY}", {"password": PASSWORD})
    assert at_work.get(url).status_code == 200
    sent = passkey(attestationObject=data, clientDataJSON=client_data)
    answer = at_work.post(url, {"credential": sent})
    assert (answer.status_code, Authenticator.objects.count()) == (200, 0)
    assert "credential" in answer.context["form"].errors


def test_a_passkey_is_refused_by_its_length_before_it_is_parsed(
    client: Client, db: None, stores_clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuthenticationResponse, "from_dict", lambda *_given: pytest.fail("parsed"))
    url = reverse("mfa_login_webauthn")
    client.get(url, headers={"accept": "application/json"})
    sent = passkey(signature=b"s" * MAX_CREDENTIAL)
    assert client.post(url, {"credential": sent})["Location"] == LOG_IN


def half_in(client: Client, agent: Membership) -> str:
    """Set an app up, and come back as far as its page; give its key."""
    enter(client, agent)
    secret = set_up(client)
    client.post(reverse("authentication:log_out"))
    assert enter(client, agent)["Location"] == SECOND
    cache.clear()
    return secret


@pytest.mark.parametrize("happens", ["nothing", "new password", "switched off and on"])
def test_a_log_in_that_was_voided_meanwhile_is_not_finished(
    client: Client, agent: Membership, owner: Membership, happens: str
) -> None:
    secret = half_in(client, agent)
    user = agent.user
    if happens == "new password":
        user.set_password("another horse battery")
        user.save(update_fields=["password"])
    elif happens == "switched off and on":
        deactivate_user(user_id=user.pk, by=owner.user)
        reactivate_user(user_id=user.pk)
    answer = client.post(SECOND, {"code": code_of(secret)})
    is_in = happens == "nothing"
    assert answer["Location"] == (INBOX if is_in else LOG_IN)
    assert client.get(INBOX).status_code == (200 if is_in else 302)
