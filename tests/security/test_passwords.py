"""What may be a password, wherever one is chosen."""

import re
import time

import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher
from django.test import Client
from django.urls import reverse

from crm.authentication.passwords import ObviousPasswordValidator
from crm.organizations.models import Membership
from tests.conftest import PASSWORD

CHANGE = reverse("account_change_password")
# Pages on which a password is typed.
PAGES = [reverse("authentication:log_in"), reverse("account_signup"), CHANGE]


@pytest.fixture
def at_work(client: Client, agent: Membership) -> Client:
    client.force_login(agent.user)
    return client


def changed(client: Client, agent: Membership, new: str, old: str = PASSWORD) -> bool:
    client.post(CHANGE, {"oldpassword": old, "password1": new})
    agent.user.refresh_from_db()
    return agent.user.check_password(new)


@pytest.mark.parametrize(
    "password",
    [
        "short word",
        "elevenchars",
        # Among the commonest, and long enough.
        "qwertyuiop123",
        "123456789012",
        "passwordpassword",
        "Password123456!",
        "987654321098",
        "qwertyasdfgh",
        "abcabcabcabc",
        "aaaaaaaaaaaaaaaa",
        # One's own address.
        "linh@sunbean.example",
        "",
    ],
)
def test_what_is_guessed_first_is_refused(
    at_work: Client, agent: Membership, password: str
) -> None:
    assert not changed(at_work, agent, password)
    assert agent.user.check_password(PASSWORD)


@pytest.mark.parametrize(
    "password",
    [
        # No rules of composition: any twelve characters do.
        "wobblycactus",
        "492817365029",
        "чайник на плите",
        "mật khẩu của tôi",
        "🐢🐢🐢🐢 slow and steady",
        " two spaces around ",
        "".join(f"{number}v" for number in range(40)),
    ],
)
def test_any_composition_is_taken_as_it_was_typed(
    at_work: Client, agent: Membership, password: str
) -> None:
    assert changed(at_work, agent, password)
    for other in (password.strip(), password.swapcase(), password[:72]):
        assert other == password or not agent.user.check_password(other)


def test_to_change_it_takes_the_present_one(at_work: Client, agent: Membership) -> None:
    for wrong in ("", "not my password", PASSWORD.upper()):
        assert not changed(at_work, agent, "wobblycactus", old=wrong)
    assert changed(at_work, agent, "wobblycactus")


def test_nothing_is_cut_off_before_the_hash() -> None:
    """Bcrypt itself looks at 72 bytes alone."""
    hasher = BCryptSHA256PasswordHasher()
    hasher.rounds = 4
    long = "y" * 100
    encoded = hasher.encode(long, hasher.salt())
    assert hasher.verify(long, encoded)
    assert not hasher.verify(long[:99], encoded)


def test_fields_hide_what_is_typed_and_let_managers_fill_them(at_work: Client) -> None:
    for page in PAGES:
        browser = at_work if page == CHANGE else Client()
        text = browser.get(page).content.decode()
        fields = re.findall(r"<input[^>]*name=\"(?:old)?password1?\"[^>]*>", text)
        assert fields, page
        for field in fields:
            assert 'type="password"' in field
            assert re.search(r'autocomplete="(current|new)-password"', field)
            assert "onpaste" not in field


def test_a_password_that_could_not_be_shown_again_is_refused(
    at_work: Client, agent: Membership
) -> None:
    """The log-in takes as many letters, and no more."""
    words = "wobbly cactus " * 300
    assert not changed(at_work, agent, words)
    assert changed(at_work, agent, words[:4096])
    assert Client().post(PAGES[0], {"email": agent.user.email, "password": words[:4096]})[
        "Location"
    ] == reverse("chat:inbox")


def test_looking_at_a_password_takes_no_longer_than_it_is_long() -> None:
    began = time.perf_counter()
    ObviousPasswordValidator().validate("correct-horse" + "7 " * 30_000 + "b")
    assert time.perf_counter() - began < 3
