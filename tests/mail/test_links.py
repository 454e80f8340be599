"""Links in emails lead to the configured public address, whatever the Host header says."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from crm.core.mail.models import Mail
from crm.core.mail.services import Email, queue_mail
from crm.organizations.models import Membership, User
from tests.core.consoles import do
from tests.forms.browsers import browser

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = "testserver:4444"
_LINK = re.compile(r"https?://[^\s<>\"]+")


def _ask_for_password(owner: Membership) -> None:
    Client(HTTP_HOST=ELSEWHERE).post(reverse("account_reset_password"), {"email": owner.user.email})


def _ask_for_password_of_nobody(owner: Membership) -> None:
    Client(HTTP_HOST=ELSEWHERE).post(
        reverse("account_reset_password"), {"email": "nobody@example.com"}
    )


def _sign_up(owner: Membership) -> None:
    form = {
        "name": "Kim",
        "email": "kim@example.com",
        "password1": "correct horse battery",
        "organization": "Kim's",
        "organization_name": "Kim's",
    }
    Client(HTTP_HOST=ELSEWHERE).post(reverse("account_signup"), form)


def _invite(owner: Membership) -> None:
    client = browser(owner)
    client.defaults["HTTP_HOST"] = ELSEWHERE
    client.post(reverse("organizations:members"), {"email": "kim@example.com", "role": "agent"})


def _send_link_as_operator(owner: Membership) -> None:
    operator = Client(HTTP_HOST=ELSEWHERE)
    operator.force_login(User.objects.create_superuser("r@nextflow.example", "x", name="Rita"))
    do(operator, "send-password-reset", owner.user)


@pytest.mark.parametrize(
    "cause",
    [
        _ask_for_password,
        _ask_for_password_of_nobody,
        _sign_up,
        _invite,
        _send_link_as_operator,
    ],
)
def test_links_lead_to_the_public_address(
    owner: Membership, settings: Any, cause: Callable[[Membership], None]
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://*.crm.example", "https://crm.example/", "https://b.a"]
    cause(owner)
    (mail,) = Mail.objects.all()
    for text in (mail.text, mail.html):
        links = _LINK.findall(text)
        assert links
        assert all(link.startswith("https://crm.example/") for link in links), links


def test_a_link_keeps_its_path_and_query(db: None, settings: Any) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://crm.example:8443"]
    email = Email(
        subject="S", paragraphs=("P",), action_label="Go", action_url="http://a:1/b/?c=d#e"
    )
    mail = queue_mail(kind="k", to="a@b.example", language_code="en", compose=lambda: email)
    assert _LINK.findall(mail.text) == ["https://crm.example:8443/b/?c=d#e"]
