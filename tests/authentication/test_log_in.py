"""The door: who gets in, who is held up, and what is told to whom."""

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.contrib.auth.signals import user_logged_in
from django.test import Client
from django.urls import reverse
from redis.exceptions import RedisError

from config.settings import base
from crm.authentication import log_in as door
from crm.authentication import login_throttling
from crm.authentication.errors import TooManyLogIns
from crm.authentication.hashing import Hasher
from crm.core import stores
from crm.organizations.models import Membership, User
from crm.organizations.services.invitations import invite
from tests.conftest import PASSWORD
from tests.outages import without_redis

LOG_IN = reverse("authentication:log_in")
INBOX = reverse("chat:inbox")


# Waits are a thousand times as long here, so that none of them ends while a test runs.
SCALE = 1000


@pytest.fixture(autouse=True)
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    longer = tuple(
        replace(each, first=each.first * SCALE, longest=each.longest * SCALE)
        for each in login_throttling._PATIENCES
    )
    monkeypatch.setattr(login_throttling, "_PATIENCES", longer)


def wait_told_by(answer: Any) -> int:
    """Return the wait in seconds, without what passed since the failure."""
    return round(int(answer["Retry-After"]) / SCALE)


def enter(client: Client, membership: Membership, **changes: str):
    form = {"email": membership.user.email, "password": PASSWORD, **changes}
    return client.post(LOG_IN, form)


def test_right_password_leads_to_the_inbox(client: Client, agent: Membership) -> None:
    answer = enter(client, agent)
    assert (answer.status_code, answer["Location"]) == (302, INBOX)
    assert client.get(INBOX).status_code == 200


def test_letters_case_and_spaces_of_the_address_do_not_matter(
    client: Client, agent: Membership
) -> None:
    answer = enter(client, agent, email=f" {agent.user.email.upper()} ")
    assert answer.status_code == 302


def test_unknown_wrong_and_switched_off_are_told_the_same(
    client: Client, agent: Membership, colleague: Membership
) -> None:
    User.objects.filter(pk=colleague.user_id).update(is_active=False)
    answers = [
        enter(client, agent, password="wrong"),
        enter(client, agent, email="nobody@sunbean.example"),
        enter(client, colleague),
    ]
    errors = [answer.context["form"].non_field_errors() for answer in answers]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert errors[0] == errors[1] == errors[2]
    assert "wrong" in errors[0][0]
    assert client.get(INBOX).status_code == 302


def test_unknown_address_costs_a_hash_too(
    client: Client, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []

    def set_password(user: User, raw: str) -> None:
        hashed.append("once")

    monkeypatch.setattr(User, "set_password", set_password)
    enter(client, agent, email="nobody@sunbean.example")
    assert hashed == ["once"]


def test_real_installations_hash_with_bcrypt() -> None:
    assert base.PASSWORD_HASHERS == ["crm.authentication.hashing.Hasher"]
    assert issubclass(Hasher, BCryptSHA256PasswordHasher)
    encoded = BCryptSHA256PasswordHasher().encode(PASSWORD, BCryptSHA256PasswordHasher().salt())
    assert encoded.startswith("bcrypt_sha256$")
    assert BCryptSHA256PasswordHasher().verify(PASSWORD, encoded)


def fail(client: Client, membership: Membership, times: int, **changes: str) -> None:
    """Be wrong so often, waiting each time as long as one is told."""
    for _attempt in range(times):
        assert enter(client, membership, password="wrong", **changes).status_code == 400
        be_patient()


def be_patient() -> None:
    for key in stores.redis().keys("lockout:*"):
        if stores.redis().type(key) == b"hash":
            stores.redis().hdel(key, "until")


def test_each_failure_makes_the_next_attempt_wait_twice_as_long(
    client: Client, agent: Membership
) -> None:
    fail(client, agent, login_throttling.PER_ACCOUNT_AND_PLACE.free - 1)
    waits = []
    for _attempt in range(9):
        assert enter(client, agent, password="wrong").status_code == 400
        waits.append(wait_told_by(enter(client, agent)))
        be_patient()
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900]


def test_held_up_before_any_hash_and_told_how_long(
    client: Client, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(client, agent, login_throttling.PER_ACCOUNT_AND_PLACE.free - 1)
    assert enter(client, agent, password="wrong").status_code == 400
    monkeypatch.setattr(door, "authenticate", lambda *args, **kwargs: pytest.fail("was hashed"))
    answer = enter(client, agent)
    assert answer.status_code == 429
    assert wait_told_by(answer) == login_throttling.PER_ACCOUNT_AND_PLACE.first
    told = login_throttling.too_many(int(answer["Retry-After"]))
    assert str(told) in answer.content.decode()
    assert "Wait 5 seconds" in str(login_throttling.too_many(5))


def test_another_address_and_another_account_are_not_held_up(
    client: Client, agent: Membership, colleague: Membership
) -> None:
    fail(client, agent, login_throttling.PER_ACCOUNT_AND_PLACE.free - 1)
    enter(client, agent, password="wrong")
    assert enter(client, agent).status_code == 429
    assert enter(client, colleague).status_code == 302
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    assert enter(elsewhere, agent).status_code == 302


def test_guessing_from_many_places_is_held_up_but_not_where_one_has_been_before(
    client: Client, agent: Membership
) -> None:
    assert enter(client, agent).status_code == 302
    for number in range(login_throttling.PER_ACCOUNT.free):
        stranger = Client(REMOTE_ADDR=f"192.0.2.{number + 1}")
        assert enter(stranger, agent, password="wrong").status_code == 400
    assert enter(Client(REMOTE_ADDR="192.0.2.200"), agent).status_code == 429
    assert enter(Client(), agent).status_code == 302


def test_one_address_trying_many_accounts_is_held_up(client: Client, agent: Membership) -> None:
    for number in range(login_throttling.PER_PLACE.free):
        enter(client, agent, email=f"guess{number}@sunbean.example")
    assert enter(client, agent).status_code == 429


def test_ones_own_account_does_not_help_to_guess_at_others(
    client: Client, agent: Membership, colleague: Membership
) -> None:
    for number in range(login_throttling.PER_PLACE.free - 1):
        enter(client, agent, email=f"guess{number}@sunbean.example")
    assert enter(Client(), colleague).status_code == 302
    enter(client, agent, email="one-more@sunbean.example")
    assert enter(client, agent).status_code == 429


def test_a_success_undoes_only_its_own_counted_attempt(
    client: Client, agent: Membership, owner: Membership
) -> None:
    """Whoever comes by an invitation was not counted: it takes nothing back."""
    for number in range(login_throttling.PER_PLACE.free - 2):
        enter(client, agent, email=f"guess{number}@sunbean.example")
    links: list[str] = []

    def address_of(token: str) -> str:
        links.append(token)
        return "https://crm.example/"

    for number in range(3):
        email = f"new{number}@sunbean.example"
        invite(by=owner, email=email, role="agent", address_of=address_of)
        newcomer = Client()
        joined = newcomer.post(
            reverse("authentication:join", args=[links[-1]]),
            {"name": "New", "password": "a lighthouse at dusk", "timezone": "UTC"},
        )
        assert joined["Location"] == INBOX
    # A counted success takes back itself, once, however often somebody logs in.
    for _time in range(2):
        assert enter(Client(), owner).status_code == 302
    for number in range(2):
        enter(client, agent, email=f"more{number}@sunbean.example")
    assert enter(client, agent).status_code == 429


def test_a_success_does_not_end_a_wait_that_another_attempt_began(stores_clean: None) -> None:
    first = login_throttling.count_attempt(email="a@sunbean.example", address="192.0.2.1")
    for number in range(login_throttling.PER_PLACE.free - 1):
        login_throttling.count_attempt(email=f"guess{number}@sunbean.example", address="192.0.2.1")
    login_throttling.count_success(first)
    with pytest.raises(TooManyLogIns):
        login_throttling.count_attempt(email="b@sunbean.example", address="192.0.2.1")


def test_success_forgives_the_mistakes_before(client: Client, agent: Membership) -> None:
    for _round in range(2):
        fail(client, agent, login_throttling.PER_ACCOUNT_AND_PLACE.free - 1)
        assert enter(client, agent).status_code == 302


def test_redis_lost_after_the_password_was_right_keeps_nobody_out(
    client: Client, agent: Membership
) -> None:
    with ExitStack() as outage:

        def lose_redis(**_kwargs: object) -> None:
            outage.enter_context(without_redis())

        user_logged_in.connect(lose_redis)
        outage.callback(user_logged_in.disconnect, lose_redis)
        answer = enter(client, agent)
        with pytest.raises(RedisError):
            stores.redis().ping()
    assert (answer.status_code, answer["Location"]) == (302, INBOX)


def test_counters_hold_no_address_and_no_email(client: Client, agent: Membership) -> None:
    enter(client, agent, password="wrong")
    keys = b" ".join(map(bytes, stores.redis().scan_iter("lockout:*")))
    assert keys
    assert b"127.0.0.1" not in keys
    assert agent.user.email.encode() not in keys


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
def test_foreign_targets_are_not_followed(client: Client, agent: Membership, target: str) -> None:
    assert enter(client, agent, next=target)["Location"] == INBOX
    assert client.get(LOG_IN, {"next": target})["Location"] == INBOX


def test_own_target_is_followed(client: Client, agent: Membership) -> None:
    target = f"{INBOX}?box=mine"
    answer = client.get(target)
    assert answer["Location"] == f"{LOG_IN}?next={INBOX}%3Fbox%3Dmine"
    assert enter(client, agent, next=target)["Location"] == target


@pytest.mark.parametrize("missing", ["email", "password"])
def test_missing_fields_are_named_and_not_counted(
    client: Client, agent: Membership, missing: str
) -> None:
    answer = enter(client, agent, **{missing: ""})
    assert answer.status_code == 400
    assert missing in answer.context["form"].errors
    assert stores.redis().keys("lockout:*") == []


def test_session_key_changes_at_log_in(client: Client, agent: Membership) -> None:
    client.get(LOG_IN)
    client.session["something"] = 1
    client.session.save()
    before = client.session.session_key
    enter(client, agent)
    assert client.session.session_key != before


def test_log_out_needs_a_post_and_ends_the_session(client: Client, agent: Membership) -> None:
    enter(client, agent)
    out = reverse("authentication:log_out")
    assert client.get(out).status_code == 405
    assert client.get(INBOX).status_code == 200
    assert client.post(out)["Location"] == LOG_IN
    assert client.get(INBOX).status_code == 302


def test_log_in_needs_the_forms_token(agent: Membership) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = enter(strict, agent)
    assert answer.status_code == 403
    assert "expired" in answer.content.decode()


def test_page_holds_nothing_inline(client: Client, agent: Membership) -> None:
    answer = client.get(LOG_IN)
    page = answer.content.decode()
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "style=" not in page
    assert " onclick=" not in page
