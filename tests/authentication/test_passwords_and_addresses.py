"""Forgotten passwords, changed passwords, changed addresses: what proves what, and who is told."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from allauth.account.views import ConfirmEmailView
from django.contrib.auth import tokens
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.authentication.services.access import deactivate_user, reactivate_user
from crm.core.mail.models import Mail
from crm.organizations.models import Membership, User
from tests.authentication.letters import follow, kinds, last_letter, link_in
from tests.conftest import PASSWORD

RESET = reverse("account_reset_password")
SENT = reverse("account_reset_password_done")
DONE = reverse("account_reset_password_from_key_done")
CHANGE = reverse("account_change_password")
ADDRESS = reverse("account_email")
CONFIRM = reverse("account_reauthenticate")
LOG_IN = reverse("authentication:log_in")
INBOX = reverse("chat:inbox")
NEW_PASSWORD = "a lighthouse at dusk"
NEW_EMAIL = "linh.tran@sunbean.example"


def enter(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post(LOG_IN, {"email": email, "password": password}).status_code


@pytest.fixture
def at_work(client: Client, agent: Membership) -> Client:
    enter(client, agent.user.email)
    return client


@pytest.fixture
def confirmed(at_work: Client) -> Client:
    """Somebody who has just said again who they are."""
    at_work.post(f"{CONFIRM}?next={ADDRESS}", {"password": PASSWORD})
    return at_work


def test_reset_sets_a_new_password_and_ends_every_session(
    at_work: Client, agent: Membership
) -> None:
    visitor = Client()
    assert visitor.post(RESET, {"email": agent.user.email.upper()})["Location"] == SENT
    page = follow(visitor, link_in(last_letter(agent.user.email)))
    answer = visitor.post(page, {"password1": NEW_PASSWORD})
    assert answer["Location"] == DONE
    assert visitor.get(DONE).status_code == 200
    assert at_work.get(INBOX).status_code == 302
    assert enter(Client(), agent.user.email) == 400
    assert enter(Client(), agent.user.email, NEW_PASSWORD) == 302
    assert kinds()[-1] == ("password_reset", agent.user.email)


def test_reset_link_works_once(client: Client, agent: Membership) -> None:
    client.post(RESET, {"email": agent.user.email})
    link = link_in(last_letter(agent.user.email))
    client.post(follow(client, link), {"password1": NEW_PASSWORD})
    for visitor in (client, Client()):
        assert "does not work any more" in visitor.get(link).content.decode()
    agent.user.refresh_from_db()
    assert agent.user.check_password(NEW_PASSWORD)


def test_reset_link_expires_in_an_hour(
    client: Client, agent: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(RESET, {"email": agent.user.email})
    link = link_in(last_letter(agent.user.email))
    generator = tokens.PasswordResetTokenGenerator
    now = generator._now
    monkeypatch.setattr(generator, "_now", lambda self: now(self) + timedelta(minutes=61))
    assert "does not work any more" in client.get(link).content.decode()


def test_reset_link_from_before_a_deactivation_is_void(
    client: Client, agent: Membership, owner: Membership
) -> None:
    client.post(RESET, {"email": agent.user.email})
    link = link_in(last_letter(agent.user.email))
    deactivate_user(user_id=agent.user_id, by=owner.user)
    assert "does not work any more" in client.get(link).content.decode()
    reactivate_user(user_id=agent.user_id)
    assert "does not work any more" in client.get(link).content.decode()
    agent.user.refresh_from_db()
    assert agent.user.check_password(PASSWORD)


def test_reset_link_of_somebody_else_does_not_fit(
    client: Client, agent: Membership, colleague: Membership
) -> None:
    links = []
    for membership in (agent, colleague):
        client.post(RESET, {"email": membership.user.email})
        links.append(link_in(last_letter(membership.user.email)))
    whose, _dash, _key = links[0].rpartition("/reset/")[2].partition("-")
    key = links[1].rpartition("/reset/")[2].partition("-")[2]
    mixed = f"/password/reset/{whose}-{key}"
    assert "does not work any more" in client.get(mixed).content.decode()


def test_reset_tells_nothing_of_who_has_an_account(client: Client, agent: Membership) -> None:
    User.objects.filter(pk=agent.user_id).update(is_active=False)
    answers = [
        Client().post(RESET, {"email": email})
        for email in ("nobody@sunbean.example", agent.user.email)
    ]
    assert [(a.status_code, a["Location"]) for a in answers] == [(302, SENT)] * 2
    assert [kind for kind, _to in kinds()] == ["unknown_account", "unknown_account"]


def test_resets_for_one_address_are_held_up(client: Client, agent: Membership) -> None:
    for _time in range(5):
        client.post(RESET, {"email": agent.user.email})
        Mail.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    answer = client.post(RESET, {"email": agent.user.email})
    assert "Wait" in answer.context["form"].non_field_errors()[0]
    assert len(kinds()) == 5


def test_a_reset_reaches_verified_addresses_alone(confirmed: Client, agent: Membership) -> None:
    """A mistyped new address belongs to a stranger, who must not take the account over."""
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    stranger = Client()
    assert stranger.post(RESET, {"email": NEW_EMAIL})["Location"] == SENT
    assert kinds()[-1] == ("unknown_account", NEW_EMAIL)
    assert stranger.post(RESET, {"email": agent.user.email})["Location"] == SENT
    assert kinds()[-1] == ("password_reset_key", agent.user.email)


def test_a_new_address_is_confirmed_by_whoever_is_logged_in_to_the_account(
    confirmed: Client, agent: Membership, colleague: Membership
) -> None:
    old = agent.user.email
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    link = link_in(last_letter(NEW_EMAIL))
    stranger, other = Client(), Client()
    enter(other, colleague.user.email)
    for method in ("get", "post"):
        answer = getattr(stranger, method)(link)
        assert answer["Location"] == f"{LOG_IN}?next={quote(link)}"
        refused = getattr(other, method)(link)
        assert refused.status_code == 403
        assert "for another account" in refused.content.decode()
    assert other.get(INBOX).status_code == 200, "nobody is logged out by a link"
    agent.user.refresh_from_db()
    assert agent.user.email == old
    # In another browser of their own: they log in, and are led back.
    elsewhere = Client()
    entered = elsewhere.post(LOG_IN, {"email": old, "password": PASSWORD, "next": link})
    assert entered["Location"] == link
    elsewhere.post(link)
    agent.user.refresh_from_db()
    assert agent.user.email == NEW_EMAIL


def test_an_address_that_an_account_waits_for_is_free_to_sign_up(
    confirmed: Client, agent: Membership
) -> None:
    """Whoever asked to change to it, and never proved it, kept its owner out for good."""
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    pending = link_in(last_letter(NEW_EMAIL))
    newcomer = Client()
    fields = {"name": "Nora", "organization": "Fjord", "email": NEW_EMAIL, "password1": PASSWORD}
    answer = newcomer.post(reverse("account_signup"), fields)
    assert answer["Location"] == reverse("account_email_verification_sent")
    assert kinds()[-1][:2] == ("email_confirmation_signup", NEW_EMAIL)
    # From now on it is somebody else's, and the change never happens.
    confirmed.post(pending)
    agent.user.refresh_from_db()
    assert agent.user.email != NEW_EMAIL
    newcomer.post(link_in(last_letter(NEW_EMAIL)))
    assert EmailAddress.objects.get(email=NEW_EMAIL).user.name == "Nora"
    assert EmailAddress.objects.get(email=NEW_EMAIL).verified


def test_who_has_not_confirmed_is_sent_the_link_again(
    client: Client, db: None, stores_clean: None
) -> None:
    fields = {"name": "Nora", "organization": "Fjord", "email": "nora@fjord.example"}
    client.post(reverse("account_signup"), fields | {"password1": PASSWORD})
    assert Client().post(RESET, {"email": fields["email"]})["Location"] == SENT
    assert kinds()[-1][0] == "email_confirmation"
    elsewhere = Client()
    link = link_in(last_letter(fields["email"]))
    assert "another browser" in elsewhere.get(link).content.decode()
    elsewhere.post(link, {"password1": NEW_PASSWORD})
    assert enter(elsewhere, fields["email"], NEW_PASSWORD) == 302
    assert elsewhere.get(INBOX).status_code == 200


def test_weak_new_password_is_refused(client: Client, agent: Membership) -> None:
    client.post(RESET, {"email": agent.user.email})
    page = follow(client, link_in(last_letter(agent.user.email)))
    answer = client.post(page, {"password1": "password1234"})
    assert "password1" in answer.context["form"].errors
    agent.user.refresh_from_db()
    assert agent.user.check_password(PASSWORD)


def test_changed_password_spares_this_session_only(at_work: Client, agent: Membership) -> None:
    elsewhere = Client()
    enter(elsewhere, agent.user.email)
    wrong = at_work.post(CHANGE, {"oldpassword": "wrong", "password1": NEW_PASSWORD})
    assert list(wrong.context["form"].errors) == ["oldpassword"]
    answer = at_work.post(CHANGE, {"oldpassword": PASSWORD, "password1": NEW_PASSWORD})
    assert answer.status_code == 302
    assert at_work.get(INBOX).status_code == 200
    assert elsewhere.get(INBOX).status_code == 302
    assert kinds() == [("password_changed", agent.user.email)]


def test_guessing_the_old_password_is_held_up(at_work: Client) -> None:
    for _time in range(10):
        at_work.post(CHANGE, {"oldpassword": "wrong", "password1": NEW_PASSWORD})
    answer = at_work.post(CHANGE, {"oldpassword": PASSWORD, "password1": NEW_PASSWORD})
    assert "Wait" in answer.context["form"].errors["oldpassword"][0]


def test_address_changes_once_the_new_one_is_confirmed(
    confirmed: Client, agent: Membership
) -> None:
    old = agent.user.email
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    assert NEW_EMAIL in confirmed.get(ADDRESS).content.decode()
    agent.user.refresh_from_db()
    assert agent.user.email == old
    assert enter(Client(), NEW_EMAIL) == 400
    link = link_in(last_letter(NEW_EMAIL))
    confirmed.post(link)
    agent.user.refresh_from_db()
    assert agent.user.email == NEW_EMAIL
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [
        (NEW_EMAIL, True, True)
    ]
    assert kinds() == [("email_confirmation", NEW_EMAIL), ("email_changed", old)]
    assert enter(Client(), old) == 400
    assert enter(Client(), NEW_EMAIL) == 302


def resend(client: Client, email: str = NEW_EMAIL) -> str:
    answer = client.post(ADDRESS, {"email": email, "action_send": "1"}, follow=True)
    return str(answer.content.decode())


def test_letters_to_an_address_that_nobody_proved_are_counted(
    confirmed: Client, agent: Membership
) -> None:
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    shown = [resend(confirmed) for _time in range(8)]
    assert kinds() == [("email_confirmation", NEW_EMAIL)] * 5
    assert ["Too many requests" in page for page in shown] == [False] * 4 + [True] * 4
    # Nor to the next address; and the change that was not written to is none.
    answer = confirmed.post(ADDRESS, {"email": "other@fjord.example", "action_add": "1"})
    assert "email" in answer.context["form"].errors
    assert len(kinds()) == 5
    assert not EmailAddress.objects.filter(email="other@fjord.example").exists()


def test_letters_to_one_address_are_counted_whoever_sends_them(
    confirmed: Client, agent: Membership, client: Client
) -> None:
    """Strangers are told nothing: neither by the sign-up form nor by the one of passwords."""
    fields = {"name": "Nora", "organization": "Fjord", "password1": PASSWORD}
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    for number in range(4):
        answer = Client().post(
            reverse("account_signup"), fields | {"email": NEW_EMAIL, "name": f"Nora {number}"}
        )
        assert answer.status_code == 302
        Mail.objects.update(created_at=timezone.now() - timedelta(minutes=2))
        User.objects.filter(email=NEW_EMAIL).update(
            created_at=timezone.now() - timedelta(minutes=2)
        )
    assert len(kinds()) == 5
    for _time in range(3):
        assert Client().post(RESET, {"email": NEW_EMAIL})["Location"] == SENT
        Mail.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    assert len(kinds()) == 5
    assert Client().post(RESET, {"email": "unknown@fjord.example"})["Location"] == SENT
    assert len(kinds()) == 6


def test_a_refused_letter_tells_no_taken_address_from_a_free_one(
    confirmed: Client, agent: Membership, colleague: Membership
) -> None:
    for number in range(5):
        confirmed.post(ADDRESS, {"email": f"free{number}@fjord.example", "action_add": "1"})
    refused = [
        confirmed.post(ADDRESS, {"email": email, "action_add": "1"})
        for email in ("free@fjord.example", colleague.user.email)
    ]
    assert [answer.status_code for answer in refused] == [200, 200]
    first, second = (str(answer.context["form"].errors["email"]) for answer in refused)
    assert first == second


def test_change_of_address_asks_who_one_is(at_work: Client, agent: Membership) -> None:
    answer = at_work.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    assert answer["Location"].startswith(CONFIRM)
    assert kinds() == []


def test_change_to_anothers_address_says_nothing_and_changes_nothing(
    confirmed: Client, agent: Membership, colleague: Membership
) -> None:
    confirmed.post(f"{CONFIRM}?next={ADDRESS}", {"password": PASSWORD})
    free = confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    taken = confirmed.post(ADDRESS, {"email": colleague.user.email, "action_add": "1"})
    assert (free.status_code, free["Location"]) == (taken.status_code, taken["Location"])
    # Even its owner, who follows the link in good faith, does not give it away.
    enter_other = Client()
    enter(enter_other, colleague.user.email)
    enter_other.post(link_in(last_letter(colleague.user.email)))
    agent.user.refresh_from_db()
    colleague.user.refresh_from_db()
    assert agent.user.email == "linh@sunbean.example"
    assert colleague.user.email == "marco@sunbean.example"


def test_change_of_address_can_be_taken_back(confirmed: Client, agent: Membership) -> None:
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": "1"})
    link = link_in(last_letter(NEW_EMAIL))
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_remove": "1"})
    assert confirmed.post(link).status_code == 404
    agent.user.refresh_from_db()
    assert agent.user.email == "linh@sunbean.example"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/x"])
def test_foreign_targets_are_not_followed_after_confirming(at_work: Client, target: str) -> None:
    answer = at_work.post(f"{CONFIRM}?next={target}", {"password": PASSWORD})
    assert answer["Location"] == INBOX
    answer = Client().post(f"{RESET}?next={target}", {"email": "a@sunbean.example"})
    assert "evil" not in answer["Location"]


def test_unconfirmed_row_of_old_keeps_nobody_out(client: Client, agent: Membership) -> None:
    """An account that an operator made has no address rows; its operator vouches for it."""
    assert not EmailAddress.objects.exists()
    assert enter(client, agent.user.email) == 302
    assert EmailAddress.objects.get().verified
    assert timezone.now() > agent.user.created_at


def test_reset_form_sent_twice_sends_one_letter(client: Client, agent: Membership) -> None:
    for _time in range(2):
        assert client.post(RESET, {"email": agent.user.email})["Location"] == SENT
    assert kinds() == [("password_reset_key", agent.user.email)]
    Mail.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    client.post(RESET, {"email": agent.user.email})
    assert len(kinds()) == 2


def test_an_address_that_another_account_confirms_at_the_same_moment_is_refused(
    confirmed: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed.post(ADDRESS, {"email": NEW_EMAIL, "action_add": ""})
    link = link_in(last_letter(NEW_EMAIL))

    def too_late(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(ConfirmEmailView, "post", too_late)
    answer = confirmed.post(link)
    assert answer.status_code == 302
    assert link.endswith(answer["Location"])
