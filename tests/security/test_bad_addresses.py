"""No address of the installation can be made to lead elsewhere, and letters lead to us."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from crm.accounts.models import Membership
from tests.accounts.letters import last_letter
from tests.tenancy.addresses import addresses
from tests.tenancy.visiting import Person
from tests.tenancy.world import make_theirs

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "https:///evil.example",
]
# How the views, allauth's among them, and the admin call where to go on.
NAMES = ("next", "redirect_to", "return_to", "url", "continue")


@pytest.mark.django_db
@pytest.mark.parametrize("target", ELSEWHERE)
@pytest.mark.parametrize("who", ["nobody", "owner"])
def test_no_address_leads_elsewhere(
    stores_clean: None, settings: Any, who: str, target: str
) -> None:
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")
    theirs = make_theirs()
    asked = dict.fromkeys(NAMES, target)
    # What the views that lead back to somewhere need; the others do not look at it.
    filled = {"language": "vi", "timezone": "UTC", "organization": theirs.organization.pk}
    led = 0
    owner = Person(theirs.owner)
    for address in addresses(theirs):
        client = owner.client() if who == "owner" else Client(raise_request_exception=False)
        answers = [
            client.get(address.path, asked),
            client.post(address.path, asked, headers={"Referer": target}),
            client.post(address.path, {**asked, **filled}),
        ]
        for answer in answers:
            location = answer.get("Location")
            if location is None:
                continue
            led += 1
            parts = urlsplit(location.replace("\\", "/"))
            assert (parts.scheme, parts.netloc) in {("", ""), ("http", "testserver")}, address.name
            assert not location.startswith(("//", "/\\")), address.name
    assert led > 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-Host"])
def test_the_link_of_a_letter_follows_no_header(agent: Membership, header: str) -> None:
    told = "host=evil.example" if header == "Forwarded" else "evil.example"
    client = Client(headers={header: told})
    client.post(reverse("account_reset_password"), {"email": agent.user.email})
    letter = last_letter(agent.user.email)
    for text in (letter.text, letter.html):
        assert "evil.example" not in text
        assert "http://testserver/" in text
