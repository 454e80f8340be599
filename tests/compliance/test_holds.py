"""Legal holds as administrators and programs place and lift them."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from crm.compliance.errors import UnderLegalHold, UnknownHoldSubject
from crm.compliance.models import LegalHold
from crm.compliance.services.legal_holds import erase_values, lift_hold, place_hold
from crm.core.ids import uuid7
from crm.core.permissions import Grant, Level, Module, Rights, SystemPrincipal
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role
from tests.api.conftest import Api
from tests.compliance.audits import entries, settle, values_of
from tests.conftest import make_member
from tests.organizations.people import member_with

pytestmark = pytest.mark.django_db
PAGE = reverse("compliance:holds")
API = "/api/v1/legal-holds"


@pytest.fixture
def at_work(client: Client, owner: Membership) -> Client:
    client.force_login(owner.user)
    return client


def place(
    client: Client, kind: str = "organization", who: str = "", reason: str = "Case 17"
) -> Any:
    return client.post(PAGE, {"kind": kind, "who": who, "reason": reason})


def lift_page(hold: LegalHold) -> str:
    return reverse("compliance:lift_hold", args=[hold.pk])


def test_a_hold_is_placed_and_lifted_with_reasons(
    at_work: Client, owner: Membership, customer: Customer
) -> None:
    customer.email = "minh@fjord.example"
    customer.save(update_fields=["email"])
    assert place(at_work, "customer", "Minh@Fjord.example").status_code == 302
    (hold,) = LegalHold.objects.all()
    subject = f"customer:{customer.pk}"
    assert (hold.subject, hold.reason, hold.placed_by) == (subject, "Case 17", owner.user)
    page = at_work.get(PAGE).content.decode()
    assert "Customer: Minh" in page
    assert "Case 17" in page
    with pytest.raises(UnderLegalHold):
        erase_values(organization_id=customer.organization_id, subject=subject)
    assert at_work.post(lift_page(hold), {"reason": ""}).status_code == 302
    hold.refresh_from_db()
    assert hold.lifted_at is None
    assert at_work.post(lift_page(hold), {"reason": "Closed"}).status_code == 302
    hold.refresh_from_db()
    assert hold.lifted_at is not None
    assert (hold.lifted_by, hold.lift_reason) == (owner.user, "Closed")
    assert "Nothing is held." in at_work.get(PAGE).content.decode()
    settle()
    assert erase_values(organization_id=customer.organization_id, subject=subject) > 0


def test_who_sees_no_customers_learns_nothing_of_them_by_holds(
    client: Client, owner: Membership, organization: Organization, customer: Customer
) -> None:
    customer.name, customer.email = "Minh Tran", "minh@fjord.example"
    customer.save(update_fields=["name", "email"])
    subject = f"customer:{customer.pk}"
    place_hold(subject=subject, reason="Case 16", by=owner)
    settings_alone = Rights({Module.SETTINGS: Grant(Level.ALL, Level.ALL)})
    clerk = member_with(organization, "Clerk", settings_alone)
    client.force_login(clerk.user)
    for who in ("minh@fjord.example", str(customer.pk), "nobody@fjord.example", str(uuid7())):
        answer = place(client, "customer", who)
        assert answer.status_code == 400
        assert "There is nobody like that here." in answer.content.decode()
    shown = client.get(PAGE).content.decode()
    assert (subject in shown, "Minh Tran" in shown) == (True, False)
    with pytest.raises(UnknownHoldSubject):
        place_hold(subject=subject, reason="Case 17", by=clerk)
    assert place(client, "user", owner.user.email).status_code == 302
    assert LegalHold.objects.count() == 2


def test_both_are_told_in_the_audit_with_who_and_why(
    at_work: Client, owner: Membership, organization: Organization
) -> None:
    place(at_work)
    hold = LegalHold.objects.get()
    at_work.post(lift_page(hold), {"reason": "Closed"})
    (placed,) = entries(organization.pk, "legal_hold.placed")
    (lifted,) = entries(organization.pk, "legal_hold.lifted")
    assert {placed.actor_id, lifted.actor_id} == {str(owner.user_id)}
    assert values_of(placed).data["reason"] == [None, "Case 17"]
    assert values_of(lifted).data["lift_reason"] == ["", "Closed"]


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("customer", ""),
        ("customer", "nobody@fjord.example"),
        ("customer", "01a1fd00-0000-7000-8000-000000000000"),
        ("customer", "' OR 1=1"),
        ("user", "sam@inkwell.example"),
        ("user", "x\x00y"),
        ("moon", "x"),
    ],
)
def test_who_is_not_here_cannot_be_held(
    at_work: Client, stranger: Membership, kind: str, who: str
) -> None:
    answer = place(at_work, kind, who)
    assert answer.status_code == 400
    assert answer.context["form"].errors
    assert not LegalHold.objects.exists()


def test_customers_who_share_an_address_are_told_apart_by_id(
    at_work: Client, organization: Organization
) -> None:
    twins = [
        Customer.objects.create(organization=organization, name=name, email="home@fjord.example")
        for name in ("Ann", "Ben")
    ]
    assert "who" in place(at_work, "customer", "home@fjord.example").context["form"].errors
    assert place(at_work, "customer", str(twins[1].pk).upper()).status_code == 302
    assert LegalHold.objects.get().subject == f"customer:{twins[1].pk}"


def test_a_member_is_found_by_address(at_work: Client, agent: Membership) -> None:
    place(at_work, "user", agent.user.email.upper())
    assert LegalHold.objects.get().subject == f"user:{agent.user_id}"
    assert "Person: Linh" in at_work.get(PAGE).content.decode()


def test_only_administrators_hold(organization: Organization, agent: Membership) -> None:
    supervisor = make_member(organization, "Sue", Role.SUPERVISOR)
    hold = place_hold(by=SystemPrincipal(organization.pk), reason="Case 17")
    settle()
    for member in (agent, supervisor):
        client, api = Client(), Api(member)
        client.force_login(member.user)
        settle()
        refusals = [
            client.get(PAGE),
            place(client),
            client.post(lift_page(hold), {"reason": "x"}),
            client.post(lift_page(hold), {}),
            api.get(API),
            api.post(API, {"reason": "x"}),
            api.post(f"{API}/{hold.pk}/lift", {"reason": "x"}),
        ]
        assert {answer.status_code for answer in refusals} == {403}
    assert Client().get(PAGE).status_code == 302
    hold.refresh_from_db()
    assert (LegalHold.objects.count(), hold.lifted_at) == (1, None)


def test_the_hold_of_others_is_not_there(
    at_work: Client, owner: Membership, stranger: Membership
) -> None:
    hold = place_hold(by=SystemPrincipal(stranger.organization_id), reason="Secret case")
    assert "Secret case" not in at_work.get(PAGE).content.decode()
    at_work.post(lift_page(hold), {"reason": "x"})
    refused = Api(owner).post(f"{API}/{hold.pk}/lift", {"reason": "x"})
    assert (refused.status_code, refused.json()["code"]) == (404, "legal_hold_not_found")
    hold.refresh_from_db()
    assert hold.lifted_at is None


def test_programs_place_list_and_lift(owner: Membership, customer: Customer) -> None:
    settle()
    api = Api(owner)
    subject = f"customer:{customer.pk}"
    made = api.post(API, {"subject": subject, "reason": "Case 17"}, Idempotency_Key="h-1")
    assert (made.status_code, made.json()["subject"]) == (201, subject)
    assert made.json()["placed_by"] == str(owner.user_id)
    again = api.post(API, {"subject": subject, "reason": "Case 17"}, Idempotency_Key="h-1")
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (made.json(), "true")
    other = api.post(API, {"reason": "Case 18"}).json()
    assert other["subject"] == ""
    listed = api.get(API, {"is_active": "true"}).json()["results"]
    assert [each["id"] for each in listed] == [other["id"], made.json()["id"]]
    lifted = api.post(f"{API}/{other['id']}/lift", {"reason": "Closed"})
    assert (lifted.status_code, lifted.json()["lift_reason"]) == (200, "Closed")
    listed = api.get(API, {"is_active": "false"}).json()["results"]
    assert [each["id"] for each in listed] == [other["id"]]
    assert len(api.get(API, {"subject": subject}).json()["results"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"reason": ""},
        {"reason": "x" * 501},
        {"reason": "x", "subject": "customer:1"},
        {"reason": "x", "subject": f"customer:{uuid7()}"},
        {"reason": "x", "subject": f"team:{uuid7()}"},
        {"reason": "x", "subject": None},
        {"reason": "x", "lifted_at": "2020-01-01T00:00:00Z"},
        {"reason": "x", "organization_id": str(uuid7())},
    ],
)
def test_what_cannot_be_a_hold_is_refused(owner: Membership, body: dict[str, Any]) -> None:
    settle()
    refused = Api(owner).post(API, body)
    assert refused.status_code == 400
    assert refused.json()["code"] in {"invalid_field", "unknown_field"}
    assert not LegalHold.objects.exists()


BLANK = ["", "  \n", "\u200b\u2060", "\u3164", "\u2800", "\u0301"]


@pytest.mark.parametrize("reason", [*BLANK, "x" * 501])
def test_a_reason_that_cannot_be_read_is_refused_everywhere(
    at_work: Client, owner: Membership, organization: Organization, reason: str
) -> None:
    settle()
    with pytest.raises(CommandError, match="Say why"):
        call_command("audit", "hold", str(organization.pk), "--reason", reason)
    assert place(at_work, reason=reason).status_code == 400
    assert Api(owner).post(API, {"reason": reason}).status_code == 400
    assert not LegalHold.objects.exists()
    hold = place_hold(by=SystemPrincipal(organization.pk), reason="Case 17")
    with pytest.raises(CommandError, match="Say why"):
        call_command("audit", "lift", str(hold.pk), "--reason", reason)
    hold.refresh_from_db()
    assert hold.lifted_at is None


def test_one_reason_in_several_spellings_is_one_hold(
    at_work: Client, owner: Membership, organization: Organization, customer: Customer
) -> None:
    settle()
    hold = place_hold(by=SystemPrincipal(organization.pk), reason="Case 17 – O’Brien")
    assert place(at_work, reason="CASE 17 - O'Brien").status_code == 302
    assert place(at_work, reason="Case\u00a017\u200b – O’Brien").status_code == 302
    made = Api(owner).post(API, {"reason": "case 17 –\nO’Brien"})
    assert (made.status_code, made.json()["id"]) == (201, str(hold.pk))
    assert LegalHold.objects.get() == hold
    # Another subject, and another reason, is another hold.
    place(at_work, "customer", str(customer.pk), reason="Case 17 – O’Brien")
    place(at_work, reason="Case 18 – O’Brien")
    assert LegalHold.objects.count() == 3


def test_subjects_who_are_called_alike_are_told_apart(
    at_work: Client, organization: Organization
) -> None:
    twins = [
        Customer.objects.create(organization=organization, name=name)
        for name in ("Ann O’Neill", "ANN O'Neill", "Ben")
    ]
    for each in twins:
        place(at_work, "customer", str(each.pk))
    shown = [subject for _hold, subject in at_work.get(PAGE).context["active"]]
    assert sorted(shown) == sorted(
        [
            f"Customer: {twins[0].name} · {twins[0].pk}",
            f"Customer: {twins[1].name} · {twins[1].pk}",
            "Customer: Ben",
        ]
    )


def test_every_hold_is_found_page_by_page(
    at_work: Client, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.compliance.views.holds.SHOWN", 2)
    reasons = [f"Case {number}" for number in range(5)]
    for number, reason in enumerate(reasons):
        hold = place_hold(by=SystemPrincipal(organization.pk), reason=reason)
        gone = place_hold(by=SystemPrincipal(organization.pk), reason=f"Gone {number}")
        lift_hold(by=SystemPrincipal(organization.pk), hold_id=gone.pk, reason="Closed")
    for kind in ("active", "lifted"):
        address, found = PAGE, []
        while address:
            context = at_work.get(address).context
            found += [hold.reason for hold, _subject in context[kind]]
            address = context[f"more_{kind}"]
        name = "Case" if kind == "active" else "Gone"
        assert found == [f"{name} {number}" for number in reversed(range(5))]
    assert at_work.get(PAGE, {"after": "x"}).status_code == 200
    assert hold.reason == reasons[-1]


def test_operators_hold_by_command(organization: Organization) -> None:
    told = StringIO()
    call_command("audit", "hold", str(organization.pk), "--reason", "A court asks.", stdout=told)
    found = re.search(r"Held: (\S+)", told.getvalue())
    assert found is not None
    with pytest.raises(CommandError, match="nobody like that"):
        call_command(
            "audit", "hold", str(organization.pk), "--reason", "x", "--subject", "customer:x"
        )
    call_command("audit", "lift", found[1], "--reason", "Closed", stdout=told)
    hold = LegalHold.objects.get()
    assert (hold.placed_by, hold.lift_reason) == (None, "Closed")
    assert place_hold(by=SystemPrincipal(organization.pk), reason="A court asks.") != hold
    lift_hold(
        by=SystemPrincipal(organization.pk),
        hold_id=LegalHold.objects.active().get().pk,
        reason="Closed",
    )
