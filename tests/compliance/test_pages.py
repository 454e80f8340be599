"""The audit as administrators see it: search, pages, API, operator's admin."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.authentication.services.api_keys import create_api_key
from crm.compliance.actor import Actor, acting
from crm.compliance.filters import Filters
from crm.compliance.models import ActorKind, AuditEntry
from crm.compliance.services.exports import start_export
from crm.core.jobs.services import fetch_file
from crm.core.permissions import Grant, Level, Module, Rights
from crm.core.records import get_record
from crm.core.records.notes import create_note
from crm.core.transfer.formats import Format
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization
from tests.api.conftest import Api
from tests.compliance.audits import entries, settle
from tests.jobs.counting import finish
from tests.organizations.people import give, member_with

pytestmark = pytest.mark.django_db
PAGE = "/app/settings/audit/"
API = "/api/v1/audit"


@pytest.fixture
def busy(owner: Membership) -> Organization:
    Customer.objects.bulk_create(
        Customer(organization=owner.organization, name=f"<b>C{number}</b>") for number in range(120)
    )
    settle()
    return owner.organization


def client_of(membership: Membership) -> Client:
    client = Client()
    client.force_login(membership.user)
    settle()
    return client


def test_the_page_shows_what_happened(busy: Organization, owner: Membership) -> None:
    page = client_of(owner).get(PAGE)
    text = page.content.decode()
    assert page.status_code == 200
    assert "Customer: Created" in text
    assert "&lt;b&gt;C119&lt;/b&gt;" in text
    assert "<b>C119</b>" not in text
    assert text.count('class="audit-entry"') == 50


def test_pages_follow_each_other_without_gaps(busy: Organization, owner: Membership) -> None:
    client = client_of(owner)
    seen: list[Any] = []
    address = f"{PAGE}?object_type=customer"
    while address:
        context = client.get(address).context
        seen += [told.entry.seq for told in context["entries"]]
        address = f"{PAGE}{context['next']}" if context["next"] else ""
    assert len(seen) == 120
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ({"object_type": "organization"}, 1),
        ({"action": "customer.created"}, 50),
        ({"action": "customer.deleted"}, 0),
        ({"since": "2001-01-01", "until": "2001-12-31"}, 0),
        ({"since": "2001-01-01"}, 50),
        ({"object_type": "customer", "object_id": "nothing"}, 0),
        ({"action": "'; DROP TABLE"}, 50),
        ({"since": "never"}, 50),
        ({"until": "9999-12-31"}, 50),
    ],
)
def test_it_is_searched(
    busy: Organization, owner: Membership, query: dict[str, str], number: int
) -> None:
    page = client_of(owner).get(PAGE, query)
    assert (page.status_code, len(page.context["entries"])) == (200, number)


def test_a_thing_is_found_by_its_id_alone(busy: Organization, owner: Membership) -> None:
    customer = Customer.objects.of(busy.pk).first()
    assert customer is not None
    for given in (str(customer.pk), str(customer.pk).upper(), customer.pk.hex):
        page = client_of(owner).get(PAGE, {"object_id": given})
        found = [told.entry.object_id for told in page.context["entries"]]
        assert found == [str(customer.pk)], given
        answer = client_of(owner).get(API, {"object_id": given})
        assert [each["object_id"] for each in answer.json()["results"]] == found, given


def test_a_page_costs_the_same_for_many(busy: Organization, owner: Membership) -> None:
    client = client_of(owner)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        client.get(PAGE, {"object_type": "organization"})
    with CaptureQueriesContext(connection) as many:
        client.get(PAGE)
    assert len(many) <= len(few) + 2
    assert len(many) <= 16


def test_a_page_is_found_by_an_index(busy: Organization) -> None:
    found = AuditEntry.objects.of(busy.pk).newest_first()[:51]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    plan = found.explain()
    assert "Index" in plan
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("after", ["x", "e30", "%00"])
def test_a_cursor_of_somebody_else_is_refused(owner: Membership, after: str) -> None:
    assert client_of(owner).get(PAGE, {"after": after}).status_code == 400


def test_only_administrators_come_in(owner: Membership, agent: Membership) -> None:
    for path in (PAGE, API):
        assert client_of(agent).get(path).status_code == 403
        assert client_of(owner).get(path).status_code == 200
        assert Client().get(path).status_code in {302, 401}


def test_a_stranger_sees_their_own(busy: Organization, stranger: Membership) -> None:
    page = client_of(stranger).get(PAGE)
    theirs = {told.entry.organization_id for told in page.context["entries"]}
    assert theirs == {stranger.organization_id}


def test_the_api_lists_filters_and_pages(busy: Organization, owner: Membership) -> None:
    settle()
    api = Api(owner)
    first = api.get(API, {"action": "customer.created", "limit": "100"}).json()
    assert len(first["results"]) == 100
    rest = api.get(
        API, {"action": "customer.created", "limit": "100", "cursor": first["next_cursor"]}
    ).json()
    assert (len(rest["results"]), rest["next_cursor"]) == (20, None)
    record = first["results"][0]
    assert record["values"]["name"] == [None, "<b>C119</b>"]
    assert len(record["hash"]) == 64
    numbers = [each["seq"] for each in first["results"] + rest["results"]]
    assert numbers == sorted(numbers, reverse=True)
    wrong = api.get(API, {"hash": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknown_parameter")


def test_the_api_costs_the_same_for_many(busy: Organization, owner: Membership) -> None:
    settle()
    api = Api(owner)
    api.get(API)
    with CaptureQueriesContext(connection) as few:
        api.get(API, {"limit": "1"})
    with CaptureQueriesContext(connection) as many:
        api.get(API, {"limit": "100"})
    assert len(many) == len(few)


def test_operators_read_every_chain_and_change_none(
    busy: Organization, stranger: Membership, owner: Membership
) -> None:
    owner.user.is_staff = owner.user.is_superuser = True
    owner.user.save(update_fields=["is_staff", "is_superuser"])
    client = client_of(owner)
    address = "/admin/compliance/auditentry/"
    page = client.get(address, {"q": str(stranger.organization_id)})
    assert page.status_code == 200
    found = {each.organization_id for each in page.context["cl"].result_list}
    assert found == {stranger.organization_id}
    (entry, *_others) = entries(stranger.organization_id)
    assert client.get(f"{address}{entry.pk}/change/").status_code == 200
    assert client.post(f"{address}{entry.pk}/change/", {"action": "x"}).status_code == 403
    assert client.get(f"{address}add/").status_code == 403
    assert client.post(f"{address}{entry.pk}/delete/", {"post": "yes"}).status_code == 403


def test_customers_are_told_of_to_those_alone_who_may_read_all_customers(
    busy: Organization, owner: Membership
) -> None:
    """A role or key that administers the settings is no way to names and addresses."""
    settings_only = Rights({Module.SETTINGS: Grant(Level.ALL, Level.ALL)})
    member = member_with(busy, "Sven", settings_only)
    made = create_api_key(
        by=owner, name="K", scopes=["settings:read", "settings:write"], expires_at=None
    )
    settle()
    found = client_of(member).get(PAGE, {"object_type": "customer"}).context["entries"]
    assert found == []
    answer = Client().get(
        API, {"object_type": "customer"}, headers={"Authorization": f"Bearer {made.text}"}
    )
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    both = Rights({**settings_only.grants, Module.CUSTOMERS: Grant(Level.ALL)})
    told = client_of(give(member, both)).get(PAGE, {"object_type": "customer"})
    assert len(told.context["entries"]) == 50


def test_notes_are_told_of_to_those_alone_who_may_read_all_that_has_notes(
    customer: Customer, owner: Membership
) -> None:
    note = create_note(
        by=owner, record=get_record("customers"), row_id=customer.pk, text="Called them."
    )
    note.text = "Called."
    note.save(update_fields=["text"])
    only = Rights({Module.SETTINGS: Grant(Level.ALL, Level.ALL)})
    member = member_with(owner.organization, "Sven", only)
    settle()
    assert client_of(member).get(PAGE, {"object_type": "note"}).context["entries"] == []
    noticed = Api(member).get(API, {"object_type": "note"}).json()["results"]
    exported = finish(start_export(by=member, file_format=Format.JSONL, filters=Filters()))
    _info, pieces = fetch_file(by=member, job_id=exported.pk)
    assert (noticed, "note." in b"".join(pieces).decode()) == ([], False)
    every = Rights({area: Grant(Level.ALL, Level.ALL) for area in Module})
    for grants, told in (
        (every.grants, 2),
        ({**every.grants, Module.CUSTOMERS: Grant(Level.TEAM)}, 0),
    ):
        page = client_of(give(member, Rights(grants))).get(PAGE, {"object_type": "note"})
        assert len(page.context["entries"]) == told


def test_customer_who_caused_something_is_named_to_who_may_see_customers(
    owner: Membership, organization: Organization
) -> None:
    customer = Customer.objects.create(organization=organization, email="sue.secret@x.example")
    with acting(Actor(ActorKind.VISITOR, str(customer.pk))):
        organization.name = "Renamed by a visitor's message"
        organization.save(update_fields=["name"])
    settings_only = Rights({Module.SETTINGS: Grant(Level.ALL, Level.ALL)})
    named = {
        member: "sue.secret@x.example" in client_of(member).get(PAGE).content.decode()
        for member in (owner, member_with(organization, "Ivan", settings_only))
    }
    assert list(named.values()) == [True, False]
