"""Programs that act for a person: access tokens, refresh tokens, and everything wrong with them."""

import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.authentication import access_tokens
from crm.authentication.models import EndReason, RefreshToken, TokenFamily
from crm.authentication.principals import authenticate_access_token
from crm.authentication.services.access import end_access
from crm.authentication.signals import refresh_token_reused
from crm.organizations.models import Membership, User
from tests.conftest import PASSWORD

LOG_IN = reverse("authentication:tokens")
REFRESH = reverse("authentication:refresh_tokens")
REVOKE = reverse("authentication:revoke_tokens")
ME = reverse("organizations:me")


def post(client: Client, url: str, body: Any, **extra: Any):
    return client.post(url, body, content_type="application/json", **extra)


def tokens_of(client: Client, membership: Membership, **more: Any) -> dict[str, Any]:
    answer = post(client, LOG_IN, {"email": membership.user.email, "password": PASSWORD, **more})
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def refresh(client: Client, token: str, **extra: Any):
    return post(client, REFRESH, {"refresh_token": token}, **extra)


def who(client: Client, token: str):
    return client.get(ME, HTTP_AUTHORIZATION=f"Bearer {token}")


def refusal(answer) -> tuple[int, str]:
    return (answer.status_code, answer.json()["code"])


def forged(
    membership: Membership, *, key: Any = None, algorithm: str = "HS256", **changes: Any
) -> str:
    """Sign a token as ours would be, but for the changes; None takes a claim out."""
    now = int(time.time())
    kid, own = next(iter(access_tokens._keys().items()))
    family = TokenFamily.objects.get()
    headers = {"kid": changes.pop("kid", kid)}
    claims = {
        "iss": "nextflow",
        "aud": "nextflow-api",
        "sub": str(membership.user_id),
        "org": str(membership.organization_id),
        "fam": str(family.pk),
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": "x",
    } | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, own if key is None else key, algorithm=algorithm, headers=headers)


def test_a_program_gets_in_as_the_person(client: Client, agent: Membership) -> None:
    tokens = tokens_of(client, agent)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    told = who(client, tokens["access_token"]).json()
    assert told["user"]["email"] == agent.user.email
    assert told["role"] == "agent"


def test_a_request_with_a_token_costs_one_query(
    client: Client, agent: Membership, django_assert_num_queries
) -> None:
    token = tokens_of(client, agent)["access_token"]
    with django_assert_num_queries(1):
        membership = authenticate_access_token(token).membership
    assert membership.user == agent.user
    assert membership.organization == agent.organization
    assert membership.rights == agent.rights


def test_only_hashes_are_stored(client: Client, agent: Membership) -> None:
    tokens = tokens_of(client, agent)
    stored = json.dumps(list(RefreshToken.objects.values("token_hash")))
    assert tokens["refresh_token"] not in stored


@pytest.mark.parametrize(
    "change",
    [{"password": "wrong"}, {"email": "nobody@sunbean.example"}],
    ids=["wrong password", "unknown"],
)
def test_unknown_and_wrong_are_told_the_same(
    client: Client, agent: Membership, change: dict[str, str]
) -> None:
    answer = post(client, LOG_IN, {"email": agent.user.email, "password": PASSWORD} | change)
    assert refusal(answer) == (400, "wrong_credentials")


def test_guessing_waits_at_this_door_too(client: Client, agent: Membership) -> None:
    body = {"email": agent.user.email, "password": "wrong"}
    for _attempt in range(5):
        assert post(client, LOG_IN, body).status_code == 400
    answer = post(client, LOG_IN, body | {"password": PASSWORD})
    assert refusal(answer) == (429, "too_many_log_ins")
    assert int(answer["Retry-After"]) > 0


def test_another_organization_can_be_chosen_and_a_foreign_one_not(
    client: Client, agent: Membership, stranger: Membership
) -> None:
    body = {"email": agent.user.email, "password": PASSWORD}
    foreign = post(client, LOG_IN, body | {"organization": str(stranger.organization_id)})
    assert refusal(foreign) == (404, "organization_not_found")
    Membership.objects.create(organization=stranger.organization, user=agent.user, role="viewer")
    tokens = tokens_of(client, agent, organization=str(stranger.organization_id))
    told = who(client, tokens["access_token"]).json()
    assert (told["organization"]["slug"], told["role"]) == ("inkwell", "viewer")


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def test_a_second_factor_is_asked_for_and_good_once(client: Client, agent: Membership) -> None:
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    TOTP.activate(agent.user, secret)
    recovery = RecoveryCodes.activate(agent.user)
    body = {"email": agent.user.email, "password": PASSWORD}
    assert refusal(post(client, LOG_IN, body)) == (401, "otp_required")
    assert refusal(post(client, LOG_IN, body | {"otp": "000000"})) == (401, "otp_invalid")
    code = code_of(secret)
    assert post(client, LOG_IN, body | {"otp": code}).status_code == 201
    assert refusal(post(client, LOG_IN, body | {"otp": code})) == (401, "otp_invalid")
    spare = recovery.get_unused_codes()[0]
    assert post(client, LOG_IN, body | {"otp": spare}).status_code == 201
    assert refusal(post(client, LOG_IN, body | {"otp": spare})) == (401, "otp_invalid")


def test_a_changed_second_factor_ends_tokens(client: Client, agent: Membership) -> None:
    tokens = tokens_of(client, agent)
    end_access(user_id=agent.user_id, because=EndReason.FACTORS_CHANGED)
    assert refusal(who(client, tokens["access_token"])) == (401, "access_token_revoked")
    assert refusal(refresh(client, tokens["refresh_token"])) == (401, "refresh_token_invalid")
    assert Authenticator.objects.count() == 0


def test_each_refresh_token_is_good_once(client: Client, agent: Membership) -> None:
    first = tokens_of(client, agent)
    second = refresh(client, first["refresh_token"]).json()
    third = refresh(client, second["refresh_token"]).json()
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert who(client, third["access_token"]).status_code == 200
    assert TokenFamily.objects.count() == 1


def test_a_parallel_tab_is_given_the_same_successor(client: Client, agent: Membership) -> None:
    first = tokens_of(client, agent)
    answers = [refresh(client, first["refresh_token"]).json() for _tab in range(2)]
    assert answers[0]["refresh_token"] == answers[1]["refresh_token"]
    assert refresh(client, answers[0]["refresh_token"]).status_code == 200
    assert TokenFamily.objects.live().count() == 1


@pytest.mark.parametrize("way", ["late", "another program", "another address"])
def test_reuse_ends_the_family_and_is_reported(
    client: Client, agent: Membership, way: str, django_capture_on_commit_callbacks
) -> None:
    first = tokens_of(client, agent)
    second = refresh(client, first["refresh_token"]).json()
    extra = {}
    if way == "late":
        RefreshToken.objects.filter(rotated_at__isnull=False).update(
            rotated_at=timezone.now() - timedelta(seconds=11)
        )
    elif way == "another program":
        extra = {"HTTP_USER_AGENT": "thief/1.0"}
    else:
        extra = {"REMOTE_ADDR": "192.0.2.66"}
    told: list[Any] = []

    def listen(**kwargs: Any) -> None:
        told.append((kwargs["user_id"], kwargs["family_id"]))

    refresh_token_reused.connect(listen)
    with django_capture_on_commit_callbacks(execute=True):
        answer = refresh(client, first["refresh_token"], **extra)
    assert refusal(answer) == (401, "refresh_token_reused")
    family = TokenFamily.objects.get()
    assert (family.ended_because, told) == (EndReason.REUSED, [(agent.user_id, family.pk)])
    assert refusal(refresh(client, second["refresh_token"])) == (401, "refresh_token_invalid")
    assert refusal(who(client, second["access_token"])) == (401, "access_token_revoked")


def test_revoking_ends_both_kinds_and_says_nothing_of_others(
    client: Client, agent: Membership
) -> None:
    tokens = tokens_of(client, agent)
    for token in (tokens["refresh_token"], tokens["refresh_token"], "nfr_unknown"):
        assert post(client, REVOKE, {"refresh_token": token}).status_code == 204
    assert refusal(who(client, tokens["access_token"])) == (401, "access_token_revoked")
    assert refusal(refresh(client, tokens["refresh_token"])) == (401, "refresh_token_invalid")


@pytest.mark.parametrize("what", ["user", "membership", "organization"])
def test_whoever_is_switched_off_is_out_at_once(
    client: Client, agent: Membership, what: str
) -> None:
    tokens = tokens_of(client, agent)
    record: Any = agent if what == "membership" else getattr(agent, what)
    type(record).objects.filter(pk=record.pk).update(is_active=False)
    assert refusal(who(client, tokens["access_token"])) == (401, "access_token_revoked")
    assert refusal(refresh(client, tokens["refresh_token"])) == (401, "refresh_token_invalid")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": 1}, "access_token_expired"),
        ({"aud": "another"}, "access_token_invalid"),
        ({"iss": "another"}, "access_token_invalid"),
        ({"nbf": 9_999_999_999}, "access_token_invalid"),
        ({"fam": None}, "access_token_invalid"),
        ({"exp": None}, "access_token_invalid"),
        ({"sub": "nobody"}, "access_token_invalid"),
        ({"kid": "other"}, "access_token_invalid"),
        ({"kid": ["a"]}, "access_token_invalid"),
        ({"key": b"x" * 32}, "access_token_invalid"),
        ({"org": "00000000-0000-0000-0000-000000000000"}, "access_token_revoked"),
        ({"algorithm": "HS512", "key": b"x" * 64}, "access_token_invalid"),
    ],
)
def test_a_token_that_is_not_ours_is_refused(
    client: Client, agent: Membership, changes: dict[str, Any], code: str
) -> None:
    tokens_of(client, agent)
    if changes.get("kid") == ["a"]:
        head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":["a"]}').decode().rstrip("=")
        token = f"{head}.{forged(agent).partition('.')[2]}"
    else:
        token = forged(agent, **changes)
    assert refusal(who(client, token)) == (401, code)


def test_a_token_without_signature_or_of_another_algorithm_is_refused(
    client: Client, agent: Membership
) -> None:
    tokens_of(client, agent)
    head, body, _mark = forged(agent).split(".")
    kid = next(iter(access_tokens._keys()))
    for algorithm in ("none", "None", "HS384", "RS256", ""):
        told = json.dumps({"alg": algorithm, "typ": "JWT", "kid": kid}).encode()
        other = base64.urlsafe_b64encode(told).decode().rstrip("=")
        assert refusal(who(client, f"{other}.{body}.")) == (401, "access_token_invalid")
        assert refusal(who(client, f"{other}.{body}.{_mark}")) == (401, "access_token_invalid")
    assert refusal(who(client, f"{head}.{body}.")) == (401, "access_token_invalid")


def test_a_clock_that_is_off_by_seconds_does_no_harm(client: Client, agent: Membership) -> None:
    tokens_of(client, agent)
    now = int(time.time())
    early = forged(agent, iat=now + 20, nbf=now + 20)
    late = forged(agent, exp=now - 20)
    assert [who(client, token).status_code for token in (early, late)] == [200, 200]
    assert who(client, forged(agent, exp=now - 60)).status_code == 401


def test_keys_can_be_changed_without_a_gap(client: Client, agent: Membership, settings) -> None:
    settings.ACCESS_TOKEN_KEYS = [f"a:{'a' * 32}"]
    old = tokens_of(client, agent)["access_token"]
    settings.ACCESS_TOKEN_KEYS = [f"b:{'b' * 32}", f"a:{'a' * 32}"]
    new = tokens_of(client, agent)["access_token"]
    assert jwt.get_unverified_header(new)["kid"] == "b"
    assert [who(client, token).status_code for token in (old, new)] == [200, 200]
    settings.ACCESS_TOKEN_KEYS = [f"b:{'b' * 32}"]
    assert [who(client, token).status_code for token in (old, new)] == [401, 200]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Bearer", (400, "authorization_unusable")),
        ("Bearer a b", (400, "authorization_unusable")),
        ("Bearer a,Bearer b", (400, "authorization_unusable")),
        ("Bearer ы", (400, "authorization_unusable")),
        ("Bearer nonsense", (401, "access_token_invalid")),
        ("Bearer a.b.c", (401, "access_token_invalid")),
        ("Bearer " + "x" * 5000, (431, "authorization_too_long")),
        ("Basic YTpi", (401, "not_authenticated")),
        ("", (401, "not_authenticated")),
    ],
)
def test_headers_that_cannot_be_used(
    client: Client, db: None, stores_clean: None, header: str, expected: tuple[int, str]
) -> None:
    answer = client.get(ME, HTTP_AUTHORIZATION=header)
    assert refusal(answer) == expected
    if expected[0] == 401:
        assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("query", ["api_key=x", "access_token=x", "q=nf_live_abc&q=x", "t=nfr_abc"])
def test_keys_in_a_url_are_refused(client: Client, agent: Membership, query: str) -> None:
    token = tokens_of(client, agent)["access_token"]
    answer = client.get(f"{ME}?{query}", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert refusal(answer) == (400, "credentials_in_url")


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"email": "x", "password": "y"},
        {"email": {"$gt": ""}, "password": "y"},
        {"email": "a@b.example", "password": ["y"]},
        {"email": "a@b.example", "password": "y" * 5000},
        {"email": "a@b.example", "password": "a\x00b"},
        {"email": "a@b.example", "password": "y", "is_staff": True},
        {"email": "a@b.example", "password": "y", "organization": "x"},
    ],
)
def test_bodies_that_cannot_be_used(
    client: Client, db: None, stores_clean: None, body: Any
) -> None:
    assert post(client, LOG_IN, body).status_code == 400
    assert User.objects.count() == 0


@pytest.mark.parametrize("token", ["", "x", "nfr_short", "nfr_" + "ы" * 43, None, 5, "a\x00b"])
def test_refresh_tokens_that_cannot_be(
    client: Client, db: None, stores_clean: None, token: Any
) -> None:
    assert refresh(client, token).status_code in {400, 401}
