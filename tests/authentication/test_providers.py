"""Accounts elsewhere, against a real OpenID Connect server on loopback."""

import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from oidc_provider_mock import User as Subject
from oidc_provider_mock import _storage, run_server_in_thread
from pytest_django import Settings

from crm.authentication.allauth.adapters import ProviderAway, _require_readable
from crm.authentication.services.access import deactivate_user, reactivate_user
from crm.core.oauth_settings import json_object, provider_origins, provider_settings
from crm.organizations.models import Membership, User
from tests.authentication.letters import kinds, last_letter, link_in
from tests.conftest import PASSWORD

# The server's own library warns about the server.
pytestmark = pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning")

LOG_IN = reverse("authentication:log_in")
SECURITY = reverse("mfa_index")
LINKED = reverse("socialaccount_connections")
SIGN_UP = reverse("socialaccount_signup")
SENT = reverse("account_email_verification_sent")
INBOX = reverse("chat:inbox")
CHECKLIST = reverse("chat:start")
START = "/login/with/oidc/company/login/"


@pytest.fixture(scope="module", autouse=True)
def _one_signing_key() -> Iterator[None]:
    """Sign what the servers of all tests say with one key, which takes long to make."""
    with pytest.MonkeyPatch.context() as patch:
        keys = _storage.jose.RSAKey
        patch.setattr(keys, "generate_key", lru_cache(keys.generate_key))
        yield


@pytest.fixture
def issuer(settings: Settings) -> Iterator[str]:
    """Company, our only provider: knows Nora with a proved address and Rolf without one."""
    people = [
        Subject(
            sub="nora",
            claims={"name": "Nora", "email": "nora@fjord.example", "email_verified": True},
        ),
        Subject(sub="linh", claims={"email": "linh@sunbean.example", "email_verified": True}),
        Subject(sub="rolf", claims={"name": "Rolf", "email": "rolf@fjord.example"}),
    ]
    with run_server_in_thread(user_claims=people) as server:
        address = f"http://localhost:{server.server_port}"
        wanted = {
            "company": {"server_url": address, "client_id": "nextflow", "secret": "s", "name": "C"}
        }
        settings.OAUTH_PROVIDERS = wanted
        settings.SOCIALACCOUNT_PROVIDERS = provider_settings(wanted)
        yield address


def come_through(client: Client, subject: str, *, process: str = "login", next: str = "") -> Any:  # noqa: A002  the field's name
    """Go to the provider as a browser does, agree there as the subject, and come back."""
    asked = client.post(f"{START}?process={process}&next={next}")
    assert asked.status_code == 302, asked.content.decode()[:500]
    agreed = httpx.post(asked["Location"], data={"sub": subject})
    assert agreed.status_code == 302, agreed.text
    back = urlsplit(agreed.headers["location"])
    return client.get(f"{back.path}?{back.query}")


@pytest.fixture
def visitor(client: Client, db: None, stores_clean: None, issuer: str) -> Client:
    return client


def test_button_is_there_only_with_a_provider(visitor: Client, settings: Settings) -> None:
    assert START in visitor.get(LOG_IN).content.decode()
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert START not in visitor.get(LOG_IN).content.decode()
    assert visitor.post(START).status_code in {404, 302, 403}


def test_newcomer_signs_up_with_a_proved_address(visitor: Client) -> None:
    answer = come_through(visitor, "nora")
    assert answer["Location"] == SIGN_UP
    form = visitor.get(SIGN_UP).context["form"]
    assert (form.initial["email"], form["name"].value()) == ("nora@fjord.example", "Nora")
    told = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    assert visitor.post(SIGN_UP, told)["Location"] == CHECKLIST
    assert visitor.get(INBOX).status_code == 200
    membership = Membership.objects.get(user__email="nora@fjord.example")
    assert (membership.role, membership.organization.name) == ("owner", "Fjord")
    assert not membership.user.has_usable_password()
    again = Client()
    assert come_through(again, "nora")["Location"] == INBOX
    assert User.objects.count() == 1


def test_address_that_the_provider_does_not_vouch_for_is_confirmed_by_letter(
    visitor: Client,
) -> None:
    come_through(visitor, "rolf")
    told = {"name": "Rolf", "organization": "Fjord", "email": "rolf@fjord.example"}
    assert visitor.post(SIGN_UP, told)["Location"] == SENT
    assert visitor.get(INBOX).status_code == 302
    visitor.post(link_in(last_letter("rolf@fjord.example")))
    assert come_through(visitor, "rolf")["Location"] == CHECKLIST


def test_another_address_than_the_proved_one_is_not_taken(visitor: Client) -> None:
    come_through(visitor, "nora")
    told = {"name": "Nora", "organization": "Fjord", "email": "other@fjord.example"}
    assert visitor.post(SIGN_UP, told)["Location"] == CHECKLIST
    assert User.objects.get().email == "nora@fjord.example"
    assert not EmailAddress.objects.filter(email="other@fjord.example").exists()


def test_address_of_an_account_here_lets_nobody_into_it(visitor: Client, agent: Membership) -> None:
    """A provider's word is not enough to enter an account that never trusted that provider."""
    come_through(visitor, "linh")
    told = {"name": "Linh", "organization": "Trap", "email": agent.user.email}
    assert visitor.post(SIGN_UP, told)["Location"] == SENT
    assert visitor.get(INBOX).status_code == 302
    assert SocialAccount.objects.count() == 0
    assert kinds() == [("account_already_exists", agent.user.email)]


def test_a_sign_up_tells_nothing_of_who_has_an_account(visitor: Client, agent: Membership) -> None:
    """Until the address is proved the provider opens nothing: it leads to the form again."""
    seen = []
    for email in ("rolf@fjord.example", agent.user.email):
        browser = Client()
        come_through(browser, "rolf")
        told = {"name": "Rolf", "organization": "Fjord", "email": email}
        answer = browser.post(SIGN_UP, told)
        kept = sorted(browser.session.keys())
        again: list[Any] = []
        for client in (browser, Client()):
            to = come_through(client, "rolf")["Location"]
            again.append((to, client.get(SIGN_UP).status_code, sorted(client.cookies)))
            # Nor does another address that is free, or the same one.
            for other in (email, "other@fjord.example"):
                come_through(client, "rolf")
                sent = client.post(SIGN_UP, told | {"email": other})
                again.append((sent.status_code, sent["Location"]))
        member = Client()
        User.objects.filter(email="other@fjord.example").delete()
        member.post(LOG_IN, {"email": agent.user.email, "password": PASSWORD})
        member.post(f"{reverse('account_reauthenticate')}?next={LINKED}", {"password": PASSWORD})
        linked = come_through(member, "rolf", process="connect")
        again.append((linked["Location"], SocialAccount.objects.get().user_id == agent.user_id))
        seen.append((answer.status_code, answer["Location"], kept, again))
        SocialAccount.objects.all().delete()
        User.objects.exclude(pk=agent.user_id).delete()
    assert seen[0] == seen[1]


def test_member_links_and_unlinks(visitor: Client, agent: Membership) -> None:
    visitor.post(LOG_IN, {"email": agent.user.email, "password": PASSWORD})
    confirm = reverse("account_reauthenticate")
    visitor.post(f"{confirm}?next={LINKED}", {"password": PASSWORD})
    answer = come_through(visitor, "nora", process="connect")
    assert answer["Location"] == LINKED
    account = SocialAccount.objects.get(user=agent.user)
    assert come_through(Client(), "nora")["Location"] == INBOX
    visitor.post(LINKED, {"account": account.pk})
    assert SocialAccount.objects.count() == 0
    assert [kind for kind, _to in kinds()] == ["account_connected", "account_disconnected"]


@pytest.mark.django_db(transaction=True)
def test_what_came_in_by_an_account_is_out_when_it_is_unlinked(
    visitor: Client, agent: Membership
) -> None:
    visitor.post(LOG_IN, {"email": agent.user.email, "password": PASSWORD})
    visitor.post(f"{reverse('account_reauthenticate')}?next={LINKED}", {"password": PASSWORD})
    come_through(visitor, "nora", process="connect")
    other = Client()
    assert come_through(other, "nora")["Location"] == INBOX
    visitor.post(LINKED, {"account": SocialAccount.objects.get().pk})
    assert (visitor.get(INBOX).status_code, other.get(INBOX).status_code) == (200, 302)


@pytest.mark.parametrize("happens", ["nothing", "unlinked", "switched off and on"])
def test_a_provider_s_log_in_that_waits_for_its_second_step_can_be_voided(
    visitor: Client, agent: Membership, owner: Membership, happens: str
) -> None:
    visitor.post(LOG_IN, {"email": agent.user.email, "password": PASSWORD})
    visitor.post(f"{reverse('account_reauthenticate')}?next={LINKED}", {"password": PASSWORD})
    come_through(visitor, "nora", process="connect")
    TOTP.activate(agent.user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    code = RecoveryCodes.activate(agent.user).get_unused_codes()[0]
    other = Client()
    second = reverse("mfa_authenticate")
    assert come_through(other, "nora")["Location"] == second
    if happens == "unlinked":
        visitor.post(LINKED, {"account": SocialAccount.objects.get().pk})
    elif happens == "switched off and on":
        deactivate_user(user_id=agent.user_id, by=owner.user)
        reactivate_user(user_id=agent.user_id)
    target = other.post(second, {"code": code})["Location"]
    assert target == (INBOX if happens == "nothing" else LOG_IN)


def test_a_sign_up_that_another_tab_finished_is_refused(visitor: Client) -> None:
    """The identity is proved by then, so that no link of an unproved account is let go for it."""
    tabs = [visitor, Client()]
    for tab in tabs:
        come_through(tab, "rolf")
    told = {"name": "Rolf", "organization": "Fjord", "email": "rolf@fjord.example"}
    assert tabs[0].post(SIGN_UP, told)["Location"] == SENT
    visitor.post(link_in(last_letter("rolf@fjord.example")))
    answer = tabs[1].post(SIGN_UP, told | {"email": "other@fjord.example"})
    assert (answer.status_code, answer.json()["code"]) == (409, "provider_linked_meanwhile")
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_linking_that_waited_while_somebody_else_linked_is_refused(
    visitor: Client, agent: Membership, owner: Membership
) -> None:
    confirm = reverse("account_reauthenticate")
    browsers = [visitor, Client()]
    for browser, member in zip(browsers, (agent, owner), strict=True):
        browser.post(LOG_IN, {"email": member.user.email, "password": PASSWORD})
        assert come_through(browser, "nora", process="connect")["Location"] == confirm
    answers = [browser.post(confirm, {"password": PASSWORD}) for browser in browsers]
    assert [answer.status_code for answer in answers] == [302, 409]
    assert answers[1].json()["code"] == "collided"
    assert SocialAccount.objects.get().user_id == agent.user_id


def test_a_sign_up_that_waits_too_long_asks_the_provider_again(
    visitor: Client, settings: Settings
) -> None:
    """The session keeps what a provider told for weeks; the address may be another's by then."""
    come_through(visitor, "nora")
    settings.ACCOUNT_LOGIN_TIMEOUT = -1
    told = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    answer = visitor.post(SIGN_UP, told)
    assert (answer.status_code, answer.json()["code"]) == (409, "provider_answer_lapsed")
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "page", ["account_set_password", "mfa_activate_totp", "mfa_add_webauthn", "account_email"]
)
def test_an_account_with_a_provider_alone_logs_in_again_before_it_changes(
    visitor: Client, settings: Settings, page: str
) -> None:
    come_through(visitor, "nora")
    told = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    visitor.post(SIGN_UP, told)
    path = reverse(page)
    form = {"email": "elsewhere@fjord.example", "action_add": ""}
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1
    # The form is kept, but for passwords, and shown after the log-in.
    assert visitor.post(path, form)["Location"].startswith(f"{LOG_IN}?next=")
    assert visitor.get(INBOX).status_code == 302
    assert not EmailAddress.objects.filter(email=form["email"]).exists()
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
    come_through(visitor, "nora")
    assert not visitor.post(path, form).get("Location", "").startswith(LOG_IN)


def test_only_way_in_is_not_unlinked(visitor: Client) -> None:
    come_through(visitor, "nora")
    told = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    visitor.post(SIGN_UP, told)
    answer = visitor.post(LINKED, {"account": SocialAccount.objects.get().pk})
    assert "Set a password first" in answer.content.decode()
    assert SocialAccount.objects.count() == 1


def test_deactivated_person_does_not_come_in_through_a_provider(visitor: Client) -> None:
    come_through(visitor, "nora")
    told = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    visitor.post(SIGN_UP, told)
    User.objects.update(is_active=False)
    again = Client()
    assert come_through(again, "nora")["Location"] == reverse("account_inactive")
    assert again.get(INBOX).status_code == 302


def test_foreign_answers_are_refused(visitor: Client, issuer: str) -> None:
    asked = visitor.post(START)
    state = parse_qs(urlsplit(asked["Location"]).query)["state"][0]
    callback = f"{START}callback/"
    for query in (
        {},
        {"code": "made-up", "state": state},
        {"code": "made-up", "state": "another"},
        {"error": "access_denied", "state": state},
    ):
        answer = visitor.get(callback, query)
        assert answer.status_code in {200, 302, 401}
        assert visitor.get(INBOX).status_code == 302
    assert User.objects.count() == 0


@pytest.mark.parametrize("how", ["sends on", "away"])
def test_a_provider_that_sends_us_elsewhere_or_is_away_is_told(
    visitor: Client, settings: Settings, how: str
) -> None:
    """Whoever answers for the provider does not choose whom our server asks next."""
    asked: list[str] = []

    class SendsOn(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/latest/meta-data/")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("localhost", 0), SendsOn)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://localhost:{server.server_port}"
    if how == "away":
        server.shutdown()
        server.server_close()
    wanted = {
        "company": {"server_url": address, "client_id": "nextflow", "secret": "s", "name": "C"}
    }
    settings.SOCIALACCOUNT_PROVIDERS = provider_settings(wanted)
    try:
        answer = visitor.post(START)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert answer.status_code == 503
    assert "provider_unavailable" in answer.content.decode()
    assert asked == ([] if how == "away" else ["/.well-known/openid-configuration"])
    assert "Location" not in answer


GOOD = {"sub": "nora", "name": "Nora", "email": "nora@fjord.example", "email_verified": True}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Give the claims that the provider tells of whoever comes, to be changed."""
    claims: dict[str, Any] = dict(GOOD)
    monkeypatch.setattr(
        OpenIDConnectOAuth2Adapter, "_fetch_user_info", lambda *_given: dict(claims)
    )
    monkeypatch.setattr(
        OpenIDConnectOAuth2Adapter,
        "_decode_id_token",
        lambda *_given: {"sub": claims["sub"]} if "sub" in claims else {},
    )
    return claims


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "a\ud800"},
        {"name": "a\0"},
        {"name": ["Nora"]},
        {"name": 5},
        {"given_name": {"a": 1}, "name": None},
        {"sub": "a\0"},
        {"sub": "x" * 5000},
        {"sub": None},
        {"sub": ""},
        {"sub": " "},
        {"sub": 7},
        {"sub": ["nora"]},
        {"email": "nora\0@fjord.example"},
        {"email": 5},
        {"email": "x" * 5000},
        {"preferred_username": "\0"},
        {"preferred_username": []},
        {"extra": {"deep": [{"x": "\0"}]}},
        {"extra": {"\0": 1}},
        {"extra": ["x"] * 5000},
        {"extra": "x" * 200_000},
    ],
)
def test_a_profile_that_cannot_be_used_leads_to_the_error_page(
    visitor: Client, told: dict[str, Any], changes: dict[str, Any]
) -> None:
    told |= changes
    answer = come_through(visitor, "nora")
    assert answer.status_code == 401
    assert "socialaccount/authentication_error.html" in [each.name for each in answer.templates]
    assert visitor.get(SIGN_UP).status_code == 302
    assert SocialAccount.objects.count() == 0


def test_a_profile_without_an_id_or_of_two_people_is_refused(
    visitor: Client, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    del told["sub"]
    assert come_through(visitor, "nora").status_code == 401
    told["sub"] = "nora"
    monkeypatch.setattr(
        OpenIDConnectOAuth2Adapter, "_decode_id_token", lambda *_given: {"sub": "rolf"}
    )
    assert come_through(visitor, "nora").status_code == 401


@pytest.mark.parametrize(
    ("word", "leads_to"), [("yes", SENT), ("true", CHECKLIST), (1, SENT), ([], SENT), (None, SENT)]
)
def test_only_a_plain_yes_proves_an_address(
    visitor: Client, told: dict[str, Any], word: Any, leads_to: str
) -> None:
    told["email_verified"] = word
    assert come_through(visitor, "nora")["Location"] == SIGN_UP
    form = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    assert visitor.post(SIGN_UP, form)["Location"] == leads_to


def test_a_long_name_is_cut(visitor: Client, told: dict[str, Any]) -> None:
    told["name"] = "N" * 1_500
    assert come_through(visitor, "nora")["Location"] == SIGN_UP
    assert len(visitor.get(SIGN_UP).context["form"]["name"].value()) == 255


def test_a_link_adds_nothing_to_what_the_provider_is_asked(visitor: Client) -> None:
    def asked(query: str) -> dict[str, list[str]]:
        found = parse_qs(urlsplit(visitor.post(f"{START}?{query}")["Location"]).query)
        return {name: found[name] for name in found if name not in {"state", "code_challenge"}}

    plain = asked("")
    assert asked("auth_params=prompt%3Dnone%26redirect_uri%3Dx%26a%3Db&scope=admin") == plain


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 5_000,
        b"[]",
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"access_token": 5}',
        b'{"access_token": "a", "expires_in": "soon"}',
        b'{"access_token": "a", "expires_in": 1e400}',
        b'{"access_token": "a", "expires_in": 99999999999999999999}',
    ],
)
def test_an_answer_of_a_provider_that_cannot_be_read_is_no_answer(body: bytes) -> None:
    response = requests.Response()
    response.status_code, response._content = 200, body
    with pytest.raises(ProviderAway):
        _require_readable(response)


def test_how_often_an_address_begins_to_log_in_is_limited(
    visitor: Client, settings: Settings
) -> None:
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"log_in_beginning.address": "2/300"}
    passkey, begin = reverse("mfa_login_webauthn"), {"accept": "application/json"}
    assert Client().get(passkey, headers=begin).status_code == 200
    assert Client().post(START).status_code == 302
    before = Session.objects.count()
    assert Client().get(passkey, headers=begin).status_code == 429
    assert Client().post(START).status_code == 429
    assert Session.objects.count() == before


def test_look_at_the_address_starts_nothing(visitor: Client) -> None:
    page = visitor.get(START)
    assert page.status_code == 200
    assert re.search(r'<form method="post">', page.content.decode())


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/"])
def test_foreign_targets_are_not_followed(visitor: Client, target: str) -> None:
    come_through(visitor, "nora")
    told = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    visitor.post(SIGN_UP, told)
    assert come_through(Client(), "nora", next=target)["Location"] == INBOX


def test_variable_is_read_as_one_writes_it() -> None:
    wanted = json_object(
        "OAUTH_PROVIDERS",
        '{"google": {"client_id": "g", "secret": "s"}, "microsoft": {"client_id": "m",'
        ' "secret": "s", "tenant": "t"}, "company": {"server_url": "https://id.example.com/x",'
        ' "client_id": "c", "secret": "s"}}',
    )
    found = provider_settings(wanted)
    assert set(found) == {"google", "microsoft", "openid_connect"}
    assert found["microsoft"]["APPS"][0]["settings"] == {"tenant": "t"}
    assert found["openid_connect"]["APPS"][0]["provider_id"] == "company"
    assert provider_origins(wanted) == [
        "https://accounts.google.com",
        "https://id.example.com",
        "https://login.microsoftonline.com",
    ]
    assert json_object("ANYMAIL", "") == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "OAUTH_PROVIDERS is no JSON"),
        ("[]", "OAUTH_PROVIDERS is no JSON object"),
        ('{"google": {"client_id": "g"}}', '"google" lacks secret'),
        ('{"company": {"client_id": "c", "secret": "s"}}', '"company" lacks server_url'),
    ],
)
def test_faults_of_the_variable_are_named(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        provider_settings(json_object("OAUTH_PROVIDERS", text))
