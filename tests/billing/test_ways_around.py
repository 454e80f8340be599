"""What a plan limits is limited on every way in."""

import json
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from chat.consumers.long_poll import _counted_viewer
from crm.authentication.services.api_keys import create_api_key
from crm.billing import counters
from crm.billing.metrics import Metric
from crm.core.quotas import QuotaExceeded
from crm.core.ratelimit.headers import recorded_limit_statuses
from crm.core.transfer.models import Import
from crm.customers.models import Customer, Stage
from crm.organizations.models import Membership, Organization
from knowledge.models import Faq
from tests.billing.plans import allow, used
from tests.transfer.pages import checked, ended, press

pytestmark = pytest.mark.django_db

CUSTOMERS = "/api/v1/customers"


@pytest.fixture
def bearer(owner: Membership) -> str:
    scopes = ["customers:write", "inbox:read"]
    made = create_api_key(by=owner, name="Key", scopes=scopes, expires_at=None)
    return f"Bearer {made.text}"


def call(bearer: str, method: str, path: str, body: Any = None) -> Any:
    return Client().generic(
        method,
        path,
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"Authorization": bearer},
    )


def used_calls(organization: Organization) -> int:
    found = counters.read(organization.pk, Metric.API_CALLS)
    return found[1] if found else 0


def test_a_long_poll_of_a_program_is_counted_and_refused_like_any_call(
    organization: Organization, bearer: str
) -> None:
    """`?wait=1` is answered before Django, and was counted nowhere."""
    allow(organization, api_calls=3)
    for number in range(3):
        _counted_viewer(HttpRequest(), authorization=bearer, cookie=None)
        assert used_calls(organization) == number + 1
    request = HttpRequest()
    with pytest.raises(QuotaExceeded) as refusal:
        _counted_viewer(request, authorization=bearer, cookie=None)
    assert refusal.value.extra["quota"] == "api_calls"
    assert [each.is_refused for each in recorded_limit_statuses(request)] == [False] * 3
    assert call(bearer, "GET", CUSTOMERS).status_code == 402
    assert used_calls(organization) == 3


def test_a_customer_who_is_called_a_visitor_takes_a_place_all_the_same(
    organization: Organization, bearer: str
) -> None:
    allow(organization, contacts=1)
    assert call(bearer, "POST", CUSTOMERS, {"name": "Minh"}).status_code == 201
    for facts in ({"name": "Lan"}, {"email": "lan@shop.example"}, {"phone": "+84 24 1234"}):
        refused = call(bearer, "POST", CUSTOMERS, {**facts, "stage": "visitor"})
        assert (refused.status_code, refused.json()["field"]) == (400, "stage"), facts
        assert call(bearer, "POST", CUSTOMERS, facts).status_code == 402
    assert Customer.objects.of(organization.pk).count() == 1


def test_a_contact_stays_one_and_frees_no_place(organization: Organization, bearer: str) -> None:
    allow(organization, contacts=1)
    minh = call(bearer, "POST", CUSTOMERS, {"name": "Minh"}).json()["id"]
    lowered = call(bearer, "PATCH", f"{CUSTOMERS}/{minh}", {"stage": "visitor"})
    assert (lowered.status_code, lowered.json()["field"]) == (400, "stage")
    assert Customer.objects.get().stage == Stage.CUSTOMER


def test_a_visitor_who_is_given_a_name_becomes_a_contact(
    organization: Organization, bearer: str
) -> None:
    allow(organization, contacts=1)
    first, second = (Customer.objects.create(organization=organization) for _n in range(2))
    named = call(bearer, "PATCH", f"{CUSTOMERS}/{first.pk}", {"name": "Minh"})
    assert (named.status_code, named.json()["stage"]) == (200, "customer")
    refused = call(bearer, "PATCH", f"{CUSTOMERS}/{second.pk}", {"email": "lan@shop.example"})
    assert (refused.status_code, refused.json()["quota"]) == (402, "contacts")
    second.refresh_from_db()
    assert (second.stage, second.email) == (Stage.VISITOR, "")
    # What tells nothing of who they are changes nothing of what they are.
    spoken = call(bearer, "PATCH", f"{CUSTOMERS}/{second.pk}", {"language": "vi"})
    assert (spoken.status_code, spoken.json()["stage"]) == (200, "visitor")


def test_an_import_of_faqs_on_its_page_is_counted_and_refused(
    organization: Organization, owner: Membership
) -> None:
    allow(organization, background_tasks=1)
    client = Client()
    client.force_login(owner.user)

    def run(text: str) -> Any:
        client.post("/app/import/faqs/new/", {"text": text})
        found = checked(client, ended(Import.objects.latest("created_at")), key="question")
        assert used(organization, Metric.BACKGROUND_TASKS) == bool(Faq.objects.count())
        answer = press(client, found, "run")
        found.refresh_from_db()
        return answer, found

    answer, found = run("Do you ship to Manila?\nYes, in three days.\n")
    assert answer.status_code == 302, "to look at it counts nothing"
    ended(found)
    assert used(organization, Metric.BACKGROUND_TASKS) == 1
    refused, found = run("Do you ship to Hanoi?\nYes, tomorrow.\n")
    assert (refused.status_code, found.state) == (402, "checked"), "the text is not lost"
    assert Faq.objects.count() == 1
