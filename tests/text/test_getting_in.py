"""Who gets in is decided by what an address and a password are, not by how they were typed."""

import unicodedata
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import get_hasher, make_password
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from crm.core.mail.models import Mail
from crm.core.mail.services import deliver_mail
from crm.organizations.models import Invitation, Membership, User
from tests.conftest import PASSWORD
from tests.mail.sink import listening

LOG_IN = reverse("authentication:log_in")
INBOX = reverse("chat:inbox")
UNICODE, PUNYCODE = "linh@пример.example", "Linh@XN--E1AFMKFD.example"
PHRASE = "Bò kho, phở và ốc luộc"


@pytest.fixture
def linh(agent: Membership) -> Membership:
    agent.user.email = UNICODE
    agent.user.save()
    EmailAddress.objects.create(user=agent.user, email=UNICODE, primary=True, verified=True)
    return agent


def enter(client: Client, email: str, password: str = PASSWORD) -> bool:
    answer = client.post(LOG_IN, {"email": email, "password": password})
    return (answer.status_code, answer.headers.get("Location")) == (302, INBOX)


@pytest.mark.parametrize(
    "typed", [UNICODE, PUNYCODE, "\u200blinh@ПРИМЕР.example\u00a0", "linh@пример。example"]
)
def test_international_address_logs_in_in_every_form(
    client: Client, linh: Membership, typed: str
) -> None:
    assert enter(client, typed)


def test_program_logs_in_with_an_international_address_in_every_form(
    client: Client, linh: Membership
) -> None:
    for typed in (UNICODE, PUNYCODE):
        answer = client.post(
            "/api/v1/auth/tokens",
            {"email": typed, "password": PASSWORD},
            content_type="application/json",
        )
        assert answer.status_code in {200, 201}, answer.content


def test_second_spelling_of_an_address_makes_no_second_account(
    client: Client, linh: Membership
) -> None:
    form = {
        "email": PUNYCODE,
        "name": "Linh",
        "organization": "Another",
        "password1": "a long enough phrase 7",
    }
    client.post(reverse("account_signup"), form)
    assert User.objects.filter(name="Linh").count() == 1


def test_reset_finds_the_account_by_every_spelling(client: Client, linh: Membership) -> None:
    client.post(reverse("account_reset_password"), {"email": f"\ufeff{PUNYCODE} "})
    assert list(Mail.objects.values_list("to", flat=True)) == [UNICODE]
    assert "password/reset" in Mail.objects.get().text


def test_invitation_of_an_international_address_is_one(owner: Membership) -> None:
    client = Client()
    client.force_login(owner.user)
    for typed in (PUNYCODE, UNICODE):
        client.post(reverse("organizations:members"), {"email": typed, "role": "agent", "team": ""})
    open_ones = Invitation.objects.filter(revoked_at__isnull=True)
    assert list(open_ones.values_list("email", flat=True)) == [UNICODE]


@pytest.mark.django_db(transaction=True)
def test_mail_to_an_international_address_goes_to_its_domain(linh: Membership, settings) -> None:
    with listening() as sink:
        settings.MAIL_OUTBOX = False
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        Client().post(reverse("account_reset_password"), {"email": "linh@straße.de"})
        mail = Mail.objects.get()
        Mail.objects.filter(pk=mail.pk).update(sent_at=None, attempts=0, due_at=mail.created_at)
        deliver_mail(mail_id=mail.pk)
    assert [message["To"] for message in sink.got] == ["linh@xn--strae-oqa.de"]


def test_password_is_the_same_on_every_keyboard(client: Client, linh: Membership) -> None:
    linh.user.set_password(unicodedata.normalize("NFD", PHRASE).replace(" ", "\u00a0"))
    linh.user.save(update_fields=["password"])
    for form in ("NFC", "NFD"):
        assert enter(Client(), UNICODE, unicodedata.normalize(form, PHRASE))
    # What may differ between two passwords still does.
    for other in (f" {PHRASE}", PHRASE.lower(), PHRASE.replace("ò", "o")):
        assert not enter(Client(), UNICODE, other)


def test_password_hashed_as_typed_before_stays_valid(client: Client, linh: Membership) -> None:
    typed = unicodedata.normalize("NFD", PHRASE)
    User.objects.filter(pk=linh.user_id).update(password=make_password(typed))
    assert enter(client, UNICODE, typed)
    linh.user.refresh_from_db()
    # It was replaced: now every keyboard's form of it is good.
    assert enter(Client(), UNICODE, PHRASE)


def test_unknown_address_costs_as_many_hashes_as_a_known_one(
    linh: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    hasher = type(get_hasher())
    encode = hasher.encode

    def counting(self: Any, password: str, *arguments: Any, **options: Any) -> str:
        hashed.append(password)
        return str(encode(self, password, *arguments, **options))

    monkeypatch.setattr(hasher, "encode", counting)
    counts = []
    for email in (UNICODE, "nobody@sunbean.example"):
        hashed.clear()
        assert not enter(Client(), email, unicodedata.normalize("NFD", "Phở và ốc luộc"))
        counts.append(len(hashed))
    assert counts[0] == counts[1] > 0


def test_operator_made_by_command_has_the_one_form_of_an_address(db: None, monkeypatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, email=PUNYCODE, name="Op", verbosity=0)
    assert User.objects.get(name="Op").email == UNICODE
