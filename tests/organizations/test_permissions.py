"""The one table, and that every question asked of it has one answer."""

import re
from itertools import product
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Conversation, Widget
from crm.core.permissions import (
    LEVELS,
    READ,
    SCOPES,
    WRITE,
    Action,
    ApiKeyPrincipal,
    Grant,
    Level,
    Module,
    Rights,
    can_access,
    rights_of_scopes,
    scopes_of,
)
from crm.customers.models import Customer
from crm.customers.services import update_customer
from crm.organizations.access_explanation import Reason, explain
from crm.organizations.builtin_roles import BUILT_IN
from crm.organizations.models import Membership, Organization, Role
from knowledge.models import Faq
from tests.api.conftest import Api
from tests.conftest import make_conversation, make_member
from tests.organizations.people import give, make_team, member_with, pairs, present, rights

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "permissions.md"
ALLOWED = {Reason.ALL, Reason.OWN, Reason.TEAM, Reason.LED, Reason.NOBODYS}


def test_every_role_has_a_column_and_every_area_a_row() -> None:
    assert list(BUILT_IN) == Role.values
    assert all(set(rights.grants) == set(Module) for rights in BUILT_IN.values())
    for given in BUILT_IN.values():
        for area, action in product(Module, Action):
            assert given.level(area, action) in LEVELS[area]


def test_table_in_the_docs_is_the_table_in_the_code() -> None:
    rows = re.findall(r"^\| (\w+) \| (.+) \|$", DOCS.read_text(), re.MULTILINE)
    told = {area: cells.split(" | ") for area, cells in rows if area in Module.values}
    assert told == {
        str(area): [
            f"{given[area].read.key} / {given[area].write.key}" for given in BUILT_IN.values()
        ]
        for area in Module
    }


def test_owner_may_everything_and_roles_go_down() -> None:
    assert all(BUILT_IN["owner"].level(*each) == Level.ALL for each in product(Module, Action))
    for higher, lower in (("owner", "admin"), ("admin", "supervisor"), ("supervisor", "agent")):
        assert BUILT_IN[higher].covers(BUILT_IN[lower])
        assert not BUILT_IN[lower].covers(BUILT_IN[higher])
    assert not any(BUILT_IN["viewer"].level(area, WRITE) for area in Module)


def test_nobody_changes_what_they_cannot_see() -> None:
    with pytest.raises(ValueError, match="above"):
        Grant(Level.OWN, Level.TEAM)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"inbox": "all"},
        {"inbox": {"read": "everything", "write": 7}},
        {"inbox": {"read": None, "write": "all"}},
        {"INBOX": {"read": "all", "write": "all"}},
        {"sales; drop table": {"read": "all", "write": "all"}},
        {"settings": {"read": "team", "write": "own"}},
    ],
)
def test_stored_rights_that_cannot_be_understood_give_nothing(stored: dict[str, object]) -> None:
    assert Rights.load(stored) == Rights({area: Grant() for area in Rights.load(stored).grants})


def test_rights_survive_being_stored() -> None:
    for given in BUILT_IN.values():
        assert Rights.load(given.stored()) == given


def test_scopes_name_areas_and_unknown_ones_give_nothing() -> None:
    assert len(SCOPES) == 2 * len(Module)
    given = rights_of_scopes(["inbox:write", "customers:read", "everything:write", "inbox"])
    assert given[Module.INBOX] == Grant(Level.ALL, Level.ALL)
    assert given[Module.CUSTOMERS] == Grant(Level.ALL, Level.NONE)
    assert given[Module.SETTINGS] == Grant()
    assert scopes_of(BUILT_IN["owner"]) == SCOPES
    assert scopes_of(BUILT_IN["agent"]) == (
        "inbox:read",
        "inbox:write",
        "customers:read",
        "customers:write",
        "deals:read",
        "deals:write",
        "knowledge:read",
    )


def test_rights_of_a_key_end_where_its_limit_ends() -> None:
    limited = rights_of_scopes(SCOPES).limited_to(BUILT_IN["agent"])
    assert limited == BUILT_IN["agent"]


@pytest.fixture
def office(organization: Organization, widget: Widget) -> dict[str, Membership]:
    """Somebody who shares a team with one, leads another one, and does not know a third."""
    people = {
        name: make_member(organization, name, Role.AGENT)
        for name in ("me", "mate", "led", "other", "boss")
    }
    make_team("Shared", people["me"], people["mate"], lead=people["boss"])
    make_team("Led", people["me"], people["led"], lead=people["me"])
    for name in ("me", "mate", "led", "other", None):
        assignee = people[name].user if name else None
        customer = Customer.objects.create(organization=organization, name=f"of {name}")
        conversation = make_conversation(customer, widget, first=f"first-{name}")
        Conversation.objects.filter(pk=conversation.pk).update(assignee=assignee, status="open")
        Faq.objects.create(
            organization=organization,
            key=f"of-{name}",
            question="?",
            answer="!",
            language_code="en",
            created_by=assignee,
        )
    return people


def owners(office: dict[str, Membership]) -> list[Membership | None]:
    return [office["me"], office["mate"], office["led"], office["other"], None]


SEEN = {
    Level.NONE: set(),
    Level.OWN: {"me", "led"},
    Level.TEAM: {"me", "mate", "led", "None"},
    Level.ALL: {"me", "mate", "led", "other", "None"},
}


@pytest.mark.parametrize("level", list(Level))
def test_each_level_reaches_the_same_in_every_table(
    office: dict[str, Membership], level: Level
) -> None:
    every = Rights({area: Grant(level if level in LEVELS[area] else Level.NONE) for area in Module})
    me = present(give(office["me"], every))
    conversations = Conversation.objects.visible_to(me).select_related("customer")
    assert {each.customer.name.removeprefix("of ") for each in conversations} == SEEN[level]
    customers = Customer.objects.visible_to(me)
    assert {each.name.removeprefix("of ") for each in customers} == SEEN[level]
    faqs = Faq.objects.visible_to(me)
    # Keys are stored in lower case.
    assert {each.key.removeprefix("of-") for each in faqs} == {name.lower() for name in SEEN[level]}


@pytest.mark.parametrize("area", [Module.INBOX, Module.CUSTOMERS, Module.KNOWLEDGE])
def test_memory_database_and_explanation_agree(office: dict[str, Membership], area: Module) -> None:
    tables = {
        Module.INBOX: lambda who, whose: Conversation.objects.visible_to(who).filter(
            assignee=whose
        ),
        Module.CUSTOMERS: lambda who, whose: Customer.objects.visible_to(who).filter(
            conversations__assignee=whose
        ),
        Module.KNOWLEDGE: lambda who, whose: Faq.objects.visible_to(who).filter(created_by=whose),
    }
    for read, write in pairs(area):
        me = present(give(office["me"], rights(area, read, write)))
        for owner in owners(office):
            owner_ids = (owner.user_id,) if owner else ()
            whose = owner.user if owner else None
            is_there = tables[area](me, whose).exists()
            assert can_access(me, area, READ, owner_ids) is is_there
            for action in Action:
                told = explain(me, area, action, owner_ids)
                assert told.is_allowed is can_access(me, area, action, owner_ids)
                assert (told.reason in ALLOWED) is told.is_allowed
                assert told.sentence.startswith("Yes" if told.is_allowed else "No")


def test_explanation_names_the_team(office: dict[str, Membership]) -> None:
    me = present(give(office["me"], rights(Module.INBOX, Level.TEAM)))
    told = explain(me, Module.INBOX, READ, (office["mate"].user_id,))
    assert (told.reason, told.teams) == (Reason.TEAM, ("Shared",))
    me = present(give(office["me"], rights(Module.INBOX, Level.OWN)))
    told = explain(me, Module.INBOX, READ, (office["led"].user_id,))
    assert (told.reason, told.teams) == (Reason.LED, ("Led",))
    told = explain(me, Module.INBOX, WRITE, (office["led"].user_id,))
    assert (told.reason, told.is_allowed) == (Reason.NO_RIGHT, False)
    Membership.objects.filter(pk=me.pk).update(is_active=False)
    told = explain(present(me), Module.INBOX, READ, (me.user_id,))
    assert (told.reason, told.is_allowed) == (Reason.INACTIVE, False)


def test_key_has_no_records_of_its_own(office: dict[str, Membership]) -> None:
    organization_id = office["me"].organization_id
    for level in (Level.OWN, Level.TEAM):
        key = ApiKeyPrincipal(organization_id, rights(Module.INBOX, level), key_id="k")
        assert not Conversation.objects.visible_to(key).exists()
        assert not can_access(key, Module.INBOX, READ, ())
    key = ApiKeyPrincipal(organization_id, rights_of_scopes(["inbox:read"]), key_id="k")
    assert Conversation.objects.visible_to(key).count() == 5


def test_level_all_of_one_organization_is_nothing_in_another(
    office: dict[str, Membership], stranger: Membership
) -> None:
    assert not Conversation.objects.visible_to(stranger).exists()
    assert not Customer.objects.visible_to(stranger).exists()
    assert not Faq.objects.visible_to(stranger).exists()


def test_rights_and_teams_come_with_the_membership(office: dict[str, Membership]) -> None:
    give(office["me"], rights(Module.INBOX, Level.TEAM))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        me = present(office["me"])
        assert me.rights.level(Module.INBOX) == Level.TEAM
        assert me.colleague_ids == {office[name].user_id for name in ("me", "mate", "led")}
        assert me.led_ids == {office["me"].user_id, office["led"].user_id}
        assert me.role_name.startswith("Role of")
    assert len(asked) == 1


@pytest.mark.parametrize("level", [Level.OWN, Level.TEAM, Level.ALL])
def test_inbox_of_every_level_is_read_by_an_index(
    office: dict[str, Membership], level: Level
) -> None:
    me = present(give(office["me"], rights(Module.INBOX, level)))
    found = Conversation.objects.visible_to(me).with_status("open").newest_first()[:30]
    with connection.cursor() as cursor:
        # A handful of rows would be read whole; the plan for many is asked for.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        plan = found.explain()
    assert re.search(r"Index Scan.* using inbox_by_(status|assignee)", plan), plan
    assert "Seq Scan on chat_conversation" not in plan


def test_who_may_finds_the_same_as_asking_each(organization: Organization) -> None:
    people = [make_member(organization, str(role), role) for role in Role]
    people += [
        member_with(organization, f"own-{read}-{write}", rights(Module.INBOX, read, write))
        for read, write in pairs(Module.INBOX)
    ]
    for area, action in product(Module, Action):
        found = set(Membership.objects.who_may(area, action).values_list("pk", flat=True))
        assert found == {each.pk for each in people if each.may(area, action)}


def test_who_adds_a_customer_sees_and_changes_them_at_every_level(
    office: dict[str, Membership], client: Client
) -> None:
    own = rights(Module.CUSTOMERS, Level.OWN, Level.OWN)
    me, mate = present(give(office["me"], own)), present(give(office["mate"], own))
    client.force_login(me.user)
    added = client.post("/app/customers/new/", {"name": "Added"}, follow=True)
    assert added.status_code == 200
    customer = Customer.objects.get(name="Added")
    assert customer.created_by_id == me.user_id
    assert can_access(me, Module.CUSTOMERS, WRITE, customer.owner_ids)
    update_customer(by=me, customer_id=customer.pk, name="Again")
    made = Api(me).post("/api/v1/customers", {"name": "By the API"})
    assert made.status_code == 201
    assert Api(me).get(made["Location"]).status_code == 200
    assert not Customer.objects.visible_to(mate).filter(pk=customer.pk).exists()
    assert not can_access(mate, Module.CUSTOMERS, READ, customer.owner_ids)
    none = present(give(me, rights(Module.CUSTOMERS, Level.NONE)))
    assert not Customer.objects.visible_to(none).exists()
