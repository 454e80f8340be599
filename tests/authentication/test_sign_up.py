"""Signing up: an account and an organization, once the address is confirmed."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.authentication.forms import sign_up as form_of_sign_up
from crm.authentication.services.sign_up import purge_unconfirmed
from crm.core.mail.models import Mail
from crm.organizations.models import Membership, Organization, User
from tests.authentication.letters import kinds, last_letter, link_in
from tests.conftest import PASSWORD

SIGN_UP = reverse("account_signup")
LOG_IN = reverse("authentication:log_in")
SENT = reverse("account_email_verification_sent")
INBOX = reverse("chat:inbox")
SECOND_STEP = reverse("mfa_authenticate")
TOKENS = reverse("authentication:tokens")
EMAIL = "nora@fjord.example"


def fields(**changes: str) -> dict[str, str]:
    return {
        "name": "Nora",
        "organization": "Fjord Coffee",
        "email": EMAIL,
        "password1": PASSWORD,
        "timezone": "Europe/Oslo",
        **changes,
    }


@pytest.fixture
def visitor(client: Client, db: None, stores_clean: None) -> Client:
    return client


def test_nobody_is_in_before_the_address_is_confirmed(visitor: Client) -> None:
    answer = visitor.post(SIGN_UP, fields())
    assert (answer.status_code, answer["Location"]) == (302, SENT)
    assert visitor.get(SENT).status_code == 200
    assert visitor.get(INBOX)["Location"].startswith(LOG_IN)
    assert Organization.objects.count() == 0
    again = visitor.post(LOG_IN, {"email": EMAIL, "password": PASSWORD})
    assert again.status_code == 400
    assert "confirm your address first" in again.content.decode()
    assert visitor.get(INBOX).status_code == 302


def test_confirmed_address_leads_into_an_organization_of_ones_own(visitor: Client) -> None:
    visitor.post(SIGN_UP, fields())
    link = link_in(last_letter(EMAIL))
    page = visitor.get(link)
    assert EMAIL in page.content.decode()
    assert not EmailAddress.objects.get(email=EMAIL).verified, "a look confirms nothing"
    assert visitor.post(link)["Location"] == LOG_IN
    answer = visitor.post(LOG_IN, {"email": EMAIL, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, reverse("chat:start"))
    assert visitor.get(INBOX).status_code == 200
    membership = Membership.objects.get(user__email=EMAIL)
    assert (membership.role, membership.organization.name) == ("owner", "Fjord Coffee")
    assert membership.organization.timezone == membership.user.timezone == "Europe/Oslo"
    visitor.post(reverse("authentication:log_out"))
    again = visitor.post(LOG_IN, {"email": EMAIL, "password": PASSWORD})
    assert again["Location"] == INBOX, "the checklist leads once"
    assert Organization.objects.count() == 1


def prefilled(client: Client) -> str:
    form = client.get(LOG_IN).context["form"]
    return str(form["email"].value() or "")


def test_confirmed_address_stands_in_the_log_in_form(visitor: Client) -> None:
    visitor.post(SIGN_UP, fields())
    link = link_in(last_letter(EMAIL))
    assert prefilled(visitor) == ""
    visitor.post(link)
    page = visitor.get(LOG_IN)
    assert prefilled(visitor) == EMAIL
    assert "autofocus" in str(page.context["form"]["password"])
    assert "autofocus" not in str(page.context["form"]["email"])
    # In this browser alone, not for ever, and never because somebody asks for an address.
    assert prefilled(Client()) == ""
    for asked in (f"{LOG_IN}?email={EMAIL}", f"{LOG_IN}?next=/app/&login={EMAIL}"):
        assert not Client().get(asked).context["form"]["email"].value()
    session = visitor.session
    session["confirmed_address"] |= {"at": session["confirmed_address"]["at"] - 601}
    session.save()
    assert prefilled(visitor) == ""


def test_address_confirmed_with_a_new_password_stands_in_the_log_in_form(visitor: Client) -> None:
    visitor.post(SIGN_UP, fields())
    owner, link = Client(), link_in(last_letter(EMAIL))
    owner.post(link, {"password1": "a lighthouse at dusk"})
    assert prefilled(owner) == EMAIL


def test_link_that_confirms_nothing_prefills_nothing(visitor: Client, agent: Membership) -> None:
    visitor.post(SIGN_UP, fields())
    link = link_in(last_letter(EMAIL))
    visitor.post(link)
    stranger = Client()
    assert stranger.post(link).status_code in {302, 404}
    stranger.post(reverse("account_confirm_email", args=["1:abc:def"]))
    assert prefilled(stranger) == ""


def test_a_strangers_sign_up_arms_no_password_of_theirs(visitor: Client) -> None:
    """The owner of the address confirms in their own browser, and chooses the password there."""
    visitor.post(SIGN_UP, fields(password1="the stranger's own words"))
    user = User.objects.get(email=EMAIL)
    SocialAccount.objects.create(user=user, provider="google", uid="stranger")
    owner, link = Client(), link_in(last_letter(EMAIL))
    page = owner.get(link)
    assert "another browser" in page.content.decode()
    assert owner.post(link).status_code == 400, "a click alone confirms nothing"
    assert owner.post(link, {"password1": "short"}).status_code == 400
    assert not EmailAddress.objects.get(email=EMAIL).verified
    answer = owner.post(link, {"password1": "a lighthouse at dusk"}, follow=True)
    assert "Your address is confirmed." in answer.content.decode()
    assert not SocialAccount.objects.exists()
    stranger = {"email": EMAIL, "password": "the stranger's own words"}
    assert visitor.post(LOG_IN, stranger).status_code == 400
    assert visitor.get(INBOX)["Location"].startswith(LOG_IN)
    assert visitor.post(link).status_code == 404
    own = {"email": EMAIL, "password": "a lighthouse at dusk"}
    assert owner.post(LOG_IN, own).status_code == 302
    assert owner.get(INBOX).status_code == 200


def trying(email: str, client: Client) -> tuple[Any, ...]:
    """Give what somebody sees who tries an address with the password that they signed up with."""
    told = {"email": email, "password": PASSWORD}
    page = client.post(LOG_IN, told)
    token = Client().post(TOKENS, told, content_type="application/json")
    errors = page.context["form"].non_field_errors()
    return page.status_code, list(errors), token.status_code, token.json()["code"]


def test_a_sign_up_tells_nothing_of_who_has_an_account(visitor: Client, agent: Membership) -> None:
    """Neither answers nor the session differ, here or elsewhere, before the address is proved."""
    agent.user.set_password("another one altogether")
    agent.user.save(update_fields=["password"])
    seen, left = [], []
    for email in (EMAIL, agent.user.email):
        browser = Client()
        answer = browser.post(SIGN_UP, fields(email=email))
        kept = sorted(browser.session.keys())
        pages = [browser.get(url) for url in (SENT, SECOND_STEP, LOG_IN, SIGN_UP, INBOX)]
        looks = [(page.status_code, page.get("Location")) for page in pages]
        left.append((answer.status_code, answer["Location"], kept, sorted(browser.cookies), looks))
        seen.append((trying(email, browser), trying(email, Client())))
    assert seen[0] == seen[1]
    assert left[0] == left[1]
    here, elsewhere = seen[0]
    assert here == elsewhere
    assert (here[0], here[2:]) == (400, (400, "wrong_credentials"))


def test_the_letter_works_from_any_browser(visitor: Client) -> None:
    """Whoever signed up on a phone and logs in on a laptop first is told what to do."""
    visitor.post(SIGN_UP, fields())
    laptop = Client()
    told = laptop.post(LOG_IN, {"email": EMAIL, "password": PASSWORD}).content.decode()
    assert "If you have just signed up, confirm your address first" in told
    # Asked for once more, as the page of the sign-up says.
    laptop.post(reverse("account_reset_password"), {"email": EMAIL})
    assert [kind for kind, _to in kinds()] == ["email_confirmation_signup", "email_confirmation"]
    link = link_in(last_letter(EMAIL))
    laptop.post(link, {"password1": "a lighthouse at dusk"})
    laptop.post(LOG_IN, {"email": EMAIL, "password": "a lighthouse at dusk"})
    assert laptop.get(INBOX).status_code == 200


def test_language_of_the_page_becomes_that_of_person_organization_and_letter(
    visitor: Client,
) -> None:
    visitor.post(reverse("authentication:set_language"), {"language": "vi"})
    visitor.post(SIGN_UP, fields())
    mail = last_letter(EMAIL)
    assert mail.language_code == User.objects.get(email=EMAIL).language_code == "vi"
    visitor.post(link_in(mail))
    visitor.post(LOG_IN, {"email": EMAIL, "password": PASSWORD})
    assert Organization.objects.get().language_code == "vi"


def test_taken_address_is_answered_the_same_and_told_by_letter_only(
    visitor: Client, agent: Membership
) -> None:
    fresh = visitor.post(SIGN_UP, fields())
    taken = Client().post(SIGN_UP, fields(email=agent.user.email.upper()))
    assert (taken.status_code, taken["Location"]) == (fresh.status_code, fresh["Location"])
    bodies = [Client().get(answer["Location"]).content for answer in (fresh, taken)]
    assert len(bodies[0]) == len(bodies[1])
    assert kinds() == [
        ("email_confirmation_signup", EMAIL),
        ("account_already_exists", agent.user.email),
    ]
    agent.user.refresh_from_db()
    assert agent.user.check_password(PASSWORD)
    assert (agent.user.name, User.objects.count()) == ("Linh", 2)


def test_taken_address_costs_a_hash_too(
    visitor: Client, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    plain = User.set_password

    def set_password(user: User, raw: str) -> None:
        hashed.append(user.email)
        plain(user, raw)

    monkeypatch.setattr(User, "set_password", set_password)
    visitor.post(SIGN_UP, fields())
    visitor.post(SIGN_UP, fields(email=agent.user.email))
    assert hashed == [EMAIL, agent.user.email]


def test_two_at_once_with_one_address_make_one_account(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.post(SIGN_UP, fields())
    monkeypatch.setattr(
        form_of_sign_up.SignUpForm, "validate_unique_email", lambda self, value: value
    )
    answer = Client().post(SIGN_UP, fields(name="Second"))
    assert (answer.status_code, answer["Location"]) == (302, SENT)
    assert User.objects.get(email=EMAIL).name == "Nora"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("organization", " "),
        ("email", "no address"),
        ("password1", "short"),
        ("password1", "password1234"),
        ("password1", EMAIL),
    ],
)
def test_bad_values_are_named_and_nothing_is_made(visitor: Client, field: str, value: str) -> None:
    answer = visitor.post(SIGN_UP, fields(**{field: value}))
    assert list(answer.context["form"].errors) == [field]
    assert (User.objects.count(), Mail.objects.count()) == (0, 0)


def test_unknown_zone_becomes_utc_and_foreign_fields_are_not_taken(visitor: Client) -> None:
    visitor.post(SIGN_UP, fields(timezone="Mars/Olympus", is_staff="on", is_superuser="on"))
    user = User.objects.get(email=EMAIL)
    assert (user.timezone, user.is_staff, user.is_superuser) == ("UTC", False, False)


def test_long_passwords_are_taken_whole(visitor: Client) -> None:
    long = "correct horse battery staple " * 5
    visitor.post(SIGN_UP, fields(password1=long))
    user = User.objects.get(email=EMAIL)
    assert user.check_password(long)
    assert not user.check_password(long[:72])


def test_used_expired_and_made_up_links_confirm_nothing(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.post(SIGN_UP, fields())
    link = link_in(last_letter(EMAIL))
    made_up = reverse("account_confirm_email", args=["1:abc:def"])
    assert "does not work any more" in visitor.get(made_up).content.decode()
    assert visitor.post(made_up).status_code == 404
    later = (timezone.now() + timedelta(days=4)).timestamp()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.signing.time.time", lambda: later)
        assert visitor.post(link).status_code == 404
    assert not EmailAddress.objects.get(email=EMAIL).verified
    visitor.post(link)
    assert visitor.post(link).status_code == 404
    assert "does not work any more" in visitor.get(link).content.decode()


def test_many_sign_ups_from_one_place_are_held_up(visitor: Client) -> None:
    for number in range(20):
        visitor.post(SIGN_UP, fields(email=f"n{number}@fjord.example"))
    answer = visitor.post(SIGN_UP, fields())
    assert "Wait" in answer.context["form"].non_field_errors()[0]
    assert User.objects.count() == 20


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_foreign_targets_are_not_followed_after_a_confirmation(
    visitor: Client, target: str
) -> None:
    visitor.post(f"{SIGN_UP}?next={target}", fields())
    link = link_in(last_letter(EMAIL))
    assert visitor.post(f"{link}?next={target}")["Location"] == LOG_IN


def test_unconfirmed_sign_ups_are_forgotten_after_a_week(
    visitor: Client, agent: Membership
) -> None:
    visitor.post(SIGN_UP, fields())
    assert purge_unconfirmed() == 0
    User.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert purge_unconfirmed() == 1
    assert list(User.objects.all()) == [agent.user]


def test_pages_hold_nothing_inline(visitor: Client) -> None:
    for url in (SIGN_UP, SENT, reverse("account_reset_password"), LOG_IN):
        answer = visitor.get(url)
        page = answer.content.decode()
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert "style=" not in page
        assert " onclick=" not in page


def test_sign_up_form_sent_twice_sends_the_confirmation_alone(visitor: Client) -> None:
    visitor.post(SIGN_UP, fields())
    assert visitor.post(SIGN_UP, fields())["Location"] == SENT
    assert kinds() == [("email_confirmation_signup", EMAIL)]
    User.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    visitor.post(SIGN_UP, fields())
    visitor.post(SIGN_UP, fields())
    assert kinds()[1:] == [("account_already_exists", EMAIL)]
