"""Whose a customer is: each implementation is compared with a table that was written by hand."""

import pytest

from chat.models import Conversation, Widget
from crm.core.ids import uuid7
from crm.core.permissions import READ, WRITE, Action, Level, Module, can_access
from crm.customers.models import Customer
from crm.organizations.access_explanation import Reason, explain
from crm.organizations.models import Membership, Organization, Role
from tests.api.conftest import Api
from tests.conftest import make_conversation, make_member
from tests.organizations.people import give, make_team, pairs, present, rights

CREATORS = ("nobody", "me", "mate", "outsider")
# To whom the customer's conversation is assigned; "none" is a customer without a conversation.
CONVERSATIONS = ("none", "unassigned", "me", "mate", "outsider")

# Rows are CREATORS, columns are CONVERSATIONS; x is within reach.
TABLE = {
    Level.NONE: ("· · · · ·", "· · · · ·", "· · · · ·", "· · · · ·"),
    Level.OWN: ("· · x · ·", "x x x x x", "· · x · ·", "· · x · ·"),
    Level.TEAM: ("x x x x ·", "x x x x x", "x x x x x", "· x x x ·"),
    Level.ALL: ("x x x x x", "x x x x x", "x x x x x", "x x x x x"),
}


def reached(level: Level) -> set[str]:
    return {
        f"{creator} {conversation}"
        for creator, row in zip(CREATORS, TABLE[level], strict=True)
        for conversation, mark in zip(CONVERSATIONS, row.split(), strict=True)
        if mark == "x"
    }


@pytest.fixture
def people(organization: Organization) -> dict[str, Membership]:
    found = {
        name: make_member(organization, name, Role.AGENT) for name in ("me", "mate", "outsider")
    }
    make_team("Shared", found["me"], found["mate"])
    return found


@pytest.fixture
def customers(
    organization: Organization, widget: Widget, people: dict[str, Membership]
) -> list[Customer]:
    for creator in CREATORS:
        for assignee in CONVERSATIONS:
            customer = Customer.objects.create(
                organization=organization,
                name=f"{creator} {assignee}",
                created_by=people[creator].user if creator in people else None,
            )
            if assignee != "none":
                talk(customer, widget, people.get(assignee))
    return list(Customer.objects.all())


def talk(customer: Customer, widget: Widget, assignee: Membership | None) -> None:
    conversation = make_conversation(customer, widget, first=f"first-{uuid7()}")
    user = assignee.user if assignee else None
    Conversation.objects.filter(pk=conversation.pk).update(assignee=user, status="open")


def allowed(by: Membership, action: Action, customers: list[Customer]) -> set[str]:
    return {
        each.name for each in customers if can_access(by, Module.CUSTOMERS, action, each.owner_ids)
    }


@pytest.mark.parametrize(("read", "write"), pairs(Module.CUSTOMERS))
def test_each_level_reaches_what_the_table_says(
    customers: list[Customer], people: dict[str, Membership], read: Level, write: Level
) -> None:
    me = present(give(people["me"], rights(Module.CUSTOMERS, read, write)))
    assert {each.name for each in Customer.objects.visible_to(me)} == reached(read)
    assert Customer.objects.visible_to(me).count() == len(reached(read))
    assert allowed(me, READ, customers) == reached(read)
    assert allowed(me, WRITE, customers) == reached(write)
    for action, level in ((READ, read), (WRITE, write)):
        told = {
            each.name: explain(me, Module.CUSTOMERS, action, each.owner_ids) for each in customers
        }
        assert {name for name, each in told.items() if each.is_allowed} == reached(level)
        assert {name for name, each in told.items() if each.sentence.startswith("Yes")} == reached(
            level
        )


@pytest.mark.parametrize("level", [Level.NONE, Level.OWN, Level.TEAM, Level.ALL])
def test_the_api_opens_and_changes_what_the_table_says(
    customers: list[Customer], people: dict[str, Membership], level: Level
) -> None:
    api = Api(present(give(people["me"], rights(Module.CUSTOMERS, level, level))))
    opened, changed = set(), set()
    for each in customers:
        address = f"/api/v1/customers/{each.pk}"
        if api.get(address).status_code == 200:
            opened.add(each.name)
        if api.patch(address, {"phone": "+49 30 1234567"}).status_code == 200:
            changed.add(each.name)
    assert opened == changed == reached(level)


def test_of_several_conversations_each_counts(
    organization: Organization, widget: Widget, people: dict[str, Membership]
) -> None:
    customer = Customer.objects.create(organization=organization, name="Many", created_by=None)
    me = present(give(people["me"], rights(Module.CUSTOMERS, Level.TEAM, Level.TEAM)))
    reach = []
    for assignee in (people["outsider"], people["outsider"], None):
        talk(customer, widget, assignee)
        is_listed = Customer.objects.visible_to(me).filter(pk=customer.pk).exists()
        reach.append((is_listed, can_access(me, Module.CUSTOMERS, WRITE, customer.owner_ids)))
    assert reach == [(False, False), (False, False), (True, True)]


def test_who_added_a_customer_without_a_conversation_is_named_as_the_owner(
    customers: list[Customer], people: dict[str, Membership]
) -> None:
    me = present(give(people["me"], rights(Module.CUSTOMERS, Level.TEAM)))
    by_name = {each.name: each for each in customers}
    reasons = [
        explain(me, Module.CUSTOMERS, READ, by_name[f"{creator} none"].owner_ids).reason
        for creator in CREATORS
    ]
    assert reasons == [Reason.NOBODYS, Reason.OWN, Reason.TEAM, Reason.NOT_THEIR_TEAMS]


def test_another_organizations_customers_are_within_nobodys_reach(
    customers: list[Customer], stranger: Membership
) -> None:
    for level in TABLE:
        them = present(give(stranger, rights(Module.CUSTOMERS, level)))
        assert not Customer.objects.visible_to(them).exists()
