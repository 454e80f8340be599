"""No address of the installation can be made to lead elsewhere, and letters lead to us."""

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from crm.organizations.models import Membership
from tests.authentication.letters import last_letter
from tests.tenancy.addresses import addresses_without_repeats
from tests.tenancy.visiting import Person
from tests.tenancy.world import Theirs, make_theirs

pytestmark = pytest.mark.long

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "https:///evil.example",
]
# How the views, allauth's among them, and the admin call where to go on.
NAMES = ("next", "redirect_to", "return_to", "url", "continue")


# Where an address that forwards at all goes on to.
OURS = "/app/inbox/?from=there"


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["nobody", "owner"])
def test_no_address_leads_elsewhere(stores_clean: None, settings: Any, who: str) -> None:
    """Ask each address with a target of ours; those that forward, with foreign ones as well."""
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMIT_DEFAULTS, "off")
    theirs = make_theirs()
    owner = Person(theirs.owner)
    led, wrong = set(), []
    for address in addresses_without_repeats(theirs):

        def locations(target: str, path: str = address.path) -> list[str]:
            client = owner.client() if who == "owner" else Client(raise_request_exception=False)
            return [answer["Location"] for answer in forwarded(client, path, target, theirs)]

        found = locations(OURS)
        if not found:
            continue
        led.add(address.name)
        # Most forward to one place whatever they are asked: those get one target each, in turn.
        follows = any(OURS in unquote(location) for location in found)
        for target in ELSEWHERE if follows else [ELSEWHERE[len(led) % len(ELSEWHERE)]]:
            for location in locations(target):
                parts = urlsplit(location.replace("\\", "/"))
                is_ours = (parts.scheme, parts.netloc) in {("", ""), ("http", "testserver")}
                if not is_ours or location.startswith(("//", "/\\")):
                    wrong.append(f"{address.name} leads to {location} for {target}")
    assert wrong == []
    assert len(led) > 20


def forwarded(client: Client, path: str, target: str, theirs: Theirs) -> list[Any]:
    """Return the answers with a Location, when asked in each way to go on to this target."""
    asked = dict.fromkeys(NAMES, target)
    # What the views that lead back to somewhere need; the others do not look at it.
    filled = {"language": "vi", "timezone": "UTC", "organization": theirs.organization.pk}
    answers: list[Any] = [
        client.get(path, asked),
        client.post(path, {**asked, **filled}, headers={"Referer": target}),
    ]
    return [answer for answer in answers if "Location" in answer]


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_form_that_cannot_be_read_is_no_server_error_where_nothing_is(
    agent: Membership, *, is_there: bool
) -> None:
    """The pages of errors check the token of the form as well."""
    client = Client(enforce_csrf_checks=True)
    path = reverse("authentication:log_in")
    client.get(path)
    answer = client.post(
        path if is_there else "/nothing/here/", b"abc", content_type="multipart/form-data"
    )
    assert answer.status_code == (400 if is_there else 404)
