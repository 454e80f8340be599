"""Forms for whoever is not logged in: a second click is harmless, and gets the first one's answer.

Both clicks come from one page of one browser, the second a tenth of a second later; the browser
follows the second answer and knows nothing of the first.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.db import connection
from django.test import Client
from django.urls import reverse
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from crm.authentication import log_in, login_throttling
from crm.authentication.encryption import seal
from crm.authentication.models import UserSession
from crm.core import stores
from crm.core.form_guard import anonymous
from crm.core.mail.models import Mail
from crm.organizations.models import Membership, User
from crm.organizations.services.invitations import invite
from tests.authentication.letters import kinds, last_letter, link_in
from tests.conftest import PASSWORD
from tests.forms.browsers import form_of

pytestmark = pytest.mark.django_db(transaction=True)

SIGN_UP = reverse("account_signup")
RESET = reverse("account_reset_password")
LOG_IN = reverse("authentication:log_in")
INBOX = reverse("chat:inbox")
EMAIL = "nora@fjord.example"
NORA = {"name": "Nora", "organization": "Fjord Coffee", "email": EMAIL, "password1": PASSWORD}
APART = 0.1


def click_twice(browser: Client, path: str, form: dict[str, Any]) -> list[Any]:
    """Send a form twice, a moment apart; leave the browser with the cookies of the second."""
    copies = [Client(), Client()]
    for copy in copies:
        for name, morsel in browser.cookies.items():
            copy.cookies[name] = morsel.value

    def send(number: int) -> Any:
        try:
            # Not a wait for something: the pace of two clicks.
            time.sleep(APART * number)
            return copies[number].post(path, form)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(send, range(2)))
    browser.cookies = copies[1].cookies
    return answers


def told(answers: list[Any]) -> list[tuple[int, str]]:
    return [(answer.status_code, answer.headers.get("Location", "")) for answer in answers]


@pytest.fixture
def visitor(db: None, stores_clean: None) -> Client:
    return Client()


def test_two_sign_ups_send_one_letter_whose_link_works_here(visitor: Client) -> None:
    form = form_of(visitor.get(SIGN_UP), "organization") | NORA
    answers = click_twice(visitor, SIGN_UP, form)
    assert told(answers) == [(302, reverse("account_email_verification_sent"))] * 2
    assert kinds() == [("email_confirmation_signup", EMAIL)]
    assert User.objects.filter(email=EMAIL).count() == 1
    # The browser of the second click is the one that knows the password.
    link = link_in(last_letter(EMAIL))
    page = visitor.get(link)
    assert "another browser" not in page.content.decode()
    answers = click_twice(visitor, link, form_of(page, "_once"))
    assert told(answers) == [(302, LOG_IN)] * 2
    form = form_of(visitor.get(LOG_IN), "password")
    assert form["email"] == [EMAIL]
    answers = click_twice(visitor, LOG_IN, form | {"password": PASSWORD})
    assert told(answers) == [(302, reverse("chat:start"))] * 2
    assert visitor.get(INBOX).status_code == 200
    assert UserSession.objects.filter(user__email=EMAIL).count() == 1


@pytest.mark.parametrize("who", ["somebody", "nobody", "unconfirmed"])
def test_two_resets_send_one_letter(visitor: Client, agent: Membership, who: str) -> None:
    email = {"somebody": agent.user.email, "nobody": "no@fjord.example"}.get(who, EMAIL)
    if who == "unconfirmed":
        visitor.post(SIGN_UP, NORA)
        Mail.objects.all().delete()
    browser = Client()
    form = form_of(browser.get(RESET), "email") | {"email": email}
    answers = click_twice(browser, RESET, form)
    assert told(answers) == [(302, reverse("account_reset_password_done"))] * 2
    assert [to for _kind, to in kinds()] == [email]


@pytest.mark.parametrize("email", ["no@fjord.example", EMAIL])
def test_two_resets_without_a_once_key_send_one_letter(visitor: Client, email: str) -> None:
    visitor.post(SIGN_UP, NORA)
    Mail.objects.all().delete()
    answers = click_twice(Client(), RESET, {"email": email})
    assert [to for _kind, to in kinds()] == [email]
    assert {answer.status_code for answer in answers} == {302}


def test_two_new_passwords_set_one(visitor: Client, agent: Membership) -> None:
    visitor.post(RESET, {"email": agent.user.email})
    page = visitor.get(link_in(last_letter(agent.user.email)))["Location"]
    form = form_of(visitor.get(page), "password1") | {"password1": "a lighthouse at dusk"}
    answers = click_twice(visitor, page, form)
    assert told(answers) == [(302, reverse("account_reset_password_from_key_done"))] * 2
    assert [kind for kind, _to in kinds()].count("password_reset") == 1


def test_two_log_ins_make_one_session(visitor: Client, agent: Membership) -> None:
    form = form_of(visitor.get(LOG_IN), "password")
    form |= {"email": agent.user.email, "password": PASSWORD}
    answers = click_twice(visitor, LOG_IN, form)
    assert told(answers) == [(302, INBOX)] * 2
    assert visitor.get(INBOX).status_code == 200
    assert UserSession.objects.filter(user=agent.user).count() == 1


def test_second_click_after_wrong_passwords_is_not_held_up(
    visitor: Client, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counted attempt of the first click would make the second one wait."""
    patience = login_throttling.Backoff(free=0, first=900, longest=900)
    monkeypatch.setattr(login_throttling, "_PATIENCES", (patience,) * 3)
    plain = log_in.authenticate

    def authenticate(*args: Any, **kwargs: Any) -> Any:
        # As long as a real hash takes: the second click comes meanwhile.
        time.sleep(3 * APART)
        return plain(*args, **kwargs)

    monkeypatch.setattr(log_in, "authenticate", authenticate)
    form = form_of(visitor.get(LOG_IN), "password")
    form |= {"email": agent.user.email, "password": PASSWORD}
    assert told(click_twice(visitor, LOG_IN, form)) == [(302, INBOX)] * 2


def test_two_clicks_on_a_second_factor_are_one_log_in(visitor: Client, agent: Membership) -> None:
    Authenticator.objects.create(
        user=agent.user, type="totp", data={"secret": seal("JBSWY3DPEHPK3PXP")}
    )
    code = RecoveryCodes.activate(agent.user).get_unused_codes()[0]
    form = form_of(visitor.get(LOG_IN), "password")
    form |= {"email": agent.user.email, "password": PASSWORD}
    (step,) = {place for _status, place in told(click_twice(visitor, LOG_IN, form))}
    assert step == reverse("mfa_authenticate")
    form = form_of(visitor.get(step), "code") | {"code": code}
    assert told(click_twice(visitor, step, form)) == [(302, INBOX)] * 2
    assert visitor.get(INBOX).status_code == 200


def test_two_clicks_on_an_invitation_make_one_account(visitor: Client, owner: Membership) -> None:
    links: list[str] = []

    def address_of(token: str) -> str:
        links.append(reverse("authentication:join", args=[token]))
        return links[0]

    invite(by=owner, email=EMAIL, role="agent", address_of=address_of)
    form = form_of(visitor.get(links[0]), "password") | {"name": "Nora", "password": PASSWORD}
    assert told(click_twice(visitor, links[0], form)) == [(302, INBOX)] * 2
    assert visitor.get(INBOX).status_code == 200
    assert UserSession.objects.filter(user__email=EMAIL).count() == 1


@pytest.mark.parametrize("is_at_once", [True, False])
def test_two_clicks_of_somebody_who_is_logged_in_join_once(
    visitor: Client, owner: Membership, *, is_at_once: bool
) -> None:
    links: list[str] = []

    def address_of(token: str) -> str:
        links.append(reverse("authentication:join", args=[token]))
        return links[0]

    newcomer = User.objects.create_user(email=EMAIL, name="Nora", password=PASSWORD)
    invite(by=owner, email=EMAIL, role="agent", address_of=address_of)
    visitor.force_login(newcomer)
    form = form_of(visitor.get(links[0]), "_once")
    if is_at_once:
        answers = click_twice(visitor, links[0], form)
    else:
        answers = [visitor.post(links[0], form) for _time in range(2)]
    assert told(answers) == [(302, INBOX)] * 2
    assert visitor.get(INBOX).status_code == 200
    assert Membership.objects.filter(user=newcomer).count() == 1
    somebody = Client()
    somebody.force_login(owner.user)
    assert somebody.post(links[0]).status_code == 404


def test_another_content_is_another_submission(visitor: Client, agent: Membership) -> None:
    form = form_of(visitor.get(LOG_IN), "password") | {"email": agent.user.email}
    assert visitor.post(LOG_IN, form | {"password": "wrong"}).status_code == 400
    assert visitor.post(LOG_IN, form | {"password": PASSWORD})["Location"] == INBOX
    # Somebody else's page is another page, whatever was filled in.
    other = Client()
    theirs = form_of(other.get(LOG_IN), "password") | {"email": agent.user.email}
    assert other.post(LOG_IN, theirs | {"password": "wrong"}).status_code == 400


def test_session_that_has_ended_is_not_given_again(visitor: Client, agent: Membership) -> None:
    form = form_of(visitor.get(LOG_IN), "password")
    form |= {"email": agent.user.email, "password": PASSWORD}
    visitor.post(LOG_IN, form)
    visitor.post(reverse("authentication:log_out"))
    # Back to the page as the browser kept it.
    assert visitor.post(LOG_IN, form)["Location"] == INBOX
    assert visitor.get(INBOX).status_code == 200


def test_what_is_kept_cannot_be_read_or_made_up(visitor: Client, agent: Membership) -> None:
    form = form_of(visitor.get(LOG_IN), "password")
    form |= {"email": agent.user.email, "password": PASSWORD}
    visitor.post(LOG_IN, form)
    (name,) = [key for key in stores.redis().keys("form-once:*") if b":lock" not in key]
    kept: Any = stores.redis().get(name)
    session = visitor.cookies["sessionid"].value.encode()
    assert session not in kept
    for forged in (b"{}", b'{"status": 302, "location": "https://evil.example"}', kept[:-4]):
        stores.redis().set(name, forged)
        other = Client()
        assert other.post(LOG_IN, form)["Location"] == INBOX
    stores.redis().delete(name)
    stores.redis().rpush(name, "x")
    assert Client().post(LOG_IN, form)["Location"] == INBOX


def test_without_redis_each_is_taken_as_it_comes(
    visitor: Client, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = form_of(visitor.get(LOG_IN), "password")
    form |= {"email": agent.user.email, "password": PASSWORD}
    away = SimpleNamespace(redis=lambda: Redis(port=1, retry=Retry(NoBackoff(), 0)))
    monkeypatch.setattr(anonymous, "stores", away)
    assert visitor.post(LOG_IN, form)["Location"] == INBOX
